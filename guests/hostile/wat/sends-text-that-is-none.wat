;; Names an output in bytes that are no text.
(data (i32.const 128) "\ff\fe\fd")
(func $run
  (call $send (i32.const 128) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32)))
