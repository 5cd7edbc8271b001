;; Is of two worlds.
(component
  (core module $code
    (memory (export "memory") 1)
    (func (export "node") (result i32) (i32.const 0)))
  (core instance $node (instantiate $code))
  (func $run (result (result (error string)))
    (canon lift (core func $node "node") (memory (core memory $node "memory"))))
  (export "run" (func $run))
  (export "on-events" (func $run)))
