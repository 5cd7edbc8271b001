;; Sends a parameter whose name is 60 MiB long, without end.
(data (i32.const 128) "\00\00\01\00\00\00\c0\03")
(func $run
  (drop (memory.grow (i32.const 1100)))
  (loop $on
    (call $send (i32.const 16) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1)
      (i32.const 0) (i32.const 128) (i32.const 1) (i32.const 32))
    (br_if $on (i32.eqz (i32.load8_u (i32.const 32))))))
