;; Clears the screen of whoever reads its log, and writes a line in the name of another node.
(data (i32.const 128) "\1b[2J\1b]0;owned\07\0decho | all is well\c2\9b31m")
(func $run (call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 128) (i32.const 38)))
