//! Nodes that are started again by themselves, and those that are not any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thalweg::{Event, NodeEvent, NodeEventKind, NodeExit, Ports};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::support::{Flow, all_told, at_rest, flow, recv_all, root, soon};

const HOUR: Duration = Duration::from_secs(3600);

/// `source` sends to `worker`, which sends to `sink`; `fields` are more fields of the worker.
fn chain(worker: &str) -> Flow {
    flow(&format!(
        "
nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - {{ id: worker, inputs: {{ in: {{ source: source/out, queue: 1 }} }}, outputs: [out], {worker} }}
  - {{ id: sink, embedded: true, inputs: {{ in: worker/out }} }}
"
    ))
    .sink("sink")
}

fn numbers(count: u32) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// A source whose instances, but for the last, fail behind one message.
fn fails(flow: Flow, id: &str, times: u64) -> Flow {
    let instances = AtomicU64::new(0);
    flow.embed_restartable(id, move |mut ports| {
        let instance = instances.fetch_add(1, Ordering::Relaxed);
        async move {
            ports.send("out", instance.to_string()).await.map_err(|error| error.to_string())?;
            if instance < times { Err(format!("failure {instance}")) } else { Ok(()) }
        }
    })
}

fn failed(message: &str) -> NodeExit {
    NodeExit::Failed { message: message.into() }
}

/// What was told of a node.
fn kinds(told: &[NodeEvent], node: &str) -> Vec<NodeEventKind> {
    let of = told.iter().filter(|event| event.node.as_str() == node);
    of.map(|event| event.kind.clone()).collect()
}

/// The next instance of a node that failed is awaited.
async fn restarting(events: &mut mpsc::UnboundedReceiver<NodeEvent>) -> (NodeExit, Duration) {
    loop {
        let event = soon(events.recv()).await.expect("the dataflow has ended");
        if let NodeEventKind::Restarting { exit, backoff } = event.kind {
            return (exit, backoff);
        }
    }
}

const SOURCE: &str = "
nodes:
  - id: source
    embedded: true
    outputs: [out]
    restart: { when: on-failure, limit: 3, window: 1h, backoff: 1s, max_backoff: 2s }
  - { id: sink, embedded: true, inputs: { in: source/out } }
";

/// What a reader sees of a source that sends its number and fails, three times.
const THREE_FAILURES: [&str; 9] = [
    "in:0",
    "in failed, restarts: failed",
    "in restarted 1",
    "in:1",
    "in failed, restarts: failed",
    "in restarted 2",
    "in:2",
    "in failed, restarts: failed",
    "in restarted 3",
];

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_is_started_again_after_its_backoff() {
    let (flow, mut events) = fails(flow(SOURCE), "source", 3).sink("sink").events();
    let began = Instant::now();
    let outcome = flow.start().await.wait().await;
    outcome.assert_ok();
    assert_eq!(
        outcome.seen("sink"),
        [&THREE_FAILURES[..], &["in:3", "in closed", "stop"]].concat()
    );
    let source = outcome.report.node("source").unwrap();
    assert_eq!((source.restarts, source.gave_up, source.events_out), (3, false, 4));
    let told = kinds(&all_told(&mut events).await, "source");
    let mut waited = Duration::ZERO;
    for (instance, most) in [(0, 1), (1, 2), (2, 2)] {
        let most = Duration::from_secs(most);
        let NodeEventKind::Restarting { exit, backoff } = &told[2 * instance + 1] else {
            panic!("{told:?}")
        };
        assert_eq!(*exit, failed(&format!("failure {instance}")));
        assert!(most / 2 <= *backoff && *backoff <= most, "{told:?}");
        assert_eq!(told[2 * instance + 2], NodeEventKind::Restarted { count: instance as u64 + 1 });
        waited += *backoff;
    }
    assert_eq!(told[7..], [NodeEventKind::Ended(NodeExit::Finished)]);
    let took = began.elapsed();
    assert!(waited <= took && took < waited + Duration::from_secs(1), "{took:?} for {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_fails_too_often_ends_with_its_last_failure() {
    let outcome = fails(flow(SOURCE), "source", 100).sink("sink").run().await;
    let source = outcome.report.node("source").unwrap();
    assert_eq!(source.exit, failed("failure 3"));
    assert_eq!((source.restarts, source.gave_up), (3, true));
    let end = ["in:3", "in failed: failed", "in closed", "stop"];
    assert_eq!(outcome.seen("sink"), [&THREE_FAILURES[..], &end].concat());
}

#[tokio::test(start_paused = true)]
async fn failures_that_are_a_window_apart_do_not_add_up() {
    let text = "
nodes:
  - id: source
    embedded: true
    outputs: [out]
    restart: { when: on-failure, limit: 1, window: 1s, backoff: 0s }
";
    let instances = AtomicU64::new(0);
    let running = flow(text).embed_restartable("source", move |_| {
        let instance = instances.fetch_add(1, Ordering::Relaxed);
        async move {
            tokio::time::sleep(Duration::from_millis(1100)).await;
            if instance < 20 { Err("again".into()) } else { Ok(()) }
        }
    });
    let outcome = running.run().await;
    outcome.assert_ok();
    assert_eq!(outcome.report.node("source").unwrap().restarts, 20);
}

#[tokio::test(start_paused = true)]
async fn always_follows_an_end_until_the_dataflow_is_asked_to_stop() {
    let text = "
nodes:
  - id: source
    embedded: true
    outputs: [out]
    restart: { when: always, limit: 1000, backoff: 1s }
  - { id: sink, embedded: true, inputs: { in: source/out }, restart: always }
";
    let flow = flow(text)
        .embed_restartable("source", |mut ports| async move {
            ports.send("out", "x").await.map_err(|error| error.to_string())
        })
        .embed_restartable("sink", |mut ports| async move {
            recv_all(&mut ports).await;
            Ok(())
        });
    let (flow, mut events) = flow.events();
    let running = flow.start().await;
    for _ in 0..5 {
        assert_eq!(restarting(&mut events).await.0, NodeExit::Finished);
    }
    let outcome = running.stop().await;
    outcome.assert_ok();
    let source = outcome.report.node("source").unwrap();
    assert_eq!((source.restarts, source.events_out, source.gave_up), (4, 5, false));
    // It took the stop, and with that it is done.
    assert_eq!(outcome.report.node("sink").unwrap().restarts, 0);
}

/// Sends on what it takes. Each instance fails at its third message.
async fn stumbles(mut ports: Ports) -> Result<(), String> {
    let mut messages = 0;
    while let Some(event) = ports.recv().await {
        let Event::Input(input) = event else { continue };
        messages += 1;
        if messages == 3 {
            return Err("it stumbles".into());
        }
        let sent = ports.send("out", input.message.payload).await;
        sent.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// What is lost is what was in hand: every third message.
const LOST: [&str; 7] = ["0", "1", "3", "4", "6", "7", "9"];

#[tokio::test(start_paused = true)]
async fn what_was_in_hand_is_lost_or_given_again_as_the_descriptor_says() {
    let run = async |in_hand: &str| {
        let flow = chain(&format!("embedded: true, restart: {{ when: on-failure, {in_hand} }}"));
        let flow = flow.source("source", numbers(10)).embed_restartable("worker", stumbles);
        flow.run().await
    };
    let lost = run("in_hand: lose").await;
    assert_eq!(lost.texts("sink"), LOST);
    let worker = lost.report.node("worker").unwrap();
    assert_eq!((worker.restarts, worker.redelivered, worker.events_in), (3, 0, 12));
    let again = run("in_hand: redeliver").await;
    assert_eq!(again.texts("sink"), numbers(10));
    let worker = again.report.node("worker").unwrap();
    assert_eq!((worker.restarts, worker.redelivered, worker.events_in), (4, 4, 12));
    let books = again.input("worker", "in");
    assert_eq!((books.received, books.delivered, books.discarded), (10, 10, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_traps_is_given_again_what_it_had_in_hand() {
    let run = async |in_hand: &str| {
        let worker = format!(
            "component: guests/stumbles.wasm, parameters: {{ at: 3 }}, \
             restart: {{ when: on-failure, backoff: 1ms, {in_hand} }}"
        );
        chain(&worker).source("source", numbers(10)).run().await
    };
    let lost = run("in_hand: lose").await;
    assert_eq!(lost.texts("sink"), LOST);
    assert_eq!(lost.report.node("worker").unwrap().restarts, 3);
    let again = run("in_hand: redeliver").await;
    assert_eq!(again.texts("sink"), numbers(10));
    let worker = again.report.node("worker").unwrap();
    assert_eq!((worker.restarts, worker.gave_up), (4, false));
    assert!(worker.redelivered >= 4, "{worker:#?}");
    assert_eq!(again.exit("worker"), "finished");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_given_again_the_event_that_it_took_last() {
    let worker = "component: guests/misbehaves-program.wasm, parameters: { how: traps, at: 3 }, \
                  restart: { when: on-failure, limit: 10, backoff: 1ms, in_hand: redeliver }";
    let outcome = chain(worker).source("source", numbers(9)).run().await;
    // Each instance is done with two of the events: nine messages, the closing and the stop.
    let worker = outcome.report.node("worker").unwrap();
    assert_eq!((worker.events_in, worker.restarts, worker.redelivered), (11, 5, 5));
    assert_eq!(outcome.exit("worker"), "finished");
}

#[tokio::test(start_paused = true)]
async fn the_last_event_is_given_again_too() {
    let worker = "embedded: true, restart: { when: on-failure, in_hand: redeliver }";
    let instances = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&instances);
    let (flow, mut events) = chain(worker).events();
    let running = flow.source("source", ["x"]).embed_restartable("worker", move |mut ports| {
        let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            let mut batch = Vec::new();
            while ports.recv_batch(&mut batch, 64).await > 0 {}
            let texts: Vec<_> = batch.iter().map(crate::support::short).collect();
            if !first {
                assert_eq!(texts, ["stop"]);
                return Ok(());
            }
            Err("with the stop in hand".to_owned())
        }
    });
    // The first instance asked once more, behind the stop: it has nothing in hand, and nothing is left.
    let outcome = running.run().await;
    assert_eq!(outcome.report.node("worker").unwrap().exit, failed("with the stop in hand"));
    assert_eq!(instances.load(Ordering::Relaxed), 1);
    assert!(!kinds(&all_told(&mut events).await, "worker").iter().any(is_restart));

    let instances = AtomicU64::new(0);
    let running =
        chain(worker).source("source", ["x"]).embed_restartable("worker", move |mut ports| {
            let first = instances.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                while let Some(event) = ports.recv().await {
                    if first && matches!(event, Event::Stop(_)) {
                        return Err("with the stop in hand".to_owned());
                    }
                    assert!(first || matches!(event, Event::Stop(_)), "{event:?}");
                }
                Ok(())
            }
        });
    let outcome = running.run().await;
    outcome.assert_ok();
    let worker = outcome.report.node("worker").unwrap();
    assert_eq!((worker.restarts, worker.redelivered, worker.events_in), (1, 1, 3));
}

fn is_restart(kind: &NodeEventKind) -> bool {
    matches!(kind, NodeEventKind::Restarting { .. } | NodeEventKind::Restarted { .. })
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_is_asked_for_gives_again_what_was_in_hand() {
    let worker = "embedded: true, restart: { when: never, in_hand: redeliver }";
    let instances = AtomicU64::new(0);
    let flow = chain(worker).source("source", numbers(3));
    let running = flow.embed_restartable("worker", move |mut ports| {
        let first = instances.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if first {
                let mut batch = Vec::new();
                ports.recv_batch(&mut batch, 64).await;
                return std::future::pending().await;
            }
            stumbles(ports).await
        }
    });
    let running = running.start().await;
    at_rest().await;
    running.control().restart("worker").await.unwrap();
    let outcome = running.wait().await;
    assert_eq!(outcome.texts("sink"), ["0", "1"]);
    assert_eq!(outcome.exit("worker"), "failed", "`never` follows no failure");
}

#[tokio::test(start_paused = true)]
async fn what_waits_stays_queued_during_a_backoff_and_senders_wait() {
    let worker = "embedded: true, restart: { when: on-failure, backoff: 10s }";
    let (flow, mut events) = chain(worker).source("source", numbers(10)).events();
    let instances = AtomicU64::new(0);
    let running = flow.embed_restartable("worker", move |mut ports| {
        let first = instances.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            while let Some(event) = ports.recv().await {
                if first {
                    return Err("at the first".to_owned());
                }
                if let Event::Input(input) = event {
                    ports.send("out", input.message.payload).await.map_err(|e| e.to_string())?;
                }
            }
            Ok(())
        }
    });
    let running = running.start().await;
    let (exit, backoff) = restarting(&mut events).await;
    assert_eq!(exit, failed("at the first"));
    assert!(backoff >= Duration::from_secs(5), "{backoff:?}");
    let outcome = running.wait().await;
    outcome.assert_ok();
    assert_eq!(outcome.texts("sink"), numbers(10)[1..]);
}

/// A dataflow whose worker waits an hour for its next instance.
async fn in_backoff() -> (crate::support::Running, mpsc::UnboundedReceiver<NodeEvent>) {
    let worker = "embedded: true, restart: { when: on-failure, backoff: 2h }";
    let (flow, mut events) = chain(worker).events();
    let flow = flow.embed("source", |mut ports| async move {
        for number in 0..3 {
            ports.send("out", number.to_string()).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    });
    let instances = AtomicU64::new(0);
    let running = flow.embed_restartable("worker", move |mut ports| {
        let first = instances.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            ports.recv().await;
            if first { Err("once".to_owned()) } else { stumbles(ports).await }
        }
    });
    let running = running.start().await;
    restarting(&mut events).await;
    at_rest().await;
    (running, events)
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_backoff() {
    let (running, mut events) = in_backoff().await;
    let began = Instant::now();
    let outcome = running.stop().await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let worker = outcome.report.node("worker").unwrap();
    assert_eq!((&worker.exit, worker.restarts), (&failed("once"), 0));
    let books = outcome.input("worker", "in");
    assert_eq!((books.delivered, books.received - books.discarded), (1, 1));
    let seen = ["in failed, restarts: failed", "in failed: failed", "in closed", "stop"];
    assert_eq!(outcome.seen("sink"), seen);
    let told = kinds(&all_told(&mut events).await, "worker");
    assert_eq!(told, [NodeEventKind::Ended(failed("once"))]);
}

#[tokio::test(start_paused = true)]
async fn a_kill_does_not_wait_for_a_backoff() {
    let (running, _events) = in_backoff().await;
    running.control().kill();
    let outcome = running.wait().await;
    assert_eq!(outcome.report.node("worker").unwrap().exit, failed("once"));
    assert_eq!(outcome.exit("sink"), "killed");
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_is_asked_for_cuts_the_backoff_short() {
    let (running, mut events) = in_backoff().await;
    let began = Instant::now();
    soon(running.control().restart("worker")).await.unwrap();
    let outcome = running.wait().await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    outcome.assert_ok();
    assert_eq!(outcome.texts("sink"), ["2"]);
    let told = kinds(&all_told(&mut events).await, "worker");
    assert_eq!(told[0], NodeEventKind::Restarted { count: 1 });
    assert_eq!(told.len(), 2, "the backoff that was cut short starts nothing: {told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_grace_period_does_not_run_while_a_node_waits_for_its_backoff() {
    let text = "
grace: 1s
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - id: worker
    component: guests/stumbles.wasm
    inputs: { in: { source: source/out } }
    outputs: [out]
    parameters: { at: 1 }
    restart: { when: on-failure, backoff: 1m, max_backoff: 1m }
  - { id: sink, embedded: true, inputs: { in: worker/out } }
";
    // The stop is queued while it waits.
    let outcome = flow(text).source("source", numbers(1)).sink("sink").run().await;
    assert_eq!(outcome.exit("worker"), "finished");
    assert_eq!(outcome.report.node("worker").unwrap().restarts, 1);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_follows_behind_the_last_event_has_a_grace_period_too() {
    let text = "
grace: 1s
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - id: worker
    embedded: true
    inputs: { in: source/out }
    grace: 5s
    restart: { when: on-failure, backoff: 20s }
";
    let instances = AtomicU64::new(0);
    let flow =
        flow(text).source("source", numbers(1)).embed_restartable("worker", move |mut ports| {
            let first = instances.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                ports.recv().await;
                if first { Err("once".to_owned()) } else { std::future::pending().await }
            }
        });
    let began = Instant::now();
    let outcome = flow.run().await;
    let expected = "killed: it did not end within 5s after its last event";
    assert_eq!(outcome.exit_text("worker"), expected);
    assert!(began.elapsed() >= Duration::from_secs(10 + 5), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_cannot_be_made_ready_is_a_failed_attempt() {
    let text = "
nodes:
  - id: reads
    component: guests/system-load.wasm
    inputs: { tick: { timer: 1h } }
    outputs: [cpu]
    grants: { read: { /data: ./data } }
    restart: { when: on-failure, limit: 3, backoff: 1ms }
";
    let flow = flow(text);
    let data = flow.folder().join("data");
    std::fs::create_dir(&data).unwrap();
    let (flow, mut events) = flow.events();
    let running = flow.start().await;
    std::fs::remove_dir(&data).unwrap();
    soon(running.control().restart("reads")).await.unwrap_err();
    let outcome = running.wait().await;
    let reads = outcome.report.node("reads").unwrap();
    assert!(outcome.exit_text("reads").contains("/data"), "{:?}", reads.exit);
    assert_eq!((reads.restarts, reads.gave_up), (0, true));
    let told = kinds(&all_told(&mut events).await, "reads");
    assert_eq!(told.iter().filter(|kind| is_restart(kind)).count(), 3, "{told:?}");
}

#[tokio::test]
async fn code_for_one_instance_cannot_be_started_again() {
    let text = "
nodes:
  - { id: one, embedded: true, restart: always }
  - { id: two, embedded: true, restart: on-failure }
  - { id: three, embedded: true }
";
    let flow = flow(text).sink("one").sink("three").embed_restartable("two", |_| async { Ok(()) });
    let Err(error) = flow.try_start().await else { panic!("it started") };
    assert_eq!(
        error.to_string(),
        "`restart` starts the embedded node(s) `one` again, and the program supplies their code for one instance"
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_leaves_its_events_is_ended_by_its_watchdog() {
    let worker = "embedded: true, watchdog: 10s, restart: { when: on-failure, in_hand: redeliver }";
    let instances = AtomicU64::new(0);
    let (flow, mut events) = chain(worker).source("source", numbers(5)).events();
    let running = flow.embed_restartable("worker", move |mut ports| {
        let first = instances.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            while let Some(event) = ports.recv().await {
                let Event::Input(input) = event else { continue };
                // Slower than the next event, but not as slow as the watchdog.
                tokio::time::sleep(Duration::from_secs(9)).await;
                if first && input.message.payload == "2" {
                    tokio::time::sleep(HOUR).await;
                }
                let sent = ports.send("out", input.message.payload).await;
                sent.map_err(|error| error.to_string())?;
            }
            Ok(())
        }
    });
    let began = Instant::now();
    let running = running.start().await;
    let (exit, _) = restarting(&mut events).await;
    assert_eq!(exit, NodeExit::Unresponsive { watchdog: Duration::from_secs(10) });
    assert_eq!(exit.to_string(), "unresponsive: events waited, and it took none for 10s");
    let silent = began.elapsed().saturating_sub(Duration::from_secs(18));
    assert!(Duration::from_secs(10) <= silent && silent < Duration::from_secs(13), "{silent:?}");
    let outcome = running.wait().await;
    outcome.assert_ok();
    assert_eq!(outcome.texts("sink"), numbers(5));
    let worker = outcome.report.node("worker").unwrap();
    assert_eq!((worker.watchdog_ends, worker.restarts, worker.redelivered), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_spins_is_ended_by_its_watchdog() {
    let worker = "component: guests/misbehaves.wasm, parameters: { how: spins, at: 1 }, \
                  limits: { cpu: 1h }, watchdog: 100ms";
    let outcome = chain(worker).source("source", numbers(2)).run().await;
    let worker = outcome.report.node("worker").unwrap();
    assert_eq!((worker.exit.name(), worker.exit.is_ok()), ("unresponsive", false));
    assert_eq!((worker.watchdog_ends, worker.restarts), (1, 0));
    let taken = worker.last_taken.unwrap();
    assert!(taken + Duration::from_millis(50) < outcome.report.duration, "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watchdog_leaves_alone_who_has_nothing_to_take_or_waits_for_room() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - id: worker
    component: guests/echo.wasm
    inputs: { in: { source: source/out, queue: 1 } }
    outputs: [out]
    watchdog: 1s
  - { id: sink, embedded: true, inputs: { in: { source: worker/out, queue: 1 } } }
";
    let flow = flow(text).embed("source", |mut ports| async move {
        tokio::time::sleep(Duration::from_secs(10)).await; // Nothing to take.
        for number in numbers(10) {
            ports.send("out", number).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    });
    let flow = flow.embed("sink", |mut ports| async move {
        loop {
            tokio::time::sleep(Duration::from_secs(10)).await; // No room.
            if ports.recv().await.is_none() {
                return Ok(());
            }
        }
    });
    let outcome = flow.grace(100 * HOUR).run().await;
    outcome.assert_ok();
    assert_eq!(outcome.input("sink", "in").delivered, 10);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_one_input_is_not_unresponsive_to_another() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: late, embedded: true, outputs: [out] }
  - id: worker
    embedded: true
    inputs: { a: source/out, b: late/out }
    watchdog: 1s
";
    let flow = flow(text).source("source", numbers(3)).embed("late", |mut ports| async move {
        tokio::time::sleep(Duration::from_secs(10)).await;
        ports.send("out", "late").await.map_err(|error| error.to_string())
    });
    let flow = flow.embed("worker", |mut ports| async move {
        let late = std::future::poll_fn(|context| ports.poll_recv_of(context, &[1])).await;
        assert!(matches!(late, Some(Event::Input(_))), "{late:?}");
        recv_all(&mut ports).await;
        Ok(())
    });
    flow.run().await.assert_ok();
}

/// A component whose start function never returns.
fn never_ready() -> String {
    let core = format!(
        "{} (func $start (loop $again (br $again))) (start $start)",
        crate::support::wat::memory(1)
    );
    crate::support::wat::bare_program("", &core)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_is_not_ready_in_time_does_not_start() {
    let text = "
nodes: [{ id: node, component: wat/slow.wasm, ready: 50ms, limits: { cpu: 1h } }]
";
    let Err(error) = flow(text).wat("slow", &never_ready()).try_start().await else {
        panic!("it started")
    };
    assert_eq!(
        error.to_string(),
        "node `node`: its start functions did not return within 50ms; `ready` gives it more time"
    );
}

/// A script that runs in the stand-in for the package.
fn script(id: &str, name: &str, fields: &str) -> String {
    let package = root().join("tests/support/fake_thalweg");
    let package = package.display();
    format!(
        "  - {{ id: {id}, python: {name}, interpreter: python3, env: {{ PYTHONPATH: '{package}' }}, {fields} }}\n"
    )
}

#[tokio::test]
async fn a_script_that_is_not_ready_in_time_does_not_start() {
    let text = "nodes: [{ id: node, python: node.py, interpreter: ./sleeps, ready: 100ms }]";
    let flow = flow(text).file("node.py", b"").file("sleeps", b"#!/bin/sh\nexec sleep 1000\n");
    let sleeps = flow.folder().join("sleeps");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(sleeps, mode).unwrap();
    let Err(error) = flow.try_start().await else { panic!("it started") };
    let text = error.to_string();
    assert!(text.contains("did not make its `thalweg.Node` within 100ms"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_is_given_up_when_one_node_cannot_be_made_ready() {
    let text = "
nodes:
  - { id: never, component: wat/slow.wasm, ready: 1h, limits: { cpu: 1h } }
  - { id: broken, component: wat/broken.wasm }
";
    let broken =
        format!("{} (func $start unreachable) (start $start)", crate::support::wat::memory(1));
    let broken = crate::support::wat::bare_program("", &broken);
    let flow = flow(text).wat("slow", &never_ready()).wat("broken", &broken);
    let Err(error) = flow.try_start().await else { panic!("it started") };
    let text = error.to_string();
    assert!(text.starts_with("node `broken`: ") && text.lines().count() == 1, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_fails_is_started_again() {
    let fields = "restart: { when: on-failure, backoff: 1ms }";
    let text = format!("nodes:\n{}", script("node", "node.py", fields));
    let flow = flow(&text).file(
        "node.py",
        b"
import os, sys
marks = os.path.join(os.path.dirname(sys.argv[0]), 'marks')
with open(marks, 'a+') as file:
    file.write('.')
    count = file.tell()
print('instance', count)
sys.exit(3 if count < 3 else 0)
",
    );
    let (flow, mut events) = flow.events();
    let outcome = flow.run().await;
    outcome.assert_ok();
    assert_eq!(outcome.lines_of("node"), ["instance 1", "instance 2", "instance 3"]);
    assert_eq!(outcome.report.node("node").unwrap().restarts, 2);
    let told = kinds(&all_told(&mut events).await, "node");
    let exit = |kind: &NodeEventKind| match kind {
        NodeEventKind::Restarting { exit, .. } => Some(exit.clone()),
        _ => None,
    };
    let exits: Vec<_> = told.iter().filter_map(exit).collect();
    assert_eq!(exits, [NodeExit::Exited { code: 3 }, NodeExit::Exited { code: 3 }]);
}

#[tokio::test(start_paused = true)]
async fn a_node_has_a_grace_period_of_its_own() {
    let text = "
grace: 24h
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - id: node
    component: guests/misbehaves.wasm
    inputs: { in: source/out }
    parameters: { how: ignores-stop, at: 0 }
    grace: 3s
";
    let outcome = flow(text).source("source", numbers(1)).run().await;
    let expected = "killed: it did not end within 3s after its last event";
    assert_eq!(outcome.exit_text("node"), expected);
}

const POLICY: &str = "
nodes:
  - { id: source, embedded: true, outputs: [out], restart: { when: on-failure, limit: 2, backoff: 1s } }
  - { id: endless, embedded: true, inputs: { tick: { timer: 1s } } }
";

#[tokio::test(start_paused = true)]
async fn a_node_that_failed_for_good_stops_the_dataflow_where_that_is_asked_for() {
    let text = format!("on_failure: stop\n{POLICY}");
    let outcome = fails(flow(&text), "source", 100).sink("endless").run().await;
    assert_eq!(outcome.report.stopped_by.as_deref(), Some("source"));
    assert_eq!(outcome.exit("endless"), "stopped");
    assert!(!outcome.report.is_ok());
    // Those that it survived stop nothing.
    let (flow, mut events) = fails(flow(&text), "source", 2).sink("endless").events();
    let running = flow.start().await;
    while soon(events.recv()).await.unwrap().kind != NodeEventKind::Ended(NodeExit::Finished) {}
    at_rest().await;
    assert!(!running.lines.is_finished());
    let outcome = running.stop().await;
    outcome.assert_ok();
    assert_eq!(outcome.report.stopped_by, None);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_failed_stops_no_other_where_that_is_not_asked_for() {
    let (flow, mut events) = fails(flow(POLICY), "source", 100).sink("endless").events();
    let running = flow.start().await;
    while !matches!(soon(events.recv()).await.unwrap().kind, NodeEventKind::Ended(_)) {}
    tokio::time::sleep(HOUR).await;
    assert!(!running.lines.is_finished());
    let outcome = running.stop().await;
    assert_eq!((outcome.report.stopped_by.as_deref(), outcome.exit("endless")), (None, "stopped"));
    assert!(outcome.report.node("endless").unwrap().events_in > 3600);
}

#[tokio::test(start_paused = true)]
async fn the_report_tells_of_restarts_in_json() {
    let outcome = fails(flow(SOURCE), "source", 100).sink("sink").run().await;
    let report = serde_json::to_value(&outcome.report).unwrap();
    let source = &report["nodes"][0];
    assert_eq!((&source["restarts"], &source["gave_up"]), (&3.into(), &true.into()));
    assert_eq!((&source["redelivered"], &source["watchdog_ends"]), (&0.into(), &0.into()));
    assert!(source["last_taken_seconds"].is_null() && report["stopped_by"].is_null());
    assert!(report["nodes"][1]["last_taken_seconds"].is_f64());
}
