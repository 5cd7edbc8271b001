;; Sends a payload that is neither inline nor shared.
(func $run (call $send-out (i32.const 77) (i32.const 0) (i32.const 1)))
