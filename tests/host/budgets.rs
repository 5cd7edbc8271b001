//! What a node may use in a second, and a dataflow at a time: beyond it nodes wait, nothing is lost, and the
//! report says how much was used and how long was waited.

use std::time::Duration;

use thalweg::{Bounded, Budgets, Event};

use crate::support::{Outcome, at_rest, flow, recv_all, wat};

fn budgets<'a>(outcome: &'a Outcome, node: &str) -> &'a Budgets {
    outcome.report.node(node).unwrap().budgets.as_ref().unwrap()
}

#[tokio::test]
async fn a_component_sends_at_its_rate_and_everything_arrives() {
    let text = "
nodes:
  - { id: counts, component: guests/counts.wasm, outputs: [out], parameters: { count: 60 }, limits: { rate: 100 } }
  - { id: sink, embedded: true, inputs: { in: counts/out } }
";
    let outcome = flow(text).sink("sink").run().await;
    outcome.assert_ok();
    assert_eq!(outcome.input("sink", "in").delivered, 60);
    // A tenth of a second is free: eleven messages.
    assert!(outcome.report.duration >= Duration::from_millis(480), "{:?}", outcome.report.duration);
    let rate = budgets(&outcome, "counts").rate.unwrap();
    assert_eq!((rate.per_second, rate.used), (100.0, 60.0));
    assert!(rate.waited > Duration::ZERO, "{rate:?}");
}

#[tokio::test]
async fn a_component_has_its_share_of_a_core_and_no_more() {
    let text = "
nodes:
  - id: spins
    component: guests/misbehaves.wasm
    inputs: { in: source/out }
    parameters: { how: spins }
    limits: { cpu: 300ms, cpu_share: 20% }
  - { id: source, embedded: true, outputs: [out] }
";
    let outcome = flow(text).source("source", ["go"]).run().await;
    assert_eq!(outcome.exit("spins"), "out-of-time");
    // 200 ms are free: a fifth of a second that it did not use.
    let share = budgets(&outcome, "spins").cpu_share.unwrap();
    assert!(share.used >= 0.3 && share.waited > Duration::ZERO, "{share:?}");
    // How much of that is waiting depends on what else the machine does; how long it takes does not.
    assert!(outcome.report.duration >= Duration::from_millis(600), "{:?}", outcome.report.duration);
}

#[tokio::test]
async fn a_component_logs_at_its_rate_and_every_line_arrives() {
    let stdout = "
nodes: [{ id: node, component: guests/logs.wasm, limits: { log: 1KiB } }]
";
    let outcome = flow(stdout).run().await;
    outcome.assert_ok();
    assert_eq!(budgets(&outcome, "node").log.used, 72.0, "of four lines, with the ends of two");
    let line =
        "(call $log (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 128) (i32.const 512))";
    let program = wat::program(
        "",
        &format!(
            "(memory.fill (i32.const 128) (i32.const 120) (i32.const 512)) {}",
            line.repeat(4)
        ),
    );
    let text = "nodes: [{ id: node, component: wat/node.wasm, limits: { log: 1KiB } }]";
    let outcome = flow(text).wat("node", &program).run().await;
    outcome.assert_ok();
    assert_eq!(outcome.lines_of("node").len(), 4);
    let log = budgets(&outcome, "node").log;
    assert_eq!((log.per_second, log.used), (1024.0, 2048.0));
    assert!(log.waited > Duration::ZERO, "{log:?}");
}

/// The source sends to `busy`, which takes nothing until `idle` has had all of its own.
const SHARED: &str = "
queued_bytes: 1MiB
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: busy, embedded: true, inputs: { in: source/out } }
  - { id: other, embedded: true, outputs: [out] }
  - { id: idle, embedded: true, inputs: { in: { source: other/out, queue: 4 } } }
";

#[tokio::test]
async fn what_waits_in_all_queues_together_is_bounded() {
    const SIZE: usize = 64 << 10;
    let (full, is_full) = tokio::sync::oneshot::channel();
    let (go, may_go) = tokio::sync::oneshot::channel::<()>();
    let flow = flow(SHARED)
        .embed("source", |mut ports| async move {
            let mut full = Some(full);
            for _ in 0..40 {
                let payload = bytes::Bytes::from(vec![0; SIZE]);
                if ports.try_send("out", payload.clone()).is_err() {
                    full.take().map(|full| full.send(()));
                    ports.send("out", payload).await.map_err(|error| error.to_string())?;
                }
            }
            Ok(())
        })
        .embed("busy", |mut ports| async move {
            may_go.await.map_err(|error| error.to_string())?;
            recv_all(&mut ports).await;
            Ok(())
        })
        .embed("other", |mut ports| async move {
            is_full.await.map_err(|error| error.to_string())?;
            // An input that is empty takes one message, though there is no room in all.
            for _ in 0..10 {
                let sent = ports.send("out", vec![1; SIZE]).await;
                sent.map_err(|error| error.to_string())?;
            }
            Ok(())
        })
        .embed("idle", |mut ports| async move {
            let mut taken = 0;
            while let Some(event) = ports.recv().await {
                taken += usize::from(matches!(event, Event::Input(_)));
            }
            assert_eq!(taken, 10);
            let _ = go.send(());
            Ok(())
        });
    let outcome = flow.run().await;
    outcome.assert_ok();
    assert_eq!(outcome.input("busy", "in").delivered, 40);
    let queued = outcome.report.queued;
    assert_eq!(queued.limit, 1 << 20);
    let most = queued.limit + 2 * SIZE as u64;
    assert!((1 << 20..=most).contains(&queued.peak), "{queued:?}");
}

#[tokio::test]
async fn what_may_drop_makes_room_for_itself_where_there_is_none_in_all() {
    let text = "
queued_bytes: 100KB
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: { source: source/out, overflow: drop-oldest } } }
";
    let flow = flow(text).source("source", (0..9).map(|byte: u8| vec![byte; 40_000]));
    let outcome = flow
        .embed("sink", |mut ports| async move {
            at_rest().await;
            let events = recv_all(&mut ports).await;
            let Some(Event::Input(first)) = events.first() else { panic!("{events:?}") };
            assert_eq!((first.message.payload[0], first.dropped), (7, 7));
            Ok(())
        })
        .run()
        .await;
    outcome.assert_ok();
    assert_eq!(outcome.report.queued.peak, 80_000);
}

#[tokio::test]
async fn the_report_says_what_was_used_of_each_limit() {
    let text = "
nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: echo, component: guests/echo.wasm, inputs: { in: source/out }, outputs: [out], limits: { buffers: 1MiB } }
  - { id: sink, embedded: true, inputs: { in: echo/out } }
";
    let flow = flow(text).source("source", [vec![7; 100_000]]).sink("sink");
    let outcome = flow.run().await;
    outcome.assert_ok();
    let echo = budgets(&outcome, "echo");
    assert_eq!(echo.buffers, Some(Bounded { limit: 1 << 20, peak: 100_000 }));
    assert_eq!(echo.message, Some(Bounded { limit: 64 << 20, peak: 100_000 }));
    assert_eq!(
        echo.memory.map(|memory| memory.peak),
        outcome.report.node("echo").unwrap().peak_memory
    );
    assert!(echo.rate.is_none() && echo.cpu_share.is_none() && echo.log.used == 0.0);
    assert!(outcome.report.node("sink").unwrap().budgets.is_none());
}
