;; Reads by a number that it was never given.
(func $run
  (drop (call $new (i32.const 128) (i32.const 10)))
  (call $read (i32.const 2) (i64.const 0) (i64.const 10) (i32.const 64)))
