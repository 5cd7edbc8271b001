;; Reads behind the end of a payload, gets nothing, and goes on. The length of what is read is at 68.
(func $nothing (param $buffer i32) (param $from i64) (param $len i64)
  (call $read (local.get $buffer) (local.get $from) (local.get $len) (i32.const 64))
  (if (i32.load (i32.const 68)) (then unreachable)))
(func $run (local $buffer i32)
  (local.set $buffer (call $new (i32.const 128) (i32.const 10)))
  (call $nothing (local.get $buffer) (i64.const 10) (i64.const 1))
  (call $nothing (local.get $buffer) (i64.const -1) (i64.const -1))
  (call $nothing (local.get $buffer) (i64.const 0x100000000) (i64.const 10)))
