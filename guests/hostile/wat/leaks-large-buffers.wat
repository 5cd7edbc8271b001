;; Has the host hold one copy of 64 MiB after the other.
(func $run
  (drop (memory.grow (i32.const 1100)))
  (loop $on (drop (call $new (i32.const 0) (i32.const 0x4000000))) (br $on)))
