;; Asks the host for the size of a resource that is its own.
(component
  (import "thalweg:node/types@0.1.0" (instance $types
    (export "buffer" (type $buffer (sub resource)))
    (export "[method]buffer.size" (func (param "self" (borrow $buffer)) (result u64)))))
  (type $own (resource (rep i32)))
  (core func $make (canon resource.new $own))
  (core func $size (canon lower (func $types "[method]buffer.size")))
  (core instance $host (export "make" (func $make)) (export "size" (func $size)))
  (core module $code
    (import "host" "make" (func $make (param i32) (result i32)))
    (import "host" "size" (func $size (param i32) (result i64)))
    (memory (export "memory") 1)
    (func (export "node") (result i32)
      (drop (call $size (call $make (i32.const 1)))) (i32.const 0)))
  (core instance $node (instantiate $code (with "host" (instance $host))))
  (func (export "run") (result (result (error string)))
    (canon lift (core func $node "node") (memory (core memory $node "memory")))))
