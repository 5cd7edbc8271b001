//! Components that misbehave beside a pair that exchanges a message a millisecond: each ends by the name
//! that it must end by, and the pair does not notice.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use thalweg::{Event, StartOptions};
use tokio::sync::oneshot;

use crate::support::{Figure, prepare, quantile, runtime};

const PINGS: usize = 1500;
const PERIOD: Duration = Duration::from_millis(1);
/// How long a node that does not end has.
const GRACE: Duration = Duration::from_millis(200);
/// Latencies of the pair alone differ by this much from one run to the next on a shared machine.
const MOST_RATIO: f64 = 2.0;
/// Two wake-ups of a thread: below this a ratio says nothing.
const FLOOR_MICROS: u64 = 100;

/// The bad node, and how it must end.
struct Case {
    name: &'static str,
    node: &'static str,
    end: &'static str,
}

const CASES: [Case; 6] = [
    Case {
        name: "spins",
        node: "component: misbehaves.wasm, parameters: { how: spins, at: 1 }, limits: { cpu: 500ms }",
        end: "out-of-time",
    },
    Case {
        name: "allocates",
        node: "component: misbehaves.wasm, parameters: { how: allocates, at: 1 }",
        end: "out-of-memory",
    },
    Case {
        name: "recurses",
        node: "component: misbehaves.wasm, parameters: { how: recurses, at: 1 }",
        end: "trapped",
    },
    Case {
        name: "traps at event 20",
        node: "component: misbehaves.wasm, parameters: { how: traps, at: 20 }",
        end: "trapped",
    },
    Case {
        name: "floods",
        node: "component: misbehaves.wasm, parameters: { how: floods, at: 1 }",
        end: "killed",
    },
    Case {
        name: "never reads",
        node: "component: misbehaves-program.wasm, parameters: { how: sleeps, at: 0 }",
        end: "killed",
    },
];

pub(crate) fn prove() -> anyhow::Result<Figure> {
    let runtime = runtime()?;
    let (mut worst, mut ok) = (0.0_f64, true);
    println!(
        "{:<20} {:>14} {:>10} {:>10} {:>10} {:>10}  p50/p99 in us",
        "case", "end", "alone", "", "beside", ""
    );
    for case in CASES {
        let (alone, _) = runtime.block_on(measure(None))?;
        let (beside, end) = runtime.block_on(measure(Some(&case)))?;
        let ratio = beside.p99.max(FLOOR_MICROS) as f64 / alone.p99.max(FLOOR_MICROS) as f64;
        println!(
            "{:<20} {:>14} {:>10} {:>10} {:>10} {:>10}  {ratio:.2}",
            case.name, end, alone.p50, alone.p99, beside.p50, beside.p99
        );
        worst = worst.max(ratio);
        ok &= end == case.end && ratio <= MOST_RATIO && beside.count == PINGS;
    }
    let text = format!("{} cases contained, worst p99 of the neighbours {worst:.2} x", CASES.len());
    Ok(Figure { text, ok })
}

/// Latencies in microseconds.
struct Latency {
    p50: u64,
    p99: u64,
    count: usize,
}

/// The pair's latency, and the name of the bad node's end.
async fn measure(case: Option<&Case>) -> anyhow::Result<(Latency, String)> {
    let mut prepared = prepare(&descriptor(case))?;
    let latencies = Arc::new(Mutex::new(Vec::with_capacity(PINGS)));
    let (done, all_back) = oneshot::channel();
    let began = Instant::now();
    prepared.embed("ping", move |mut ports| async move {
        let mut due = tokio::time::interval(PERIOD);
        for _ in 0..PINGS {
            due.tick().await;
            let sent = micros_since(began).to_le_bytes().to_vec();
            ports.send("out", sent).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    })?;
    let seen = Arc::clone(&latencies);
    prepared.embed("pong", move |mut ports| async move {
        while let Some(event) = ports.recv().await {
            if let Event::Input(input) = event {
                let sent = input.message.payload.as_ref().try_into().map_or(0, u64::from_le_bytes);
                lock(&seen).push(micros_since(began).saturating_sub(sent));
            }
        }
        let _ = done.send(());
        Ok(())
    })?;
    if case.is_some() {
        prepared.embed("deaf", |ports| async move {
            std::future::pending::<()>().await;
            drop(ports);
            Ok(())
        })?;
    }
    let options = StartOptions { grace: Some(GRACE), ..StartOptions::default() };
    let running = prepared.start(options).await?;
    all_back.await?;
    running.stop();
    let report = running.wait().await;
    anyhow::ensure!(report.unbalanced().is_empty(), "books: {:?}", report.unbalanced());
    let end = report.node("bad").map_or("", |node| node.exit.name()).to_owned();
    let mut micros = std::mem::take(&mut *lock(&latencies));
    let (p50, p99) = (quantile(&mut micros, 0.5), quantile(&mut micros, 0.99));
    Ok((Latency { p50, p99, count: micros.len() }, end))
}

fn micros_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn descriptor(case: Option<&Case>) -> String {
    let mut text = String::from(
        "nodes:
  - { id: ping, embedded: true, outputs: [out] }
  - { id: echo, component: echo.wasm, inputs: { in: ping/out }, outputs: [out] }
  - { id: pong, embedded: true, inputs: { in: echo/out } }
",
    );
    if let Some(case) = case {
        text += &format!(
            "  - {{ id: bad, {}, inputs: {{ tick: {{ timer: 10ms }} }}, outputs: [out] }}
  - {{ id: deaf, embedded: true, inputs: {{ in: bad/out }} }}
",
            case.node
        );
    }
    text
}
