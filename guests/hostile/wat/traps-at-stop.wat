;; Traps when it is asked to stop. An event is 72 bytes long, and a stop is the last of six kinds.
(func $on-events (param $at i32) (param $count i32)
  (loop $on
    (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 5)) (then unreachable))
    (local.set $at (i32.add (local.get $at) (i32.const 72)))
    (br_if $on (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))
