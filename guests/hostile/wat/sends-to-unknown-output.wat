;; Sends to an output that it does not have, is told so, and goes on.
(data (i32.const 128) "no-such-output")
(func $run
  (call $send (i32.const 128) (i32.const 14) (i32.const 0) (i32.const 0) (i32.const 1)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32))
  (if (i32.ne (i32.load8_u (i32.const 32)) (i32.const 1)) (then unreachable))
  (if (i32.ne (i32.load8_u (i32.const 40)) (i32.const 0)) (then unreachable))
  (call $say (i32.const 128) (i32.const 1)))
