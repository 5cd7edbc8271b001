;; Sends one byte more than its limit, is told so, and goes on. An error of `send` is told at byte 32, and
;; which one at 40.
(func $run
  (drop (memory.grow (i32.const 1100)))
  (call $send (i32.const 16) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0x4000001)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32))
  (if (i32.ne (i32.load8_u (i32.const 32)) (i32.const 1)) (then unreachable))
  (if (i32.ne (i32.load8_u (i32.const 40)) (i32.const 2)) (then unreachable))
  (call $say (i32.const 128) (i32.const 1)))
