;; Writes a line of 60 MiB to the log, and then another, for which it has to wait.
(func $run
  (drop (memory.grow (i32.const 1100)))
  (memory.fill (i32.const 0x10000) (i32.const 0x78) (i32.const 0x3C00000))
  (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0x10000) (i32.const 0x3C00000))
  (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0x10000) (i32.const 0x3C00000)))
