//! Cycles: legal with an edge that drops, closed as a whole when nothing is under way.

use std::time::Duration;

use thalweg::{Event, Ports, StopReason};

use crate::support::{at_rest, flow, poll_once, recv_all, short, wat};

/// Nodes that pass messages round: from `source` into `a`, from there to `b` and back.
fn ring(a: &str, b: &str) -> String {
    format!(
        "
nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - id: a
    {a}
    inputs: {{ in: source/out, back: {{ source: b/out, overflow: drop-oldest }} }}
    outputs: [out]
  - {{ id: b, {b}, inputs: {{ in: a/out }}, outputs: [out] }}
  - {{ id: sink, embedded: true, inputs: {{ a: a/out, b: b/out }} }}
"
    )
}

/// Takes all that comes and sends nothing.
fn swallows() -> String {
    wat::handler("", "")
}

/// A program of the same kind: waits for the next event until there is none.
fn swallows_as_program() -> String {
    wat::program(
        "",
        "(loop $on (call $next (i32.const 64)) (br_if $on (i32.load8_u (i32.const 64))))",
    )
}

/// Sends each number on, one less, until it is 0.
async fn count_down(mut ports: Ports) -> Result<(), String> {
    while let Some(event) = ports.recv().await {
        let Event::Input(input) = event else { continue };
        if let Some(next) = input.message.payload[0].checked_sub(1) {
            ports.send("out", vec![next]).await.map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_cycle_of_components_at_rest_closes_when_its_outside_inputs_have_closed() {
    for swallows in [swallows(), swallows_as_program()] {
        let text = ring("component: guests/echo.wasm", "component: wat/swallows.wasm");
        let outcome = flow(&text)
            .wat("swallows", &swallows)
            .source("source", ["1", "2", "3"])
            .sink("sink")
            .run()
            .await;
        outcome.assert_ok();
        assert_eq!(outcome.input("b", "in").delivered, 3);
        assert_eq!(outcome.texts("sink"), ["1", "2", "3"]);
        for node in ["a", "b"] {
            assert_eq!(outcome.exit(node), "finished");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cycle_with_an_open_outside_input_stays_open() {
    let text = ring("component: guests/echo.wasm", "component: wat/swallows.wasm");
    let outcome = flow(&text)
        .wat("swallows", &swallows())
        .embed("source", |mut ports| async move {
            ports.send("out", "1").await.unwrap();
            at_rest().await;
            ports.send("out", "2").await.map_err(|error| error.to_string())
        })
        .sink("sink")
        .run()
        .await;
    outcome.assert_ok();
    assert_eq!(outcome.input("b", "in").delivered, 2);
}

/// A node of the embedding program may send at any time, so only a stop says that it will not.
#[tokio::test(start_paused = true)]
async fn a_cycle_of_embedded_nodes_at_rest_closes_after_stop() {
    let running = flow(&ring("embedded: true", "embedded: true"))
        .source("source", [vec![7_u8], vec![4]])
        .embed("a", count_down)
        .embed("b", count_down)
        .sink("sink")
        .start()
        .await;
    at_rest().await;
    let outcome = running.stop().await;
    outcome.assert_ok();
    let mut seen: Vec<_> = outcome.payloads("sink").map(|bytes| bytes[0]).collect();
    seen.sort_unstable();
    assert_eq!(seen, [0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_reads_itself_is_closed_at_rest() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - id: loop
    component: wat/swallows.wasm
    inputs: { in: source/out, back: { source: loop/out, overflow: latest } }
    outputs: [out]
  - id: own
    embedded: true
    inputs: { back: { source: own/out, overflow: drop-newest } }
    outputs: [out]
";
    let running = flow(text)
        .wat("swallows", &swallows())
        .source("source", ["1", "2"])
        .embed("own", |mut ports| async move {
            ports.send("out", "to myself").await.unwrap();
            let events = recv_all(&mut ports).await;
            let seen: Vec<_> = events.iter().map(short).collect();
            assert_eq!(seen, ["back:to myself", "back closed", "stop"]);
            assert_eq!(events.last(), Some(&Event::Stop(StopReason::Requested)));
            Ok(())
        })
        .start()
        .await;
    at_rest().await;
    running.stop().await.assert_ok();
}

/// Who gave up waiting may be about to send.
#[tokio::test(start_paused = true)]
async fn a_node_that_gave_up_waiting_is_not_at_rest() {
    let text = "
nodes:
  - id: own
    embedded: true
    inputs: { back: { source: own/out, overflow: drop-newest } }
    outputs: [out]
";
    let running = flow(text)
        .embed("own", |mut ports| async move {
            assert_eq!(poll_once(ports.recv()).await, None);
            tokio::time::sleep(Duration::from_secs(1)).await;
            ports.send("out", "late").await.map_err(|error| error.to_string())?;
            let events = recv_all(&mut ports).await;
            assert_eq!(events.first().map(short).as_deref(), Some("back:late"));
            Ok(())
        })
        .start()
        .await;
    at_rest().await;
    running.stop().await.assert_ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cycle_that_never_rests_is_closed_after_half_of_the_grace_period() {
    let (begun, begins) = tokio::sync::oneshot::channel();
    let text = ring("component: guests/echo.wasm", "component: guests/echo-program.wasm");
    let running = flow(&text)
        .source("source", ["round and round"])
        .embed("sink", |mut ports| async move {
            ports.recv().await;
            begun.send(()).unwrap();
            recv_all(&mut ports).await;
            Ok(())
        })
        .grace(Duration::from_secs(2))
        .start()
        .await;
    begins.await.unwrap();
    let outcome = running.stop().await;
    outcome.assert_ok();
    for node in ["a", "b"] {
        assert_eq!(outcome.exit(node), "stopped");
    }
    let (back, inside) = (outcome.input("a", "back"), outcome.input("b", "in"));
    assert_eq!(back.discarded + inside.discarded, 1, "the message that was under way");
}

/// Two cycles that share `b`, and a third one around both.
const NESTED: &str = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - id: a
    component: guests/echo.wasm
    inputs: { in: source/out, back: { source: b/out, overflow: drop-oldest, queue: 1000 } }
    outputs: [out]
  - id: b
    embedded: true
    inputs: { in: a/out, back: { source: d/out, overflow: drop-oldest, queue: 1000 } }
    outputs: [out, down]
  - { id: c, component: guests/echo-program.wasm, inputs: { in: b/down }, outputs: [out] }
  - id: d
    component: guests/echo.wasm
    inputs: { in: c/out, around: { source: a/out, overflow: drop-oldest, queue: 1000 } }
    outputs: [out]
  - { id: sink, embedded: true, inputs: { in: d/out } }
";

/// `b` sends each message on until it has passed 9 times. From `out` it comes back twice, by `a` and by
/// `d`; from `down` once.
#[tokio::test(flavor = "multi_thread")]
async fn nested_cycles_close_once_every_message_has_come_to_its_end() {
    let running = flow(NESTED)
        .source("source", (0..20).map(|_| vec![8_u8]))
        .embed("b", |mut ports| async move {
            while let Some(event) = ports.recv().await {
                let Event::Input(input) = event else { continue };
                let Some(next) = input.message.payload[0].checked_sub(1) else { continue };
                let output = if next % 2 == 0 { "out" } else { "down" };
                ports.send(output, vec![next]).await.map_err(|error| error.to_string())?;
            }
            Ok(())
        })
        .sink("sink")
        .grace(Duration::from_secs(120))
        .start()
        .await;
    let outcome = running.stop().await;
    outcome.assert_ok();
    let books = |node: &str| {
        let inputs = &outcome.report.node(node).unwrap().inputs;
        inputs.iter().map(|input| input.delivered).sum::<u64>()
    };
    assert_eq!(books("b"), 40 + 40 + 80 + 80 + 160 + 160 + 320 + 320 + 640);
    assert!(outcome.report.nodes.iter().all(|node| node.dropped() + node.discarded() == 0));
}
