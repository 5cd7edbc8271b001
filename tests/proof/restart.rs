//! Components that fail again and again: a source that is started again each time, and a node that traps with
//! events in hand and is given them again, so that nothing is lost behind it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use thalweg::{Event, NodeReport, RunReport, StartOptions};
use tokio::sync::oneshot;

use crate::support::{Figure, bad_ends, prepare, run, runtime};

/// Messages that the source must bring, nine an instance.
const TICKS: u64 = 900;
const LEAST_SOURCES: u64 = 99;
/// Messages through the node that traps at its fiftieth, with at most 16 in hand.
const MESSAGES: u64 = 50_000;
const LEAST_WORKERS: u64 = MESSAGES / 50;

const SOURCE: &str = "
nodes:
  - id: source
    component: stumbles.wasm
    inputs: { tick: { timer: 1ms } }
    outputs: [out]
    parameters: { at: 10 }
    restart: { when: on-failure, limit: 10000, backoff: 1ms, max_backoff: 1ms }
  - { id: ticks, embedded: true, inputs: { in: source/out } }
";

const WORKER: &str = "
nodes:
  - { id: numbers, embedded: true, outputs: [out] }
  - id: worker
    component: stumbles.wasm
    inputs: { in: { source: numbers/out, queue: 16 } }
    outputs: [out]
    parameters: { at: 50 }
    restart: { when: on-failure, limit: 10000, backoff: 0s, in_hand: redeliver }
  - { id: sink, embedded: true, inputs: { in: worker/out } }
";

pub(crate) fn prove() -> anyhow::Result<Figure> {
    runtime()?.block_on(async {
        let source = failing_source().await?;
        let (worker, lost) = failing_worker().await?;
        let ok = source.restarts >= LEAST_SOURCES && worker.restarts >= LEAST_WORKERS && lost == 0;
        let text = format!(
            "a source that failed {} times brought {}, and of {MESSAGES} messages {lost} were lost by a \
             node that trapped {} times",
            source.restarts, source.events_out, worker.restarts
        );
        Ok(Figure { text, ok: ok && worker.exit.is_ok() })
    })
}

/// The source, once enough has come from it.
async fn failing_source() -> anyhow::Result<NodeReport> {
    let mut prepared = prepare(SOURCE)?;
    let (say, enough) = oneshot::channel();
    prepared.embed("ticks", |mut ports| async move {
        let mut left = TICKS;
        while left > 0 {
            let event = ports.recv().await.ok_or("the source has ended for good")?;
            left -= u64::from(matches!(event, Event::Input(_)));
        }
        // Nobody listens where the dataflow could not start.
        let _ = say.send(());
        while ports.recv().await.is_some() {}
        Ok(())
    })?;
    let running = prepared.start(StartOptions::default()).await?;
    enough.await?;
    running.stop();
    node(&running.wait().await, "source")
}

/// The node that traps, and how many messages did not come through it.
async fn failing_worker() -> anyhow::Result<(NodeReport, u64)> {
    let mut prepared = prepare(WORKER)?;
    prepared.embed("numbers", |mut ports| async move {
        for number in 0..MESSAGES {
            let sent = ports.send("out", number.to_string()).await;
            sent.map_err(|error| error.to_string())?;
        }
        Ok(())
    })?;
    let seen = Arc::new(Mutex::new(BTreeMap::<String, u64>::new()));
    let counted = Arc::clone(&seen);
    prepared.embed("sink", move |mut ports| async move {
        while let Some(event) = ports.recv().await {
            let Event::Input(input) = event else { continue };
            let text = String::from_utf8_lossy(&input.message.payload).into_owned();
            *counted.lock().unwrap_or_else(PoisonError::into_inner).entry(text).or_default() += 1;
        }
        Ok(())
    })?;
    let report = run(prepared).await?;
    bad_ends(&report).iter().for_each(|end| println!("{end}"));
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let came = (0..MESSAGES).filter(|number| seen.contains_key(&number.to_string())).count() as u64;
    let worker = node(&report, "worker")?;
    println!(
        "{} restarts, {} events given again, {} messages twice",
        worker.restarts,
        worker.redelivered,
        seen.values().sum::<u64>() - came
    );
    Ok((worker, MESSAGES - came))
}

/// What happened to a node, where the books balance.
fn node(report: &RunReport, id: &str) -> anyhow::Result<NodeReport> {
    anyhow::ensure!(report.unbalanced().is_empty(), "unbalanced: {:?}", report.unbalanced());
    report.node(id).cloned().context("it is in the report")
}
