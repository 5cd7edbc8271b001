//! What the nodes that read a node see of its failure and of its restart.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use thalweg::{Event, NodeEventKind, Ports, TryRecvError};
use tokio::sync::oneshot;

use crate::support::{at_rest, flow, soon};

const PAIR: &str = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: source/out } }
";

/// `tells` is a component of the world `program`; `prints` one of the world `handler`.
const COMPONENTS: &str = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: tells, component: guests/events.wasm, inputs: { in: source/out }, outputs: [seen] }
  - { id: prints, component: guests/report-line.wasm, inputs: { in: source/out } }
  - { id: sink, embedded: true, inputs: { seen: tells/seen } }
";

type NodeFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

async fn send_two(ports: &mut Ports, instance: u64) -> Result<(), String> {
    for number in 0..2 {
        let text = format!("{instance}.{number}");
        ports.send("out", text).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// A source whose first instance sends and goes on for ever, and whose next ones send and end.
fn goes_on_once() -> impl Fn(Ports) -> NodeFuture {
    let instances = AtomicU64::new(0);
    move |mut ports| {
        let instance = instances.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            send_two(&mut ports, instance).await?;
            if instance == 0 { std::future::pending().await } else { Ok(()) }
        })
    }
}

/// A source that sends and fails.
async fn fails(mut ports: Ports) -> Result<(), String> {
    send_two(&mut ports, 0).await?;
    Err("it broke".into())
}

#[tokio::test]
async fn readers_see_a_failure_behind_the_last_message_and_before_the_closing() {
    let outcome = flow(PAIR).embed("source", fails).sink("sink").run().await;
    let failed = "in failed: failed: it broke";
    assert_eq!(outcome.seen("sink"), ["in:0.0", "in:0.1", failed, "in closed", "stop"]);
    assert_eq!(outcome.report.node("sink").unwrap().events_in, 5);
}

#[tokio::test]
async fn readers_of_a_node_that_ends_well_see_no_failure() {
    let outcome = flow(PAIR).source("source", ["a"]).sink("sink").run().await;
    outcome.assert_ok();
    assert_eq!(outcome.seen("sink"), ["in:a", "in closed", "stop"]);
}

#[tokio::test]
async fn readers_of_a_node_that_panics_see_its_words() {
    let flow = flow(PAIR).embed("source", |_| async { panic!("so much") }).sink("sink");
    let outcome = flow.run().await;
    let failed = "in failed: panicked: so much";
    assert_eq!(outcome.seen("sink"), [failed, "in closed", "stop"]);
}

#[tokio::test]
async fn readers_of_a_component_that_traps_see_what_the_report_says() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - id: bad
    component: guests/misbehaves.wasm
    inputs: { in: source/out }
    outputs: [out]
    parameters: { how: traps, at: 2 }
  - { id: sink, embedded: true, inputs: { in: bad/out } }
";
    let outcome = flow(text).source("source", ["a", "b"]).sink("sink").run().await;
    let exit = outcome.exit_text("bad");
    assert!(exit.starts_with("trapped: "), "{exit}");
    assert_eq!(outcome.seen("sink"), [&format!("in failed: {exit}"), "in closed", "stop"]);
}

#[tokio::test(start_paused = true)]
async fn readers_see_a_restart_that_was_asked_for_before_the_first_message_of_the_new_instance() {
    let flow = flow(PAIR).embed_restartable("source", goes_on_once()).sink("sink");
    let running = flow.start().await;
    at_rest().await;
    soon(running.control().restart("source")).await.unwrap();
    let outcome = running.wait().await;
    outcome.assert_ok();
    let expected = ["in:0.0", "in:0.1", "in restarted 1", "in:1.0", "in:1.1", "in closed", "stop"];
    assert_eq!(outcome.seen("sink"), expected);
}

/// The source sends as fast as it can: a message of the new instance would come before the restart, and one of
/// the old instance behind it, if they could.
#[tokio::test(flavor = "multi_thread")]
async fn no_message_of_a_new_instance_comes_before_the_restart() {
    let instances = Arc::new(AtomicU64::new(0));
    let running = flow(PAIR)
        .embed_restartable("source", move |mut ports| {
            let instance = instances.fetch_add(1, Ordering::Relaxed);
            async move {
                while ports.send("out", instance.to_string()).await.is_ok() {}
                Ok(())
            }
        })
        .embed("sink", move |mut ports| async move {
            let (mut last, mut restarted) = (None, true);
            while let Some(event) = ports.recv().await {
                match event {
                    Event::Input(input) => {
                        let instance = Some(input.message.payload);
                        assert_eq!(instance != last, restarted, "{last:?}, then {instance:?}");
                        (last, restarted) = (instance, false);
                    }
                    Event::InputRestarted(_) => restarted = true,
                    _ => {}
                }
            }
            Ok(())
        })
        .start()
        .await;
    for _ in 0..50 {
        soon(running.control().restart("source")).await.unwrap();
    }
    running.control().kill();
    let outcome = running.wait().await;
    assert_eq!(outcome.report.node("source").unwrap().restarts, 50);
    assert_eq!(outcome.exit("sink"), "killed");
}

#[tokio::test(start_paused = true)]
async fn components_of_both_worlds_see_failure_and_restart() {
    let (go, gone) = oneshot::channel::<()>();
    let gone = Arc::new(tokio::sync::Mutex::new(Some(gone)));
    let instances = AtomicU64::new(0);
    let running = flow(COMPONENTS)
        .embed_restartable("source", move |mut ports| {
            let instance = instances.fetch_add(1, Ordering::Relaxed);
            let gone = Arc::clone(&gone);
            async move {
                ports.send("out", instance.to_string()).await.map_err(|error| error.to_string())?;
                if instance == 0 {
                    std::future::pending::<()>().await;
                }
                let gone = gone.lock().await.take();
                gone.unwrap().await.map_err(|_| "it broke".into())
            }
        })
        .sink("sink")
        .start()
        .await;
    at_rest().await;
    soon(running.control().restart("source")).await.unwrap();
    drop(go);
    let outcome = running.wait().await;
    assert_eq!(outcome.exit("source"), "failed");
    let raw = |sequence, sum| format!("in: #{sequence} raw of 1 bytes, sum {sum} (dropped 0)");
    let told = [
        raw(0, b'0'),
        "in: restarted (count 1)".into(),
        raw(1, b'1'),
        "in: failed (restarts 0) failed: it broke".into(),
        "in: closed (dropped 0)".into(),
        "stop: inputs-closed".into(),
    ];
    assert_eq!(outcome.texts("sink"), told);
    let printed: Vec<_> =
        outcome.lines_of("prints").iter().map(|line| line.replacen("in ", "", 1)).collect();
    let printed: Vec<_> = printed.iter().map(|line| line.trim()).collect();
    let expected = [
        "0",
        "started again (1)",
        "1",
        "failed: it broke",
        "closed",
        "stop         all inputs closed",
    ];
    assert_eq!(printed, expected);
}

#[tokio::test]
async fn a_trap_tells_that_the_node_had_taken_a_failure() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - id: bad
    component: guests/misbehaves.wasm
    inputs: { in: source/out }
    parameters: { how: traps, at: 1 }
";
    let outcome = flow(text).embed("source", |_| async { Err("it broke".into()) }).run().await;
    let last = outcome.report.node("bad").unwrap().last_event.clone().unwrap();
    assert!(last.starts_with("the failure of a node that it reads"), "{last}");
}

/// Where the whole dataflow is ended by force, that is no failure of one node that others should know of.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nobody_is_told_of_nodes_that_are_ended_all_at_once() {
    let (begun, begins) = oneshot::channel();
    let (go_on, goes_on) = mpsc::channel::<()>();
    let (told, tells) = mpsc::channel();
    let flow = flow(PAIR).embed("source", |_ports| std::future::pending()).embed(
        "sink",
        |mut ports| async move {
            begun.send(()).unwrap();
            // Nothing ends a node that does not yield.
            goes_on.recv().unwrap();
            told.send(ports.try_recv()).unwrap();
            Ok(())
        },
    );
    let (flow, mut events) = flow.events();
    let running = flow.start().await;
    begins.await.unwrap();
    running.control().kill();
    while !matches!(soon(events.recv()).await.unwrap().kind, NodeEventKind::Ended(_)) {}
    go_on.send(()).unwrap();
    let outcome = running.wait().await;
    assert_eq!(outcome.exit("source"), "killed");
    assert_eq!(tells.recv().unwrap(), Err(TryRecvError::Empty));
}
