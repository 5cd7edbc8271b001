;; Loops inside a bulk operation: it overwrites all of its memory, again and again.
(func $run
  (drop (memory.grow (i32.const 1500)))
  (loop $on
    (memory.fill (i32.const 0) (i32.const 0xAA) (i32.mul (memory.size) (i32.const 0x10000)))
    (br $on)))
