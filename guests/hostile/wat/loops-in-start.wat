;; Loops before it is ready: in the start function of its module.
(component
  (core module $code
    (memory (export "memory") 1)
    (func $start (loop $on (br $on)))
    (start $start)
    (func (export "node") (result i32) (i32.const 0)))
  (core instance $node (instantiate $code))
  (func (export "run") (result (result (error string)))
    (canon lift (core func $node "node") (memory (core memory $node "memory")))))
