//! A handler whose state is a sum, swapped again and again in the middle of a stream: each message is counted
//! once, by whichever instance.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use tempfile::TempDir;
use thalweg::{Event, OldState, Ports, RunReport, RunningDataflow, StartOptions};
use tokio::sync::watch;

use crate::support::{Figure, bad_ends, prepare, root, runtime};

const MESSAGES: u64 = 1_000_000;
const SWAPS: u64 = 100;

const FLOW: &str = "
nodes:
  - { id: numbers, embedded: true, outputs: [out] }
  - { id: sums, component: sums.wasm, inputs: { in: numbers/out }, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: sums/out } }
";

/// A section without a meaning at the end of a component, by which it is another file: `made`, and nothing more.
const SECTION: [u8; 7] = [0, 5, 4, b'm', b'a', b'd', b'e'];

/// What came out of the node.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Messages that were the next one.
    right: u64,
    /// Those that were not.
    wrong: u64,
    restarts: u64,
    longest_pause: Duration,
}

pub(crate) fn prove() -> anyhow::Result<Figure> {
    runtime()?.block_on(async {
        let (report, seen, took) = swapped().await?;
        bad_ends(&report).iter().for_each(|end| println!("{end}"));
        let node = report.node("sums").context("it is in the report")?;
        println!(
            "{} swaps, {} of them told to the reader; the longest took {:.1} ms, with the compiled file at hand",
            node.swaps,
            seen.restarts,
            took.as_secs_f64() * 1e3
        );
        let lost = MESSAGES.saturating_sub(seen.right);
        let text = format!(
            "{} swaps of a node with state in {MESSAGES} messages: {lost} lost, {} out of order or twice, every \
             sum right; longest pause of the reader {:.1} ms",
            node.swaps,
            seen.wrong,
            seen.longest_pause.as_secs_f64() * 1e3
        );
        let books = report.unbalanced().is_empty() && report.is_ok() && node.swaps == SWAPS;
        Ok(Figure { text, ok: books && lost == 0 && seen.wrong == 0 })
    })
}

/// The report of a run with all swaps, what its reader saw, and how long the longest swap took.
async fn swapped() -> anyhow::Result<(RunReport, Seen, Duration)> {
    let mut prepared = prepare(FLOW)?;
    prepared.embed("numbers", |mut ports| async move {
        for number in 0..MESSAGES {
            let sent = ports.send("out", number.to_string()).await;
            sent.map_err(|error| error.to_string())?;
        }
        Ok(())
    })?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (say, progress) = watch::channel(0);
    let counted = Arc::clone(&seen);
    prepared.embed("sink", move |ports| async move {
        let saw = look(ports, &say).await;
        *counted.lock().unwrap_or_else(PoisonError::into_inner) = saw;
        Ok(())
    })?;
    let running = prepared.start(StartOptions::default()).await?;
    let took = swap_all(&running, progress).await?;
    let report = running.wait().await;
    let seen = *seen.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((report, seen, took))
}

/// Compares what comes with what must, in its order.
async fn look(mut ports: Ports, say: &watch::Sender<u64>) -> Seen {
    let (mut seen, mut sum) = (Seen::default(), 0);
    let mut last = None::<Instant>;
    while let Some(event) = ports.recv().await {
        let now = Instant::now();
        match event {
            Event::Input(input) => {
                sum += seen.right;
                let expected = format!("{} {sum}", seen.right + 1);
                if input.message.payload == expected {
                    seen.right += 1;
                } else {
                    sum -= seen.right;
                    seen.wrong += 1;
                }
                if let Some(last) = last.replace(now) {
                    seen.longest_pause = seen.longest_pause.max(now - last);
                }
                say.send_replace(seen.right + seen.wrong);
            }
            Event::InputRestarted(_) => seen.restarts += 1,
            _ => {}
        }
    }
    seen
}

/// Swaps the node at even distances in the stream, and says how long that took at most.
async fn swap_all(
    running: &RunningDataflow,
    mut progress: watch::Receiver<u64>,
) -> anyhow::Result<Duration> {
    let (_folder, files) = files()?;
    let (control, mut longest) = (running.control(), Duration::ZERO);
    for (swap, file) in (0..SWAPS).zip(files.iter().cycle()) {
        let due = swap * (MESSAGES / (SWAPS + 1));
        progress.wait_for(|seen| *seen >= due).await?;
        let began = Instant::now();
        control.swap("sums", file, OldState::Keep).await?;
        // The first two are compiled.
        if swap >= files.len() as u64 {
            longest = longest.max(began.elapsed());
        }
    }
    Ok(longest)
}

/// The component, and another file of it.
fn files() -> anyhow::Result<(TempDir, [PathBuf; 2])> {
    let folder = tempfile::tempdir()?;
    let one = root().join("guests/target/components/sums.wasm");
    let other = folder.path().join("sums.wasm");
    std::fs::write(&other, [std::fs::read(&one)?, SECTION.into()].concat())?;
    Ok((folder, [other, one]))
}
