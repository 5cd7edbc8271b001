;; Calls itself by a table, with many values on the stack.
(type $code (func (param i64 i64 i64 i64) (result i64)))
(table $table 1 funcref)
(elem (i32.const 0) $deeper)
(func $deeper (type $code)
  (i64.add (local.get 0) (call_indirect $table (type $code)
    (local.get 3) (local.get 2) (local.get 1) (local.get 0) (i32.const 0))))
(func $run (drop (call $deeper (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4))))
