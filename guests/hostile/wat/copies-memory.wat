;; Loops inside a bulk operation: it moves half of its memory over the other half, again and again.
(func $run (local $half i32)
  (drop (memory.grow (i32.const 1500)))
  (local.set $half (i32.mul (i32.div_u (memory.size) (i32.const 2)) (i32.const 0x10000)))
  (loop $on
    (memory.copy (i32.const 0) (local.get $half) (local.get $half))
    (br $on)))
