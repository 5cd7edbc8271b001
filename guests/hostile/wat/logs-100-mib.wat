;; Writes a line of 100 MiB to the log.
(func $run
  (drop (memory.grow (i32.const 1700)))
  (memory.fill (i32.const 0x10000) (i32.const 0x78) (i32.const 0x6400000))
  (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0x10000) (i32.const 0x6400000)))
