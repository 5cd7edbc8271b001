;; Sends a list that is longer than any memory.
(func $run (call $say (i32.const 0) (i32.const 0xFFFFFFFF)))
