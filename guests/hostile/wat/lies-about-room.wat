;; Gives the host room that lies behind its memory.
(component
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (core module $memory
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const -64)))
  (core instance $m (instantiate $memory))
  (core func $get (canon lower (func $random "get-random-bytes")
    (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (core instance $host (export "get" (func $get)))
  (core module $code
    (import "host" "get" (func $get (param i64 i32)))
    (func (export "node") (result i32) (call $get (i64.const 64) (i32.const 64)) (i32.const 0)))
  (core instance $node (instantiate $code (with "host" (instance $host))))
  (func (export "run") (result (result (error string)))
    (canon lift (core func $node "node") (memory (core memory $m "memory")))))
