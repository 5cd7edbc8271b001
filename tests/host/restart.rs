//! A node that is started again while the dataflow runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thalweg::{Event, NodeEvent, NodeEventKind, Ports, RestartError};
use tokio::sync::{mpsc, oneshot, watch};

use crate::support::{Flow, all_told, at_rest, flow, poll_once, recv_all, soon};

const CHAIN: &str = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: middle, embedded: true, inputs: { in: { source: source/out, queue: 2 } }, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: middle/out } }
";

/// Sends on what it takes; the first instance stops at this message and keeps it in hand for ever.
fn stuck_at(text: &'static str) -> impl Fn(Ports) -> NodeFuture {
    let instances = AtomicU64::new(0);
    move |mut ports| {
        let first = instances.fetch_add(1, Ordering::Relaxed) == 0;
        Box::pin(async move {
            while let Some(event) = ports.recv().await {
                let Event::Input(input) = event else { continue };
                if first && input.message.payload == text {
                    std::future::pending::<()>().await;
                }
                let sent = ports.send("out", input.message.payload).await;
                sent.map_err(|error| error.to_string())?;
            }
            Ok(())
        })
    }
}

type NodeFuture = std::pin::Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

fn numbers(count: u32) -> impl Iterator<Item = String> + Send + 'static {
    (0..count).map(|number| number.to_string())
}

/// The sequences of the messages that a sink received.
fn sequences(events: &[Event]) -> Vec<u64> {
    let sequence = |event: &Event| match event {
        Event::Input(input) => Some(input.message.metadata.sequence),
        _ => None,
    };
    events.iter().filter_map(sequence).collect()
}

#[tokio::test(start_paused = true)]
async fn a_restart_loses_what_was_in_hand_and_nothing_else() {
    let running = flow(CHAIN)
        .source("source", numbers(10))
        .embed_restartable("middle", stuck_at("3"))
        .sink("sink")
        .start()
        .await;
    at_rest().await; // The queue is full, and the source waits.
    soon(running.control().restart("middle")).await.unwrap();
    let outcome = running.wait().await;
    outcome.assert_ok();
    assert_eq!(outcome.texts("sink"), ["0", "1", "2", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(sequences(outcome.events("sink")), (0..9).collect::<Vec<_>>());
    assert_eq!(outcome.seen("sink").last().unwrap(), "stop");
    let books = outcome.input("middle", "in");
    assert_eq!((books.received, books.delivered, books.discarded), (10, 10, 0));
    let middle = outcome.report.node("middle").unwrap();
    assert_eq!((middle.restarts, middle.events_in, middle.events_out), (1, 12, 9));
    assert_eq!(outcome.report.node("source").unwrap().restarts, 0);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_restarted_goes_on_with_its_sequences() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: source/out } }
";
    let instances = Arc::new(AtomicU64::new(0));
    let running = flow(text)
        .embed_restartable("source", move |mut ports| {
            let instance = instances.fetch_add(1, Ordering::Relaxed);
            async move {
                for number in 0..3 {
                    let text = format!("{instance}.{number}");
                    ports.send("out", text).await.map_err(|error| error.to_string())?;
                }
                if instance == 0 { std::future::pending().await } else { Ok(()) }
            }
        })
        .sink("sink")
        .start()
        .await;
    at_rest().await;
    running.control().restart("source").await.unwrap();
    let outcome = running.wait().await;
    let texts = ["0.0", "0.1", "0.2", "1.0", "1.1", "1.2"];
    assert_eq!(outcome.texts("sink"), texts);
    assert_eq!(sequences(outcome.events("sink")), [0, 1, 2, 3, 4, 5]);
    assert_eq!(outcome.report.node("source").unwrap().outputs[0].sent, 6);
}

/// A source without end, through a component.
const LOAD: &str = "
nodes:
  - { id: counts, component: guests/counts.wasm, outputs: [out], parameters: { count: 1000000000 } }
  - id: echo
    component: guests/echo.wasm
    inputs: { in: { source: counts/out, queue: 50 } }
    outputs: [out]
  - { id: sink, embedded: true, inputs: { in: echo/out } }
";

#[tokio::test(flavor = "multi_thread")]
async fn components_are_restarted_under_load_and_the_books_balance() {
    let (passed, mut passes) = watch::channel(0_u64);
    let running = flow(LOAD)
        .embed("sink", move |mut ports| async move {
            let mut expected = 0;
            while let Some(event) = ports.recv().await {
                if let Event::Input(input) = event {
                    assert_eq!(input.message.metadata.sequence, expected);
                    expected += 1;
                    passed.send_replace(expected);
                }
            }
            Ok(())
        })
        .grace(Duration::from_secs(120))
        .start()
        .await;
    let control = running.control();
    for restart in 1..=20 {
        soon(control.restart(if restart % 2 == 0 { "echo" } else { "counts" })).await.unwrap();
        let seen = *passes.borrow_and_update();
        soon(passes.wait_for(|passed| *passed > seen)).await.unwrap();
    }
    let outcome = running.stop().await; // Looks at the books.
    outcome.assert_ok();
    assert_eq!(outcome.report.node("echo").unwrap().restarts, 10);
    assert_eq!(outcome.report.node("counts").unwrap().restarts, 10);
    assert!(outcome.report.node("echo").unwrap().cpu.unwrap() > Duration::ZERO);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_never_returns_is_restarted() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - id: spins
    component: guests/misbehaves.wasm
    inputs: { in: { source: source/out, queue: 1 } }
    parameters: { how: spins, at: 0 }
    limits: { cpu: 1h }
";
    let (took, taken) = oneshot::channel();
    let running = flow(text)
        .embed("source", move |mut ports| async move {
            ports.send("out", "spin").await.unwrap();
            ports.send("out", "in the queue once the first is taken").await.unwrap();
            took.send(()).unwrap();
            std::future::pending().await
        })
        .start()
        .await;
    soon(taken).await.unwrap();
    soon(running.control().restart("spins")).await.unwrap();
    running.control().kill();
    let outcome = running.wait().await;
    assert_eq!(outcome.report.node("spins").unwrap().restarts, 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_restarted_is_refused_by_name() {
    let text = "
nodes:
  - { id: ends, embedded: true }
  - { id: once, embedded: true }
  - { id: last, embedded: true, inputs: { tick: { timer: 1h } } }
";
    let running = flow(text)
        .embed_restartable("ends", |_| async { Ok(()) })
        .sink("once")
        .embed_restartable("last", |mut ports| async move {
            recv_all(&mut ports).await;
            std::future::pending().await
        })
        .start()
        .await;
    let control = running.control();
    at_rest().await;
    let refused = async |node: &str| soon(control.restart(node)).await.unwrap_err();
    let unknown = refused("nobody").await;
    assert!(matches!(unknown, RestartError::UnknownNode { .. }), "{unknown:?}");
    assert_eq!(unknown.to_string(), "the dataflow has no node `nobody`");
    assert_eq!(refused("ends").await.to_string(), "node `ends` has ended");
    let once = refused("once").await;
    let expected =
        "node `once` cannot be started again: the program supplied its code for one instance";
    assert_eq!(once.to_string(), expected);
    control.stop();
    at_rest().await;
    let last = refused("last").await; // It has taken its last event.
    assert!(matches!(last, RestartError::Ended { .. }), "{last:?}");
    let outcome = running.wait().await;
    assert!(outcome.report.nodes.iter().all(|node| node.restarts == 0));
    assert_eq!(refused("last").await.to_string(), "node `last` has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_new_instance_cannot_start_ends_as_failed() {
    let text = "
nodes:
  - id: reads
    component: guests/system-load.wasm
    inputs: { tick: { timer: 1h } }
    outputs: [cpu]
    grants: { read: { /data: ./data } }
  - { id: sink, embedded: true, inputs: { in: reads/cpu } }
";
    let flow = flow(text);
    let data = flow.folder().join("data");
    std::fs::create_dir(&data).unwrap();
    let (flow, mut events) = flow.sink("sink").events();
    let running = flow.start().await;
    std::fs::remove_dir(&data).unwrap();
    let error = soon(running.control().restart("reads")).await.unwrap_err();
    assert!(matches!(error, RestartError::NotReady(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("node `reads`") && text.contains("data"), "{text}");
    let outcome = running.wait().await;
    assert_eq!(outcome.exit("reads"), "failed");
    assert!(outcome.exit_text("reads").contains("/data"), "{}", outcome.exit_text("reads"));
    assert_eq!(outcome.report.node("reads").unwrap().restarts, 0);
    let failed = format!("in failed: {}", outcome.exit_text("reads"));
    assert_eq!(outcome.seen("sink"), [&failed, "in closed", "stop"]);
    let events = all_told(&mut events).await;
    let restarted = |event: &NodeEvent| matches!(event.kind, NodeEventKind::Restarted { .. });
    assert!(!events.iter().any(restarted), "{events:?}");
}

/// A node that ends when it is told to, whichever instance of it is told.
fn told_to_end() -> (Flow, watch::Sender<bool>) {
    let (tell, told) = watch::channel(false);
    let flow = flow("nodes: [{ id: node, embedded: true }]").embed_restartable("node", move |_| {
        let mut told = told.clone();
        async move {
            told.wait_for(|told| *told).await.map_err(|error| error.to_string())?;
            Ok(())
        }
    });
    (flow, tell)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_a_node_that_ends_by_itself_does_all_or_nothing() {
    for _ in 0..200 {
        let (flow, tell) = told_to_end();
        let running = flow.start().await;
        let control = running.control();
        let restart = tokio::spawn(async move { control.restart("node").await });
        tell.send(true).unwrap();
        let restarted = soon(restart).await.unwrap();
        let outcome = running.wait().await;
        outcome.assert_ok();
        let restarts = outcome.report.node("node").unwrap().restarts;
        match restarted {
            Ok(()) => assert_eq!(restarts, 1),
            Err(RestartError::Ended { .. }) => assert_eq!(restarts, 0),
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_while_the_dataflow_is_killed_is_answered() {
    for _ in 0..200 {
        let (flow, _tell) = told_to_end();
        let running = flow.start().await;
        let control = running.control();
        let restart = tokio::spawn(async move { control.restart("node").await });
        running.control().kill();
        let restarted = soon(restart).await.unwrap();
        let ended = matches!(restarted, Ok(()) | Err(RestartError::Ended { .. }));
        assert!(ended, "{restarted:?}");
        assert_eq!(running.wait().await.exit("node"), "killed");
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_started_while_the_dataflow_stops_takes_the_stop() {
    let text = "nodes: [{ id: node, embedded: true, inputs: { tick: { timer: 1h } } }]";
    let instances = AtomicU64::new(0);
    let running = flow(text).embed_restartable("node", move |mut ports| {
        let first = instances.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if first {
                std::future::pending::<()>().await;
            }
            assert_eq!(recv_all(&mut ports).await.len(), 2);
            Ok(())
        }
    });
    let running = running.start().await;
    running.control().stop();
    at_rest().await;
    running.control().restart("node").await.unwrap();
    assert_eq!(running.wait().await.exit("node"), "stopped");
}

#[tokio::test(start_paused = true)]
async fn two_restarts_at_once_are_one() {
    let (flow, tell) = told_to_end();
    let running = flow.start().await;
    let control = running.control();
    let (one, other) = tokio::join!(control.restart("node"), control.restart("node"));
    one.and(other).unwrap();
    control.restart("node").await.unwrap();
    tell.send(true).unwrap();
    let outcome = running.wait().await;
    outcome.assert_ok();
    assert_eq!(outcome.report.node("node").unwrap().restarts, 2);
}

#[tokio::test(start_paused = true)]
async fn a_restart_whose_asker_has_gone_is_made() {
    let (flow, tell) = told_to_end();
    let running = flow.start().await;
    let control = running.control();
    assert!(poll_once(control.restart("node")).await.is_none());
    at_rest().await;
    tell.send(true).unwrap();
    assert_eq!(running.wait().await.report.node("node").unwrap().restarts, 1);
}

#[tokio::test(start_paused = true)]
async fn no_instance_has_its_ports_while_another_has_them() {
    let (give, mut given) = mpsc::unbounded_channel();
    let running = flow(CHAIN)
        .source("source", ["1", "2"])
        .embed_restartable("middle", move |ports| {
            give.send(ports).unwrap();
            std::future::pending()
        })
        .sink("sink")
        .start()
        .await;
    let mut ports = given.recv().await.unwrap();
    ports.send("out", "of the first").await.unwrap();
    let control = running.control();
    let restart = tokio::spawn(async move { control.restart("middle").await });
    at_rest().await;
    assert!(!restart.is_finished() && given.try_recv().is_err());
    ports.send("out", "still of the first").await.unwrap();
    drop(ports);
    soon(restart).await.unwrap().unwrap();
    let mut ports = given.recv().await.unwrap();
    ports.send("out", "of the second").await.unwrap();
    at_rest().await;
    running.control().kill();
    let outcome = running.wait().await;
    assert_eq!(outcome.report.node("middle").unwrap().events_out, 3);
    assert_eq!(ports.recv().await, None);
    assert!(ports.send("out", "of nobody").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_node_may_ask_for_its_own_restart() {
    let (hand, handed) = watch::channel(None::<thalweg::Control>);
    let instances = AtomicU64::new(0);
    let flow = flow("nodes: [{ id: node, embedded: true }]");
    let running = flow.embed_restartable("node", move |_| {
        let first = instances.fetch_add(1, Ordering::Relaxed) == 0;
        let mut handed = handed.clone();
        async move {
            if first {
                let control = handed.wait_for(Option::is_some).await.unwrap().clone().unwrap();
                control.restart("node").await.unwrap();
            }
            Ok(())
        }
    });
    let running = running.start().await;
    hand.send(Some(running.control())).unwrap();
    let outcome = running.wait().await;
    outcome.assert_ok();
    assert_eq!(outcome.report.node("node").unwrap().restarts, 1);
}

/// `a` and `b` read each other, and nothing from outside is open any more.
const RING: &str = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - id: a
    component: guests/echo.wasm
    inputs: { in: source/out, back: { source: b/out, overflow: drop-oldest } }
    outputs: [out]
  - { id: b, embedded: true, inputs: { in: a/out }, outputs: [out] }
  - { id: sink, embedded: true, inputs: { a: a/out } }
";

#[tokio::test(start_paused = true)]
async fn a_cycle_stays_open_while_a_member_is_restarted_and_closes_behind_it() {
    let (give, mut given) = mpsc::unbounded_channel();
    let instances = AtomicU64::new(0);
    let running = flow(RING).source("source", ["1"]).sink("sink");
    let running = running.embed_restartable("b", move |mut ports| {
        let first = instances.fetch_add(1, Ordering::Relaxed) == 0;
        let give = give.clone();
        async move {
            if first {
                ports.recv().await;
                give.send(ports).unwrap();
                return std::future::pending().await;
            }
            recv_all(&mut ports).await;
            Ok(())
        }
    });
    let running = running.grace(Duration::from_secs(3600)).start().await;
    let began = tokio::time::Instant::now();
    let ports = given.recv().await.unwrap();
    let control = running.control();
    control.stop(); // Until then a node of the program may begin to send.
    let restart = tokio::spawn(async move { control.restart("b").await });
    at_rest().await;
    // No instance of `b` runs, all others wait, and nothing is queued.
    assert!(!restart.is_finished() && !running.lines.is_finished());
    drop(ports);
    let outcome = running.wait().await;
    assert!(began.elapsed() < Duration::from_secs(1800), "it was closed by force");
    outcome.assert_ok();
    assert_eq!(outcome.texts("sink"), ["1"]);
    assert_eq!(outcome.report.node("b").unwrap().restarts, 1);
}
