;; Sends without end to a reader that never takes anything.
(func $run (loop $on (call $say (i32.const 128) (i32.const 1024)) (br $on)))
