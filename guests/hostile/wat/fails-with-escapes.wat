;; Fails with a text that moves the cursor of whoever reads it.
(component
  (core module $code
    (memory (export "memory") 1)
    (data (i32.const 0) "\01\00\00\00\10\00\00\00\0c\00\00\00\00\00\00\00\1b[2J\1b[Howned")
    (func (export "node") (result i32) (i32.const 0)))
  (core instance $node (instantiate $code))
  (func (export "run") (result (result (error string)))
    (canon lift (core func $node "node") (memory (core memory $node "memory")))))
