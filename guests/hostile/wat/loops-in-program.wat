;; Loops without ever asking for an event.
(func $run (loop $on (br $on)))
