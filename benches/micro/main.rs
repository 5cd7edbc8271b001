//! What single steps of the way of an event cost: `micro count` runs each case between two marks, for
//! `counts.py`, which counts the instructions; `micro time` takes its time. Both run the same code.

#![expect(clippy::print_stdout, reason = "what a measurement prints is what it is for")]

mod case;
mod components;
mod descriptor;
mod flow;
mod payloads;
mod ways;

use std::time::Duration;

use case::Case;
use criterion::{Criterion, Throughput};

fn cases() -> Vec<Case> {
    [ways::cases(), payloads::cases(), components::cases(), descriptor::cases()].concat()
}

fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("count") => cases().iter().try_for_each(count),
        Some("time") => time(&std::env::args().nth(2).unwrap_or_default()),
        _ => anyhow::bail!("say `count` or `time`"),
    }
}

/// Prints what `counts.py` puts the instructions to: the name, and between how many events they are shared.
fn count(case: &Case) -> anyhow::Result<()> {
    let events = case.run_between_marks()?;
    println!("{}\t{events}", case.name);
    Ok(())
}

/// Those whose names contain `part`.
fn time(part: &str) -> anyhow::Result<()> {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    cases().iter().filter(|case| case.name.contains(part)).try_for_each(|case| {
        let mut work = (case.prepare)()?;
        let mut outcome = Ok(());
        let mut group = criterion.benchmark_group("micro");
        group.throughput(Throughput::Elements(case.events));
        group.bench_function(case.name, |bencher| {
            bencher.iter(|| {
                if outcome.is_ok() {
                    outcome = work();
                }
            });
        });
        group.finish();
        outcome
    })
}
