;; Returns neither well nor failed.
(component
  (core module $code
    (memory (export "memory") 1)
    (func (export "node") (result i32) (i32.store8 (i32.const 64) (i32.const 9)) (i32.const 64)))
  (core instance $node (instantiate $code))
  (func (export "run") (result (result (error string)))
    (canon lift (core func $node "node") (memory (core memory $node "memory")))))
