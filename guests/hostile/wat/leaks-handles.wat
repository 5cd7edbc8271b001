;; Makes handles and drops none.
(func $run (loop $on (drop (call $new (i32.const 0) (i32.const 1))) (br $on)))
