;; Sends without end to an output that nobody reads.
(data (i32.const 128) "unread")
(func $run
  (loop $on
    (call $send (i32.const 128) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 1024)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32))
    (br_if $on (i32.eqz (i32.load8_u (i32.const 32))))))
