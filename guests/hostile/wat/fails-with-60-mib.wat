;; Fails with a text of 60 MiB.
(component
  (core module $code
    (memory (export "memory") 1000)
    (data (i32.const 0) "\01\00\00\00\10\00\00\00\00\00\c0\03")
    (func (export "node") (result i32) (memory.fill (i32.const 16) (i32.const 0x78) (i32.const 0x3C00000)) (i32.const 0)))
  (core instance $node (instantiate $code))
  (func (export "run") (result (result (error string)))
    (canon lift (core func $node "node") (memory (core memory $node "memory")))))
