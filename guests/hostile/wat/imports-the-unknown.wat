;; Wants to start processes of the host.
(component
  (import "host:process/spawn@1.0.0" (instance (export "spawn" (func (param "command" string)))))
  (core module $code
    (memory (export "memory") 1)
    (func (export "node") (result i32) (i32.const 0)))
  (core instance $node (instantiate $code))
  (func (export "run") (result (result (error string)))
    (canon lift (core func $node "node") (memory (core memory $node "memory")))))
