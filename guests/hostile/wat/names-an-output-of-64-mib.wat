;; Sends to an output whose name is 64 MiB long, is told that there is none, and goes on.
(func $run
  (drop (memory.grow (i32.const 1100)))
  (call $send (i32.const 0) (i32.const 0x4000000) (i32.const 0) (i32.const 0) (i32.const 1)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32))
  (if (i32.ne (i32.load8_u (i32.const 32)) (i32.const 1)) (then unreachable))
  (if (i32.ne (i32.load8_u (i32.const 40)) (i32.const 0)) (then unreachable)))
