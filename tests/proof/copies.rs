//! A chain of eight components that forward: a message costs the same at any size, for its bytes stay
//! where they are.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use thalweg::Event;

use crate::support::{Figure, bad_ends, prepare, run, runtime};

const CHAIN: usize = 8;
const MESSAGES: u64 = 200_000;
const ROUNDS: usize = 5;
const SMALL: usize = 8;
const LARGE: usize = 8 << 20;
/// Two runs of the same size differ by this much on a shared machine.
const MOST_RATIO: f64 = 1.25;

pub(crate) fn prove() -> anyhow::Result<Figure> {
    let (mut small, mut large, mut copied) = (Vec::new(), Vec::new(), 0);
    // In turns, so that what else the machine does is in both.
    for round in 0..ROUNDS {
        for (size, times) in [(SMALL, &mut small), (LARGE, &mut large)] {
            let (time, copies) = runtime()?.block_on(pass(size))?;
            copied += copies;
            let nanos = u64::try_from(time.as_nanos())? / (MESSAGES * CHAIN as u64);
            println!("round {round}: {size:>7} B: {nanos} ns a message and component");
            times.push(nanos);
        }
    }
    let median = |times: &mut [u64]| crate::support::quantile(times, 0.5);
    let (small, large) = (median(&mut small), median(&mut large));
    let ratio = large as f64 / small as f64;
    let text = format!(
        "8 MiB costs {ratio:.2} x 8 B ({large} and {small} ns a component), {copied} copies"
    );
    Ok(Figure { text, ok: ratio <= MOST_RATIO && copied == 0 })
}

/// The time for all messages to pass, and how many arrived in another place than they were sent from.
async fn pass(size: usize) -> anyhow::Result<(Duration, u64)> {
    let mut prepared = prepare(&descriptor())?;
    let payload = Bytes::from(vec![7; size]);
    let sent_from = payload.as_ptr() as usize;
    prepared.embed("source", move |mut ports| async move {
        for _ in 0..MESSAGES {
            ports.send("out", payload.clone()).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    })?;
    let moved = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&moved);
    prepared.embed("sink", move |mut ports| async move {
        let mut batch = Vec::new();
        while ports.recv_batch(&mut batch, usize::MAX).await > 0 {
            for event in batch.drain(..) {
                // A small payload is copied in and out by right: it is cheaper than a handle.
                if let Event::Input(input) = event
                    && size > SMALL
                    && input.message.payload.as_ptr() as usize != sent_from
                {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    })?;
    let report = run(prepared).await?;
    anyhow::ensure!(report.is_ok(), "{:?}", bad_ends(&report));
    Ok((report.duration, moved.load(Ordering::Relaxed)))
}

fn descriptor() -> String {
    // The queues are bounded in events alone, or large messages would make smaller batches.
    let mut text = String::from(
        "queued_bytes: 64GiB\nnodes:\n  - { id: source, embedded: true, outputs: [out] }\n",
    );
    let mut from = String::from("source");
    let queue = "queue: 256, queue_bytes: 4GiB";
    for node in 0..CHAIN {
        let _ = writeln!(
            text,
            "  - {{ id: n{node}, component: echo.wasm, inputs: {{ in: {{ source: {from}/out, {queue} }} }}, outputs: [out] }}"
        );
        from = format!("n{node}");
    }
    let _ = writeln!(
        text,
        "  - {{ id: sink, embedded: true, inputs: {{ in: {{ source: {from}/out, {queue} }} }} }}"
    );
    text
}
