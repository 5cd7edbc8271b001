;; Takes memory page by page, and touches each.
(func $run
  (loop $on
    (i32.store (i32.mul (memory.grow (i32.const 1)) (i32.const 0x10000)) (i32.const 1))
    (br $on)))
