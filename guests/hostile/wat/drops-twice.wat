;; Drops a handle twice.
(func $run (local $buffer i32)
  (local.set $buffer (call $new (i32.const 128) (i32.const 10)))
  (call $drop (local.get $buffer))
  (call $drop (local.get $buffer)))
