;; Asks for all the memory that 32 bits can reach.
(func $run (drop (memory.grow (i32.const 65535))))
