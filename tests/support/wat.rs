//! Components in text form, with everything that the canonical ABI wants spelt out written once.

/// What a component must say to import all of `thalweg:node` and `wasi:logging`.
const IMPORTS: &str = r#"
  (import "thalweg:node/types@0.1.0" (instance $types
    (export "buffer" (type $buffer (sub resource)))
    (export "[constructor]buffer" (func (param "bytes" (list u8)) (result (own $buffer))))
    (export "[method]buffer.size" (func (param "self" (borrow $buffer)) (result u64)))
    (export "[method]buffer.read" (func
      (param "self" (borrow $buffer)) (param "offset" u64) (param "len" u64) (result (list u8))))
    (export "[method]buffer.share" (func
      (param "self" (borrow $buffer)) (result (own $buffer))))
    (type $encoding' (enum "raw" "arrow"))
    (export "encoding" (type $encoding (eq $encoding')))
    (type $payload' (variant (case "inline" (list u8)) (case "shared" (own $buffer))))
    (export "payload" (type $payload (eq $payload')))
    (type $value' (variant (case "boolean" bool) (case "integer" s64) (case "float" f64)
      (case "text" string) (case "bytes" (list u8))))
    (export "value" (type $value (eq $value')))
    (type $parameter-list' (list (tuple string $value)))
    (export "parameter-list" (type $parameter-list (eq $parameter-list')))
    (type $metadata' (record (field "timestamp" u64) (field "sequence" u64)
      (field "encoding" $encoding) (field "parameters" $parameter-list)))
    (export "metadata" (type $metadata (eq $metadata')))
    (type $message' (record (field "metadata" $metadata) (field "payload" $payload)))
    (export "message" (type $message (eq $message')))
    (type $input' (record (field "id" string) (field "dropped" u64) (field "message" $message)))
    (export "input" (type $input (eq $input')))
    (type $tick' (record (field "id" string) (field "timestamp" u64) (field "missed" u64)))
    (export "tick" (type $tick (eq $tick')))
    (type $input-failed' (record (field "id" string) (field "reason" string) (field "restarts" bool)))
    (export "input-failed" (type $input-failed (eq $input-failed')))
    (type $input-restarted' (record (field "id" string) (field "count" u64)))
    (export "input-restarted" (type $input-restarted (eq $input-restarted')))
    (type $input-closed' (record (field "id" string) (field "dropped" u64)))
    (export "input-closed" (type $input-closed (eq $input-closed')))
    (type $stop-reason' (enum "requested" "inputs-closed"))
    (export "stop-reason" (type $stop-reason (eq $stop-reason')))
    (type $event' (variant (case "input" $input) (case "tick" $tick)
      (case "input-failed" $input-failed) (case "input-restarted" $input-restarted)
      (case "input-closed" $input-closed) (case "stop" $stop-reason)))
    (export "event" (type $event (eq $event')))))
  (alias export $types "buffer" (type $buffer))
  (alias export $types "encoding" (type $encoding))
  (alias export $types "payload" (type $payload))
  (alias export $types "parameter-list" (type $parameter-list))
  (alias export $types "event" (type $event))
  (import "thalweg:node/outputs@0.1.0" (instance $outputs
    (alias outer 1 $encoding (type $encoding'))
    (export "encoding" (type $encoding (eq $encoding')))
    (alias outer 1 $payload (type $payload'))
    (export "payload" (type $payload (eq $payload')))
    (alias outer 1 $parameter-list (type $parameter-list'))
    (export "parameter-list" (type $parameter-list (eq $parameter-list')))
    (type $send-error' (variant (case "unknown-output") (case "closed") (case "too-large" u64)))
    (export "send-error" (type $send-error (eq $send-error')))
    (export "send" (func (param "output" string) (param "payload" $payload)
      (param "encoding" $encoding) (param "parameters" $parameter-list)
      (result (result (error $send-error)))))))
  (import "thalweg:node/events@0.1.0" (instance $events
    (alias outer 1 $event (type $event'))
    (export "event" (type $event (eq $event')))
    (export "next" (func (result (option $event))))
    (export "next-batch" (func (param "max" u32) (result (list $event))))))
  (import "thalweg:node/lifecycle@0.1.0" (instance $lifecycle (export "finish" (func))))
  (import "wasi:logging/logging@0.1.0-draft" (instance $logging
    (type $level' (enum "trace" "debug" "info" "warn" "error" "critical"))
    (export "level" (type $level (eq $level')))
    (export "log" (func (param "level" $level) (param "context" string) (param "message" string)))))
"#;

/// A memory of one page with a `realloc` that never frees, and what is imported, as core functions.
const LOWERED: &str = r#"
  (core module $memory
    (memory (export "memory") 1)
    (global $free (mut i32) (i32.const 0x8000))
    (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32) (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
      (global.set $free (i32.add (local.get $at) (local.get $size)))
      (block $room (loop $grow
        (br_if $room (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 0x10000))))
        (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
        (br $grow)))
      (local.get $at)))
  (core instance $m (instantiate $memory))
  (core func $send (canon lower (func $outputs "send")
    (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (core func $next (canon lower (func $events "next")
    (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (core func $next-batch (canon lower (func $events "next-batch")
    (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (core func $finish (canon lower (func $lifecycle "finish")))
  (core func $log (canon lower (func $logging "log") (memory (core memory $m "memory"))))
  (core func $new (canon lower (func $types "[constructor]buffer") (memory (core memory $m "memory"))))
  (core func $size (canon lower (func $types "[method]buffer.size")))
  (core func $read (canon lower (func $types "[method]buffer.read")
    (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (core func $share (canon lower (func $types "[method]buffer.share")))
  (core func $drop (canon resource.drop $buffer))
  (core instance $host
    (export "send" (func $send)) (export "next" (func $next))
    (export "next-batch" (func $next-batch)) (export "finish" (func $finish))
    (export "log" (func $log)) (export "new" (func $new)) (export "size" (func $size))
    (export "read" (func $read)) (export "share" (func $share)) (export "drop" (func $drop)))
"#;

/// The beginning of the module with the node's own code. Bytes 0 to 15 are the `ok` that it returns, 16
/// to 18 are "out", results of calls go to 32 and above, and from 128 to 32 Ki all is free.
const MODULE: &str = r#"
    (import "m" "memory" (memory 1))
    (import "host" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "host" "next" (func $next (param i32)))
    (import "host" "next-batch" (func $next-batch (param i32 i32)))
    (import "host" "finish" (func $finish))
    (import "host" "log" (func $log (param i32 i32 i32 i32 i32)))
    (import "host" "new" (func $new (param i32 i32) (result i32)))
    (import "host" "size" (func $size (param i32) (result i64)))
    (import "host" "read" (func $read (param i32 i64 i64 i32)))
    (import "host" "share" (func $share (param i32) (result i32)))
    (import "host" "drop" (func $drop (param i32)))
    (data (i32.const 16) "out")
    ;; Sends a payload on `out`: 0 and bytes, or 1 and a handle. Traps if it is refused.
    (func $send-out (param $case i32) (param $at i32) (param $len i32)
      (call $send (i32.const 16) (i32.const 3) (local.get $case) (local.get $at) (local.get $len)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32))
      (if (i32.load8_u (i32.const 32)) (then unreachable)))
    (func $say (param $at i32) (param $len i32)
      (call $send-out (i32.const 0) (local.get $at) (local.get $len)))
"#;

/// A handler. `on_events` is the core code of its function, with the list in `$at` and `$count` (an
/// event is 72 bytes long); `definitions` stand beside it.
pub fn handler(definitions: &str, on_events: &str) -> String {
    let function = format!(
        r#"(func (export "node") (param $at i32) (param $count i32) (result i32) {on_events} (i32.const 0))"#
    );
    let export = r#"(func (export "on-events") (param "events" (list $event)) (result (result (error string)))
      (canon lift (core func $node "node") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))"#;
    component(definitions, &function, export)
}

/// A program. `run` is the core code of its function; `definitions` stand beside it.
pub fn program(definitions: &str, run: &str) -> String {
    let function = format!(r#"(func (export "node") (result i32) {run} (i32.const 0))"#);
    let export = r#"(func (export "run") (result (result (error string)))
      (canon lift (core func $node "node") (memory (core memory $m "memory"))))"#;
    component(definitions, &function, export)
}

fn component(definitions: &str, function: &str, export: &str) -> String {
    format!(
        "(component {IMPORTS} {LOWERED}
          (core module $code {MODULE} {definitions} {function})
          (core instance $node (instantiate $code (with \"m\" (instance $m)) (with \"host\" (instance $host))))
          {export})"
    )
}

/// A core memory of this many pages, as every component needs.
pub fn memory(pages: u32) -> String {
    format!(r#"(memory (export "memory") {pages})"#)
}

/// A program that imports nothing and returns at once, with other things beside it. `core` is in its only
/// module, and must define the [`memory`].
pub fn bare_program(beside: &str, core: &str) -> String {
    format!(
        r#"(component {beside}
          (core module $code {core}
            (func (export "node") (result i32) (i32.const 0)))
          (core instance $node (instantiate $code))
          (func (export "run") (result (result (error string)))
            (canon lift (core func $node "node") (memory (core memory $node "memory")))))"#
    )
}
