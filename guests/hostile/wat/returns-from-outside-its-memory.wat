;; Returns a result that lies behind its memory.
(component
  (core module $code
    (memory (export "memory") 1)
    (func (export "node") (result i32) (i32.const 0x7FFFFFF0)))
  (core instance $node (instantiate $code))
  (func (export "run") (result (result (error string)))
    (canon lift (core func $node "node") (memory (core memory $node "memory")))))
