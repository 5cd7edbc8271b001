;; Reads a payload after it gave the handle away.
(func $run (local $buffer i32)
  (local.set $buffer (call $new (i32.const 128) (i32.const 10)))
  (call $send-out (i32.const 1) (local.get $buffer) (i32.const 0))
  (call $read (local.get $buffer) (i64.const 0) (i64.const 10) (i32.const 64)))
