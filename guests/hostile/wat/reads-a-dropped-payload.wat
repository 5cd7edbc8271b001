;; Reads a payload after it dropped the handle.
(func $run (local $buffer i32)
  (local.set $buffer (call $new (i32.const 128) (i32.const 10)))
  (call $drop (local.get $buffer))
  (call $read (local.get $buffer) (i64.const 0) (i64.const 10) (i32.const 64)))
