;; Begins with more table elements than it may have.
(component
  (core module $code
    (memory (export "memory") 1)
    (table 10000000 funcref)
    (func (export "node") (result i32) (i32.const 0)))
  (core instance $node (instantiate $code))
  (func (export "run") (result (result (error string)))
    (canon lift (core func $node "node") (memory (core memory $node "memory")))))
