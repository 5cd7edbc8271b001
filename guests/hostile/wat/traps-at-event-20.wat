;; Traps with its twentieth event in hand.
(global $seen (mut i32) (i32.const 0))
(func $on-events (param $at i32) (param $count i32)
  (global.set $seen (i32.add (global.get $seen) (local.get $count)))
  (if (i32.ge_u (global.get $seen) (i32.const 20)) (then unreachable)))
