//! The world `program`: its ways to ask for events, and its end.

use std::time::Duration;

use crate::support::{Flow, flow, wat};

/// A program between a source of three messages and a sink.
fn between(node: &str) -> Flow {
    let text = format!(
        "
nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - {{ id: node, {node}, inputs: {{ in: source/out }}, outputs: [out] }}
  - {{ id: sink, embedded: true, inputs: {{ in: node/out }} }}
"
    );
    flow(&text).source("source", ["1", "2", "3"]).sink("sink")
}

#[tokio::test(start_paused = true)]
async fn every_way_to_ask_gives_the_same_events_and_none_after_stop() {
    let events = "in:1 in:2 in:3 in-closed stop";
    for (how, expected) in [
        ("next", format!("{events} none none none")),
        ("try-next", format!("{events} ended ended ended")),
        ("next-batch-2", "in:1 in:2 | in:3 | in-closed stop | empty empty empty".into()),
        ("next-batch-100", "in:1 in:2 in:3 | in-closed stop | empty empty empty".into()),
    ] {
        let code = format!("component: guests/pulls.wasm, parameters: {{ how: {how} }}");
        let outcome = between(&code).run().await;
        outcome.assert_ok();
        assert_eq!(outcome.texts("sink"), [expected], "{how}");
        assert!(outcome.report.node("node").unwrap().first_event.is_some(), "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_none_is_empty_at_once_and_takes_nothing() {
    let code = "component: guests/pulls.wasm, parameters: { how: next-batch-0 }";
    let outcome = between(code).run().await;
    outcome.assert_ok();
    assert_eq!(outcome.texts("sink"), ["empty empty empty"]);
    assert_eq!(outcome.input("node", "in").discarded, 3);
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_64_events_at_most() {
    let code = "component: guests/pulls.wasm, parameters: { how: next-batch-1000 }";
    let outcome = between(code).source("source", (0..100).map(|_| "x")).run().await;
    outcome.assert_ok();
    let batches = outcome.texts("sink").remove(0);
    let sizes: Vec<_> = batches.split(" | ").map(|batch| batch.split(' ').count()).collect();
    assert_eq!(sizes, [64, 36, 2, 3], "the closings, and that there are no more");
}

#[tokio::test(start_paused = true)]
async fn try_next_gives_empty_while_nothing_is_there() {
    let text = "nodes: [{ id: node, component: guests/pulls.wasm, outputs: [out], parameters: { how: try-once } }, { id: sink, embedded: true, inputs: { in: node/out } }]";
    let outcome = flow(text).sink("sink").run().await;
    outcome.assert_ok();
    assert_eq!(outcome.texts("sink"), ["empty"]);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_in_the_report_behind_everything_that_was_sent() {
    let code = "component: guests/misbehaves-program.wasm, parameters: { how: fails, at: 2 }";
    let outcome = between(code).run().await;
    assert_eq!(outcome.exit_text("node"), "failed: told to fail");
    let report = outcome.report.node("node").unwrap();
    assert_eq!(report.last_event.as_deref(), Some("message 1 of input `in`"));
    assert_eq!(report.discarded(), 1);
    assert_eq!(outcome.seen("sink"), ["in failed: failed: told to fail", "in closed", "stop"]);
}

/// It looks for a stop by `try-next`, which gives none for as long as it runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_only_looks_for_a_stop_may_send_for_long() {
    let text = "
nodes:
  - id: counts
    component: guests/counts.wasm
    outputs: [out]
    parameters: { count: 300000 }
    limits: { cpu: 50ms }
  - { id: verify, component: guests/verify.wasm, inputs: { in: counts/out } }
";
    let outcome = flow(text).run().await;
    let cpu = outcome.report.node("counts").unwrap().cpu.unwrap();
    assert!(cpu > Duration::from_millis(100), "{cpu:?} shows nothing");
    outcome.assert_ok();
}

#[tokio::test(start_paused = true)]
async fn a_trap_names_the_functions_that_were_active() {
    let outcome = between("component: wat/node.wasm")
        .wat(
            "node",
            &wat::program(
                "(func $deepest unreachable)",
                "(call $say (i32.const 16) (i32.const 3)) (call $deepest)",
            ),
        )
        .run()
        .await;
    assert_eq!(outcome.texts("sink"), ["out"]);
    let thalweg::NodeExit::Trapped { trap, backtrace } = &outcome.report.node("node").unwrap().exit
    else {
        panic!("{:?}", outcome.report);
    };
    assert!(trap.contains("unreachable"), "{trap}");
    assert!(backtrace[0].contains("deepest"), "{backtrace:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_asks_on_after_stop_is_ended_by_force() {
    let code = "component: guests/misbehaves-program.wasm, parameters: { how: asks-on }";
    let outcome = between(code).grace(Duration::from_millis(100)).run().await;
    assert_eq!(outcome.exit("node"), "killed");
}

#[tokio::test(start_paused = true)]
async fn exits_and_panics_of_a_guest_are_told_apart() {
    for guest in ["misbehaves", "misbehaves-program"] {
        let end = async |how: &str| {
            let code = format!("component: guests/{guest}.wasm, parameters: {{ how: {how} }}");
            between(&code).run().await
        };
        let outcome = end("exits").await;
        // WASI 0.2 passes on whether it went well, and no code.
        assert_eq!(outcome.exit_text("node"), "exited with code 1");
        let outcome = end("exits-well").await;
        assert_eq!(outcome.exit("node"), "finished", "{guest}");
        let outcome = end("panics").await;
        assert_eq!(outcome.exit("node"), "trapped");
        let text = outcome.lines_of("node").join("\n");
        assert!(text.contains("told to panic"), "{text}");
    }
}
