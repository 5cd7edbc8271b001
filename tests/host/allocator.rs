//! The allocator that nodes in Rust have: `guests/sdk/src/allocator.rs`.

use thalweg::Outgoing;

use crate::support::{Outcome, flow};

async fn run(guest: &str, memory: &str, messages: Vec<Outgoing>) -> Outcome {
    let text = format!(
        "
nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - {{ id: node, component: guests/{guest}.wasm, inputs: {{ in: source/out }}, outputs: [out, kept], limits: {{ memory: {memory} }} }}
  - {{ id: sink, embedded: true, inputs: {{ in: node/out, kept: node/kept }} }}
"
    );
    flow(&text).source("source", messages).sink("sink").run().await
}

#[tokio::test]
async fn values_are_what_they_were_while_others_come_and_go() {
    for guest in ["remembers", "remembers-wasi"] {
        let outcome = run(guest, "64MiB", vec!["4000".into(); 4]).await;
        outcome.assert_ok();
        let kept: Vec<_> = outcome.payloads("sink").collect();
        assert_eq!(kept, ["64 and 12", "64 and 26", "64 and 47", "64 and 66"], "{guest}");
    }
}

/// A memory grows by 64 KiB, and a node begins with what its stack and its data take, rounded up.
#[tokio::test]
async fn a_small_node_has_room_in_what_it_begins_with() {
    let outcome = run("echo", "8MiB", vec!["8 bytes.".into(); 1000]).await;
    outcome.assert_ok();
    let begins_with = (1 << 20) + (64 << 10);
    assert_eq!(outcome.report.node("node").unwrap().peak_memory, Some(begins_with));
}

#[tokio::test]
async fn memory_ends_at_its_limit() {
    let outcome = run("remembers", "8MiB", vec!["4000".into(); 4]).await;
    assert_eq!(outcome.exit("node"), "out-of-memory");
}
