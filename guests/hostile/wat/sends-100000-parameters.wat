;; Sends a message of nothing but 100,000 parameters, without end. One is 24 bytes long: all zero, it is a
;; boolean without a name.
(func $run
  (drop (memory.grow (i32.const 40)))
  (loop $on
    (call $send (i32.const 16) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1)
      (i32.const 0) (i32.const 0x10000) (i32.const 100000) (i32.const 32))
    (br_if $on (i32.eqz (i32.load8_u (i32.const 32))))))
