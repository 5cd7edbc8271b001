//! The world `handler`, by real components.

use std::sync::{Arc, Mutex};

use crate::support::{Flow, flow, recv_all, short, wat};

fn echo_flow(echo: &str) -> String {
    format!(
        "
nodes:
  - id: source
    embedded: true
    outputs: [out]
  - id: echo
    component: guests/{echo}.wasm
    inputs: {{ in: source/out }}
    outputs: [out]
    limits: {{ memory: 256MiB }}
  - id: sink
    embedded: true
    inputs: {{ in: echo/out }}
"
    )
}

/// What a sink receives when `texts` go through a guest that forwards.
async fn forwarded_by(echo: &str, texts: &'static [&'static str]) -> Vec<String> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let outcome = flow(&echo_flow(echo))
        .embed("source", move |mut ports| async move {
            for text in texts {
                ports.send("out", *text).await.map_err(|error| error.to_string())?;
            }
            Ok(())
        })
        .embed("sink", move |mut ports| async move {
            let events = recv_all(&mut ports).await;
            *sink.lock().unwrap() = events.iter().map(short).collect();
            Ok(())
        })
        .run()
        .await;
    assert!(outcome.report.is_ok(), "{:#?}", outcome.report);
    Arc::try_unwrap(seen).unwrap().into_inner().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_events_come_out_of_every_guest_that_forwards() {
    let texts = &["one", "two", "", "a longer one, but still inline"];
    let expected =
        ["in:one", "in:two", "in:", "in:a longer one, but still inline", "in closed", "stop"];
    for echo in ["echo", "echo-program", "echo-python"] {
        assert_eq!(forwarded_by(echo, texts).await, expected, "{echo}");
    }
}

/// A handler between a source of five messages, all there before it begins, and a sink.
fn batch_of_five(node: &str) -> Flow {
    let text = format!(
        "
nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - {{ id: node, {node}, inputs: {{ in: source/out }}, outputs: [out] }}
  - {{ id: sink, embedded: true, inputs: {{ in: node/out }} }}
"
    );
    flow(&text).source("source", ["1", "2", "3", "4", "5"]).sink("sink")
}

/// Sends the first `sends` events of its first batch on by one byte each, then does `then`.
fn sends_then(sends: u32, then: &str) -> String {
    let send = "(call $say (i32.const 16) (i32.const 1))".repeat(sends as usize);
    wat::handler("", &format!("{send} {then}"))
}

#[tokio::test(start_paused = true)]
async fn a_trap_in_the_middle_of_a_batch_delivers_what_was_sent_and_no_event_twice() {
    let outcome = batch_of_five("component: wat/node.wasm")
        .wat("node", &sends_then(2, "unreachable"))
        .run()
        .await;
    assert_eq!(outcome.exit("node"), "trapped");
    let failed = format!("in failed: {}", outcome.exit_text("node"));
    assert_eq!(outcome.seen("sink"), ["in:o", "in:o", &failed, "in closed", "stop"]);
    let books = outcome.input("node", "in");
    assert_eq!((books.received, books.delivered), (5, 5), "the whole batch was handed over");
    let last_event = outcome.report.node("node").unwrap().last_event.clone();
    let expected = "message 0 of input `in`, first of a batch of 5";
    assert_eq!(last_event.as_deref(), Some(expected));
}

#[tokio::test(start_paused = true)]
async fn what_is_beyond_the_batch_of_a_trap_is_discarded() {
    let outcome = batch_of_five("component: wat/node.wasm")
        .source("source", (0..100).map(|number: u32| number.to_string()))
        .wat("node", &sends_then(1, "unreachable"))
        .run()
        .await;
    let books = outcome.input("node", "in");
    assert_eq!((books.delivered, books.discarded), (64, 36));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_finishes_is_not_called_again() {
    let outcome = batch_of_five("component: wat/node.wasm")
        .source("source", (0..100).map(|number: u32| number.to_string()))
        .wat("node", &sends_then(1, "(call $finish)"))
        .run()
        .await;
    outcome.assert_ok();
    assert_eq!(outcome.exit("node"), "finished");
    assert_eq!(outcome.seen("sink"), ["in:o", "in closed", "stop"]);
    let books = outcome.input("node", "in");
    assert_eq!((books.delivered, books.discarded), (64, 36));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_handler_is_in_the_report() {
    let code = "component: guests/misbehaves.wasm, parameters: { how: fails, at: 3 }";
    let outcome = batch_of_five(code).run().await;
    assert_eq!(outcome.exit_text("node"), "failed: told to fail");
    let text = "component: guests/misbehaves.wasm, parameters: { how: no-way, at: 0 }";
    let outcome = batch_of_five(text).run().await;
    let expected = "failed: parameter `how`: `no-way` is no way to misbehave";
    assert_eq!(outcome.exit_text("node"), expected, "from its constructor");
}

#[tokio::test(start_paused = true)]
async fn a_handler_without_inputs_is_only_told_to_stop() {
    let text = "nodes: [{ id: node, component: guests/report-line.wasm }]";
    let outcome = flow(text).start().await.stop().await;
    assert_eq!(outcome.exit("node"), "stopped");
    assert_eq!(outcome.lines_of("node"), ["stop         as requested"]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_returns_a_bad_text_traps() {
    let text = batch_of_five("component: wat/node.wasm")
        .wat("node", &wat::handler("", "(return (i32.const 65530))"))
        .run()
        .await
        .exit_text("node");
    assert!(text.starts_with("trapped: "), "{text}");
}
