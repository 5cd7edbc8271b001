;; Loops inside a bulk operation on a table, as large as it may be.
(table $table 100000 funcref)
(func $run
  (loop $on
    (table.fill $table (i32.const 0) (ref.null func) (i32.const 100000))
    (br $on)))
