//! Every limit that the descriptor or the host sets ends the node that passes it, by its name, and no
//! other node.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::support::{Flow, Outcome, flow, wat};

/// A bad node beside two good ones: `ping` and `pong` exchange messages until `bad/out` has closed, and
/// at least ten.
fn beside_neighbours(code: &str) -> Flow {
    let text = format!(
        "
nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - {{ id: bad, {code}, inputs: {{ in: source/out }}, outputs: [out] }}
  - {{ id: watch, embedded: true, inputs: {{ in: {{ source: bad/out, queue: 1 }} }} }}
  - {{ id: ping, embedded: true, inputs: {{ back: pong/out }}, outputs: [out] }}
  - {{ id: pong, embedded: true, inputs: {{ in: {{ source: ping/out, overflow: drop-newest }} }}, outputs: [out] }}
"
    );
    let over = Arc::new(AtomicBool::new(false));
    let bad_is_over = Arc::clone(&over);
    flow(&text)
        .source("source", ["1", "2"])
        .embed("watch", move |mut ports| async move {
            while ports.recv().await.is_some() {}
            over.store(true, Ordering::Relaxed);
            Ok(())
        })
        .embed("ping", move |mut ports| async move {
            let mut rounds = 0;
            while rounds < 10 || !bad_is_over.load(Ordering::Relaxed) {
                rounds += 1;
                ports.send("out", "ping").await.map_err(|error| error.to_string())?;
                ports.recv().await;
            }
            Ok(())
        })
        .embed("pong", |mut ports| async move {
            while let Some(thalweg::Event::Input(_)) = ports.recv().await {
                ports.send("out", "pong").await.map_err(|error| error.to_string())?;
            }
            Ok(())
        })
}

/// How the bad node ended. The neighbours, on the same thread, must have gone on.
async fn end_of(flow: Flow) -> (String, Outcome) {
    let outcome = flow.run().await;
    for node in ["source", "watch", "ping", "pong"] {
        assert!(outcome.report.node(node).unwrap().exit.is_ok(), "{:#?}", outcome.report);
    }
    assert!(outcome.report.node("ping").unwrap().events_out >= 10);
    (outcome.exit_text("bad"), outcome)
}

/// The same of a guest that misbehaves in this way, as a handler and as a program.
async fn ends_of(how: &str, limits: &str) -> [String; 2] {
    let mut ends = [String::new(), String::new()];
    for (end, guest) in ends.iter_mut().zip(["misbehaves", "misbehaves-program"]) {
        let code = format!(
            "component: guests/{guest}.wasm, parameters: {{ how: {how} }}, limits: {{ {limits} }}"
        );
        *end = end_of(beside_neighbours(&code)).await.0;
    }
    ends
}

async fn assert_ends(how: &str, limits: &str, expected: &str) {
    for end in ends_of(how, limits).await {
        assert!(end.starts_with(expected), "{how}: {end}");
    }
}

#[tokio::test]
async fn memory_is_limited() {
    assert_ends("allocates", "memory: 8MiB", "out of memory: it asked for ").await;
    let [end, _] = ends_of("allocates", "memory: 8MiB").await;
    assert!(end.ends_with("its limit is 8388608"), "{end}");
}

#[tokio::test]
async fn cpu_time_is_limited() {
    let limit = "cpu: 100ms";
    assert_ends("spins", limit, "out of time: it used more than 100ms of CPU for ").await;
}

#[tokio::test]
async fn neighbours_on_the_same_thread_go_on_while_a_component_spins() {
    let code =
        "component: guests/misbehaves.wasm, parameters: { how: spins }, limits: { cpu: 300ms }";
    let (_, outcome) = end_of(beside_neighbours(code)).await;
    assert_eq!(outcome.exit("bad"), "out-of-time");
    let rounds = outcome.report.node("ping").unwrap().events_out;
    assert!(rounds >= 15, "only {rounds} rounds in thirty epochs");
}

#[tokio::test]
async fn a_program_may_use_its_time_again_for_each_event() {
    let work = "(loop $on (call $next (i32.const 64))
        (local.set $left (i32.const 10000000))
        (loop $work
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (i32.store (i32.const 200) (i32.add (i32.load (i32.const 200)) (local.get $left)))
          (br_if $work (local.get $left)))
        (br_if $on (i32.load8_u (i32.const 64))))";
    let program = wat::program("", &format!("(local $left i32) {work}"));
    let flow = beside_neighbours("component: wat/works.wasm, limits: { cpu: 200ms }")
        .wat("works", &program)
        .source("source", (0..100).map(|number: u32| number.to_string()));
    let (end, outcome) = end_of(flow).await;
    assert_eq!(end, "finished");
    let cpu = outcome.report.node("bad").unwrap().cpu.unwrap();
    assert!(cpu.as_millis() > 200, "{cpu:?} for all events shows nothing");
}

#[tokio::test]
async fn asking_for_no_events_gives_no_more_time() {
    let program =
        wat::program("", "(loop $on (call $next-batch (i32.const 0) (i32.const 64)) (br $on))");
    let flow =
        beside_neighbours("component: wat/asks.wasm, limits: { cpu: 100ms }").wat("asks", &program);
    assert_eq!(end_of(flow).await.1.exit("bad"), "out-of-time");
}

#[tokio::test]
async fn recursion_traps() {
    let expected = "trapped: wasm trap: call stack exhausted";
    assert_ends("recurses", "memory: 128MiB", expected).await;
}

#[tokio::test]
async fn handles_are_limited() {
    assert_ends("holds-handles", "memory: 128MiB", "out of handles: it may hold 10000").await;
}

#[tokio::test]
async fn a_flood_is_held_back_by_its_reader() {
    let code =
        "component: guests/misbehaves.wasm, parameters: { how: floods }, limits: { cpu: 300ms }";
    let (_, outcome) = end_of(beside_neighbours(code).grace(Duration::from_secs(1))).await;
    let end = outcome.exit("bad");
    assert!(["out-of-time", "killed"].contains(&end), "{end}: most of its time it waits");
    assert!(outcome.input("watch", "in").discarded <= 1, "a queue of one");
}

#[tokio::test]
async fn a_payload_over_the_limit_is_refused() {
    let limits = "payload: 32MiB, memory: 256MiB";
    let expected = "failed: cannot send on output `out`: the payload is larger than 33554432 bytes";
    // One byte over twice the limit cannot even be looked at.
    assert_ends("sends-too-large", limits, "trapped: ").await;
    let limits = "payload: 64MiB, memory: 256MiB";
    let expected = expected.replace("33554432", "67108864");
    assert_ends("sends-too-large", limits, &expected).await;
}

#[tokio::test]
async fn an_unknown_output_is_an_error_that_the_node_sees() {
    let expected = "failed: cannot send: the descriptor gives this node no output `no-such-output`";
    assert_ends("sends-unknown", "", expected).await;
}

fn growing(grow: &str) -> String {
    let definitions = "(table $table 10 funcref)";
    wat::program(definitions, &format!("(loop $on {grow} drop (br $on))"))
}

#[tokio::test]
async fn table_elements_are_limited() {
    let flow = beside_neighbours("component: wat/grows.wasm, limits: { table_elements: 1000 }")
        .wat("grows", &growing("(table.grow $table (ref.null func) (i32.const 100))"));
    let (end, outcome) = end_of(flow).await;
    assert_eq!(end, "out of table elements: it asked for 1010, its limit is 1000");
    assert_eq!(outcome.exit("bad"), "out-of-table-elements");
}

#[tokio::test]
async fn memories_are_limited_together() {
    let second = "(memory $second 1)";
    let grow = "(loop $on (drop (memory.grow $second (i32.const 1))) (br $on))";
    let flow = beside_neighbours("component: wat/grows.wasm, limits: { memory: 1MiB }")
        .wat("grows", &wat::program(second, grow));
    let (end, outcome) = end_of(flow).await;
    // One page of 64 KiB is that of the first memory.
    assert_eq!(end, "out of memory: it asked for 1114112 bytes, its limit is 1048576");
    assert_eq!(outcome.report.node("bad").unwrap().peak_memory, Some(1_048_576));
}

async fn start_error(core: &str, limits: &str) -> String {
    let text = format!("nodes: [{{ id: bad, component: wat/bad.wasm, limits: {{ {limits} }} }}]");
    let flow = flow(&text).wat("bad", &wat::bare_program("", core));
    let error = flow.try_start().await.err().expect("a start error").to_string();
    error.split_once("bad.wasm`: ").unwrap().1.to_owned()
}

#[tokio::test]
async fn limits_hold_before_a_component_begins() {
    let error = start_error(&wat::memory(200), "memory: 2MiB").await;
    let expected = "it cannot be made ready within its limits: out of memory: it asked for ";
    assert!(error.starts_with(expected), "{error}");
    let error =
        start_error(&(wat::memory(1) + "(table 5000 funcref)"), "table_elements: 4999").await;
    let expected = "out of table elements: it asked for 5000, its limit is 4999";
    assert_eq!(error, format!("it cannot be made ready within its limits: {expected}"));
    let spins = wat::memory(1) + "(func $s (loop $l (br $l))) (start $s)";
    let error = start_error(&spins, "cpu: 50ms").await;
    let expected = "out of time: it used more than 50ms of CPU for 0 event(s)";
    assert_eq!(error, format!("it cannot be made ready within its limits: {expected}"));
}

#[tokio::test]
async fn a_module_may_have_several_memories_and_tables() {
    let core = wat::memory(1) + "(memory 1) (memory 2) (table 1 funcref) (table 9 funcref)";
    let text = "nodes: [{ id: several, component: wat/several.wasm }]";
    flow(text).wat("several", &wat::bare_program("", &core)).run().await.assert_ok();
}

#[tokio::test]
async fn randomness_for_one_call_is_limited() {
    let random = |bytes: u32| {
        format!(
            r#"(component
              (import "wasi:random/random@0.2.0" (instance $random
                (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
              (core module $memory (memory (export "memory") 100)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
              (core instance $m (instantiate $memory))
              (core func $get (canon lower (func $random "get-random-bytes")
                (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
              (core instance $host (export "get" (func $get)))
              (core module $code (import "m" "memory" (memory 1))
                (import "host" "get" (func $get (param i64 i32)))
                (func (export "node") (result i32)
                  (call $get (i64.const {bytes}) (i32.const 64)) (i32.const 0)))
              (core instance $node (instantiate $code
                (with "m" (instance $m)) (with "host" (instance $host))))
              (func (export "run") (result (result (error string)))
                (canon lift (core func $node "node") (memory (core memory $m "memory")))))"#
        )
    };
    let text = "nodes: [{ id: bad, component: wat/bad.wasm }]";
    let outcome = flow(text).wat("bad", &random(1 << 20)).run().await;
    outcome.assert_ok();
    let outcome = flow(text).wat("bad", &random((1 << 20) + 1)).run().await;
    assert_eq!(outcome.exit("bad"), "trapped");
}

/// Tells of each message whether it came inline (0) or shared (1), by the tag of its payload.
const TELLS: &str = "(loop $on
    (if (i32.eqz (i32.load8_u (local.get $at)))
      (then (call $say (i32.add (local.get $at) (i32.const 56)) (i32.const 1))))
    (local.set $at (i32.add (local.get $at) (i32.const 72)))
    (br_if $on (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))";

#[tokio::test]
async fn payloads_come_inline_up_to_the_threshold() {
    for (limits, sizes, expected) in [
        ("", [0, 8192, 8193], [0, 0, 1]),
        ("limits: { inline: 0 },", [0, 1, 2], [0, 1, 1]),
        ("limits: { inline: 1MiB },", [8193, 1 << 20, (1 << 20) + 1], [0, 0, 1]),
    ] {
        let text = format!(
            "
nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - {{ id: tells, component: wat/tells.wasm, {limits} inputs: {{ in: source/out }}, outputs: [out] }}
  - {{ id: sink, embedded: true, inputs: {{ in: tells/out }} }}
"
        );
        let outcome = flow(&text)
            .wat("tells", &wat::handler("", TELLS))
            .source("source", sizes.map(|size| vec![b'x'; size]))
            .sink("sink")
            .run()
            .await;
        outcome.assert_ok();
        let told: Vec<_> = outcome.payloads("sink").map(|tag| tag[0]).collect();
        assert_eq!(told, expected, "{limits}");
    }
}

/// What the host keeps for a node is bounded too: handles that its messages bring count.
#[tokio::test]
async fn handles_that_come_with_messages_are_limited() {
    let taken = Arc::new(AtomicU64::new(0));
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: keeps, component: wat/keeps.wasm, inputs: { in: source/out }, limits: { inline: 0 } }
";
    let counted = Arc::clone(&taken);
    let outcome = flow(text)
        .wat("keeps", &wat::handler("", ""))
        .embed("source", move |mut ports| async move {
            while ports.send("out", "kept").await.is_ok() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        })
        .run()
        .await;
    assert_eq!(outcome.exit("keeps"), "out-of-handles");
    assert!(taken.load(Ordering::Relaxed) >= 10_000);
}
