;; Loops with the first event in hand.
(func $on-events (param $at i32) (param $count i32) (loop $on (br $on)))
