;; Makes its table larger and larger.
(table $table 1 funcref)
(func $run
  (loop $on (drop (table.grow $table (ref.null func) (i32.const 1000))) (br $on)))
