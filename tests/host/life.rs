//! Start, stop, kill and drop, and what the report says of each end.

use std::time::Duration;

use thalweg::{Ports, StartError};
use tokio::sync::oneshot;

use crate::support::{Flow, at_rest, flow, recv_all, soon, wat};

/// A component whose start function traps.
const TRAPS_AT_START: &str = "(func $start unreachable) (start $start)";

#[tokio::test(start_paused = true)]
async fn either_all_nodes_start_or_none() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: lines, component: guests/report-line.wasm, inputs: { in: source/out } }
  - { id: bad, component: wat/bad.wasm, inputs: { in: source/out } }
  - { id: worse, component: wat/bad.wasm }
";
    let (sender, mut lines) = tokio::sync::mpsc::channel(10);
    let error = flow(text)
        .wat("bad", &wat::bare_program("", &(wat::memory(1) + TRAPS_AT_START)))
        .embed("source", |_| async { panic!("a node began, though another cannot") })
        .start_with_logs(sender)
        .await
        .expect_err("a start error");
    assert_eq!(lines.recv().await, None);
    let StartError::NotReady(errors) = &error else { panic!("{error}") };
    let nodes: Vec<_> = errors.iter().map(|error| error.node().as_str()).collect();
    assert_eq!(nodes, ["bad", "worse"]);
    assert!(error.to_string().contains("its start function trapped"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_dataflow_with_a_node_that_nobody_supplies_does_not_start() {
    let text =
        "nodes: [{ id: a, embedded: true }, { id: b, embedded: true }, { id: c, embedded: true }]";
    let error = flow(text).embed("b", |_| async { Ok(()) }).try_start().await.err().unwrap();
    let expected = "the program supplies no code for the embedded node(s) `a`, `c`";
    assert_eq!(error.to_string(), expected);
}

/// A source without end, through components to a sink, with queues that fill up.
const LOAD: &str = "
nodes:
  - { id: counts, component: guests/counts.wasm, outputs: [out], parameters: { count: 1000000000 } }
  - id: echo
    component: guests/echo.wasm
    inputs: { in: { source: counts/out, queue: 50 } }
    outputs: [out]
  - id: latest
    component: guests/echo-program.wasm
    inputs: { in: { source: counts/out, overflow: latest } }
    outputs: [out]
  - { id: verify, component: guests/verify.wasm, inputs: { in: echo/out } }
  - { id: sink, embedded: true, inputs: { a: echo/out, b: latest/out } }
";

#[tokio::test(flavor = "multi_thread")]
async fn stop_delivers_what_was_sent_under_load() {
    let (begun, begins) = oneshot::channel();
    let running = flow(LOAD)
        .embed("sink", |mut ports| async move {
            for _ in 0..1000 {
                ports.recv().await;
            }
            begun.send(()).unwrap();
            recv_all(&mut ports).await;
            Ok(())
        })
        .grace(Duration::from_secs(120))
        .start()
        .await;
    soon(begins).await.unwrap();
    let outcome = running.stop().await;
    outcome.assert_ok();
    assert!(outcome.report.nodes.iter().all(|node| node.discarded() == 0));
    let echoed = outcome.report.node("echo").unwrap().events_out;
    assert_eq!(outcome.report.node("counts").unwrap().events_out, echoed);
    assert_eq!(outcome.input("verify", "in").delivered, echoed);
}

#[tokio::test(flavor = "multi_thread")]
async fn books_balance_when_a_dataflow_is_killed_under_load() {
    for messages in [1, 10, 100, 1000, 3000] {
        let (begun, begins) = oneshot::channel();
        let running = flow(LOAD)
            .embed("sink", move |mut ports| async move {
                for _ in 0..messages {
                    ports.recv().await;
                }
                begun.send(()).unwrap();
                recv_all(&mut ports).await;
                Ok(())
            })
            .start()
            .await;
        soon(begins).await.unwrap();
        running.control().kill();
        running.wait().await; // Looks at the books.
    }
}

/// Guests that sleep when they are told to stop, and a node of the program that never asks.
fn stays(code: &str, inputs: &str) -> Flow {
    let text = format!(
        "
nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - {{ id: stays, {code}, inputs: {{ {inputs} }} }}
"
    );
    let flow = flow(&text).source("source", ["1"]).grace(Duration::from_millis(200));
    if code.contains("embedded") { flow.embed("stays", never_ends) } else { flow }
}

async fn never_ends(_ports: Ports) -> Result<(), String> {
    std::future::pending().await
}

const STAYS: [&str; 3] = [
    "component: guests/misbehaves.wasm, parameters: { how: ignores-stop, at: 99 }",
    "component: guests/misbehaves-program.wasm, parameters: { how: ignores-stop, at: 99 }",
    "embedded: true",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_ignores_its_last_event_is_ended_after_the_grace_period() {
    for code in &STAYS[..2] {
        let outcome = stays(code, "in: source/out").run().await;
        let expected = "killed: it did not end within 200ms after its last event";
        assert_eq!(outcome.exit_text("stays"), expected, "{code}");
        assert_eq!(outcome.exit("source"), "finished");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_ignores_stop_is_ended_after_the_grace_period() {
    for code in STAYS {
        let outcome = stays(code, "tick: { timer: 1h }").start().await.stop().await;
        assert_eq!(outcome.exit("stays"), "killed", "{code}");
        assert!(outcome.exit_text("stays").contains("did not end within 200ms"), "{code}");
        assert!(!outcome.report.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn an_embedded_node_may_work_on_after_its_last_event() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: source/out } }
";
    let outcome = flow(text)
        .source("source", ["1"])
        .embed("sink", |mut ports| async move {
            while ports.recv().await.is_some() {}
            tokio::time::sleep(Duration::from_secs(3)).await;
            Ok(())
        })
        .grace(Duration::from_millis(200))
        .run()
        .await;
    outcome.assert_ok();
}

/// A spinning component, a component that waits, and a node of the program that waits.
fn endless() -> Flow {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - id: spins
    component: guests/misbehaves.wasm
    inputs: { in: source/out }
    parameters: { how: spins }
    limits: { cpu: 1h }
  - { id: waits, component: guests/echo.wasm, inputs: { in: source/out }, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: waits/out } }
";
    flow(text)
}

/// It has taken all of its events, the stop among them, long before its reader has room for the last.
#[tokio::test(start_paused = true)]
async fn a_node_that_still_sends_is_given_time() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: echo, component: guests/echo.wasm, inputs: { in: source/out }, outputs: [out] }
  - { id: slow, embedded: true, inputs: { in: { source: echo/out, queue: 1 } } }
";
    let outcome = flow(text)
        .source("source", (0..50).map(|number: u32| number.to_string()))
        .embed("slow", |mut ports| async move {
            while ports.recv().await.is_some() {
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
            Ok(())
        })
        .grace(Duration::from_millis(200))
        .run()
        .await;
    outcome.assert_ok();
    assert_eq!(outcome.report.node("slow").unwrap().inputs[0].delivered, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_ends_every_node_at_once() {
    let (begun, begins) = oneshot::channel();
    let running = endless()
        .embed("source", |mut ports| async move {
            ports.send("out", "begin").await.unwrap();
            std::future::pending().await
        })
        .embed("sink", |mut ports| async move {
            ports.recv().await;
            begun.send(()).unwrap();
            std::future::pending().await
        })
        .grace(Duration::from_secs(3600))
        .start()
        .await;
    soon(begins).await.unwrap();
    running.control().kill();
    let outcome = running.wait().await;
    for node in ["source", "spins", "waits", "sink"] {
        assert_eq!(outcome.exit_text(node), "killed: the dataflow was ended at once", "{node}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_ends_a_stop_that_takes_too_long() {
    let running = flow("nodes: [{ id: stays, embedded: true }]")
        .embed("stays", never_ends)
        .grace(Duration::from_secs(3600))
        .start()
        .await;
    let control = running.control();
    control.stop();
    control.kill();
    assert_eq!(running.wait().await.exit("stays"), "killed");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_handle_ends_every_node() {
    let (begun, begins) = oneshot::channel();
    let (guards, mut ends) = tokio::sync::mpsc::channel::<()>(1);
    let guard = guards.clone();
    let running = endless()
        .embed("source", |mut ports| async move {
            let _guard = guards;
            ports.send("out", "begin").await.unwrap();
            std::future::pending().await
        })
        .embed("sink", |mut ports| async move {
            let _guard = guard;
            ports.recv().await;
            begun.send(()).unwrap();
            std::future::pending().await
        })
        .start()
        .await;
    soon(begins).await.unwrap();
    let (mut lines, control) = (running.lines, running.running.control());
    drop(running.running);
    assert_eq!(soon(ends.recv()).await, None, "both guards are dropped");
    soon(&mut lines).await.unwrap(); // Every node has dropped its way to the log.
    control.stop();
    control.kill();
}

#[tokio::test(start_paused = true)]
async fn stop_may_be_called_twice_and_after_the_end() {
    let text = "nodes: [{ id: node, embedded: true, inputs: { tick: { timer: 1h } } }]";
    let running = flow(text).sink("node").start().await;
    let control = running.control();
    control.stop();
    running.running.stop();
    let outcome = running.wait().await;
    assert_eq!(outcome.exit("node"), "stopped");
    assert_eq!(outcome.seen("node"), ["tick closed", "stop"]);
    control.stop();
}

const THREE: &str = "
nodes:
  - { id: bad, embedded: true, outputs: [out] }
  - { id: reader, embedded: true, inputs: { in: bad/out } }
  - { id: other, embedded: true, inputs: { tick: { timer: 1s } } }
";

#[tokio::test(start_paused = true)]
async fn a_node_that_fails_or_panics_ends_alone_and_its_readers_see_it() {
    for panics in [true, false] {
        let outcome = flow(THREE)
            .embed("bad", move |mut ports| async move {
                ports.send("out", "before").await.unwrap();
                assert!(!panics, "on purpose");
                Err("told to".into())
            })
            .sink("reader")
            .embed("other", |mut ports| async move {
                ports.recv().await;
                Ok(())
            })
            .run()
            .await;
        let (exit, text) = if panics {
            ("panicked", "panicked: on purpose")
        } else {
            ("failed", "failed: told to")
        };
        assert_eq!((outcome.exit("bad"), outcome.exit_text("bad").as_str()), (exit, text));
        let failed = format!("in failed: {text}");
        assert_eq!(outcome.seen("reader"), ["in:before", &failed, "in closed", "stop"]);
        assert!(outcome.report.node("other").unwrap().exit.is_ok());
        assert!(!outcome.report.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_says_what_each_node_did() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - id: spins
    component: guests/misbehaves.wasm
    inputs: { in: source/out }
    parameters: { how: spins, at: 1 }
    limits: { cpu: 50ms }
  - { id: idle, component: guests/echo.wasm, outputs: [out], inputs: { in: source/out } }
";
    let outcome = flow(text).source("source", ["1", "2", "3"]).run().await;
    let spins = outcome.report.node("spins").unwrap();
    assert!(spins.cpu.unwrap() >= Duration::from_millis(50), "{spins:?}");
    assert!(spins.peak_memory.unwrap() >= 64 * 1024 && spins.first_event.is_some());
    assert!(spins.last_event.as_ref().unwrap().contains("message 0 of input `in`"), "{spins:?}");
    let source = outcome.report.node("source").unwrap();
    assert_eq!((source.events_in, source.events_out), (0, 3));
    assert_eq!((source.cpu, source.peak_memory, source.first_event), (None, None, None));
    let idle = outcome.report.node("idle").unwrap();
    assert_eq!((idle.events_in, idle.events_out, idle.last_event.as_ref()), (5, 3, None));
    assert_eq!((idle.inputs[0].source.as_str(), idle.outputs[0].sent), ("source/out", 3));
    assert_eq!(idle.restarts, 0);
}

#[tokio::test(start_paused = true)]
async fn messages_for_a_node_that_has_ended_are_counted_as_discarded() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: early, embedded: true, inputs: { in: source/out } }
  - { id: late, embedded: true, inputs: { in: source/out } }
";
    let outcome = flow(text)
        .embed("source", |mut ports| async move {
            at_rest().await;
            for text in ["1", "2", "3"] {
                ports.send("out", text).await.unwrap();
            }
            Ok(())
        })
        .embed("early", |_| async { Ok(()) })
        .sink("late")
        .run()
        .await;
    outcome.assert_ok();
    assert_eq!(outcome.input("early", "in").discarded, 3);
    assert_eq!(outcome.texts("late"), ["1", "2", "3"]);
}
