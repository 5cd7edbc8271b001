;; Writes ten million lines to the log.
(data (i32.const 128) "a line of no interest")
(func $run (local $left i32)
  (local.set $left (i32.const 10000000))
  (loop $on
    (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 128) (i32.const 21))
    (br_if $on (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))
