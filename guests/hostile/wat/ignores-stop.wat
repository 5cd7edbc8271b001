;; Goes on as if nothing had been said when it is asked to stop.
(func $run
  (loop $on (call $next (i32.const 64)) (br_if $on (i32.load8_u (i32.const 64))))
  (loop $for-ever (call $say (i32.const 128) (i32.const 1)) (br $for-ever)))
