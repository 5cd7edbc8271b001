;; Sends what lies behind its memory.
(func $run (call $say (i32.const 0x7FFF0000) (i32.const 0x1000)))
