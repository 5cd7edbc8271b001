//! Guests that do harm beside a pair that exchanges a message a millisecond: each ends by the name that it
//! must end by, and the pair does not notice.

use anyhow::Context as _;
use thalweg::{CodeCache, Compiler};
use tokio::runtime::Runtime;

use crate::suite::case::Case;
use crate::suite::cases::cases;
use crate::suite::pair::Latency;
use crate::suite::run::{Seen, alone, run};
use crate::support::{Figure, quantile, runtime};

/// Messages of the pair for each case, at least: two thirds of a second.
const PINGS: usize = 700;
/// What the pair's p99 may be with a bad node, in times of what it is without.
const MOST_RATIO: f64 = 2.0;
/// Two wake-ups of a thread: below this a ratio says nothing.
const FLOOR_MICROS: u64 = 100;
/// Runs of a case whose ratio is over the bound: the machine has other work too, which comes and goes.
const MOST_RUNS: u32 = 3;
/// Runs of the pair alone that the next case is compared with, by their median.
const ALONE_RUNS: usize = 5;
/// Cases for each run of the pair alone.
const CASES_A_RUN: usize = 3;

/// The guests that the README speaks of: one of each kind.
const CONTAINED: [&str; 6] = [
    "loops-in-handler",
    "allocates",
    "recurses",
    "traps-at-event-20",
    "floods-a-slow-reader",
    "ignores-stop",
];

/// What a run showed.
struct Row {
    seen: Seen,
    alone: u64,
    ratio: f64,
    runs: u32,
}

/// The latencies of the pair without a bad node, the latest last.
struct Alone {
    p99: Vec<u64>,
}

/// All cases, or those that are named behind the name of the proof.
pub(crate) fn prove() -> anyhow::Result<Figure> {
    let (all, names) = (cases(), std::env::args().skip(2).collect::<Vec<_>>());
    anyhow::ensure!(
        names.iter().all(|name| all.iter().any(|case| case.guest.name() == name)),
        "no case has one of the names {names:?}"
    );
    let is_named =
        |case: &Case| names.is_empty() || names.iter().any(|name| case.guest.name() == name);
    prove_all(&all.into_iter().filter(is_named).collect::<Vec<_>>())
}

pub(crate) fn prove_contained() -> anyhow::Result<Figure> {
    let all = cases();
    let chosen = all.into_iter().filter(|case| CONTAINED.contains(&case.guest.name()));
    prove_all(&chosen.collect::<Vec<_>>())
}

fn prove_all(cases: &[Case]) -> anyhow::Result<Figure> {
    let (runtime, compiler) = (runtime()?, Compiler::new(CodeCache::of_user())?);
    let mut alone = Alone { p99: Vec::new() };
    for _ in 0..ALONE_RUNS - 1 {
        alone.measure(&runtime, &compiler)?;
    }
    let (mut ratios, mut lost, mut wrong) = (Vec::new(), 0, 0);
    print_head();
    for (number, case) in cases.iter().enumerate() {
        if number % CASES_A_RUN == 0 {
            alone.measure(&runtime, &compiler)?;
        }
        let row = beside(case, &mut alone, &runtime, &compiler)?;
        print_row(case, &row);
        ratios.push(row.ratio);
        lost += row.seen.latency.lost;
        wrong += usize::from(!row.seen.is_as_expected(case));
    }
    ratios.sort_by(f64::total_cmp);
    let worst = ratios.last().copied().unwrap_or(f64::INFINITY);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or(f64::INFINITY);
    let contained = cases.len() - wrong;
    let text = format!(
        "{contained} cases contained, worst p99 of the healthy pair {worst:.2} x (median {median:.2}), {lost} events lost"
    );
    Ok(Figure { text, ok: wrong == 0 && lost == 0 && worst <= MOST_RATIO })
}

impl Alone {
    fn measure(&mut self, runtime: &Runtime, compiler: &Compiler) -> anyhow::Result<u64> {
        let p99 = runtime.block_on(alone(compiler, PINGS))?.p99;
        self.p99.push(p99);
        Ok(p99)
    }

    /// The median of the last runs.
    fn p99(&self) -> u64 {
        let last = self.p99.iter().rev().take(ALONE_RUNS);
        quantile(&mut last.copied().collect::<Vec<_>>(), 0.5)
    }
}

/// A case, run until its ratio is within the bound, and the best of its runs. What is lost, or ends in
/// another way, is not tried again. A run that is tried again is compared with the pair alone right before
/// and right after it too, so that other work of the machine counts for both.
fn beside(
    case: &Case,
    alone: &mut Alone,
    runtime: &Runtime,
    compiler: &Compiler,
) -> anyhow::Result<Row> {
    let first = run_once(case, runtime, compiler)?;
    let mut best = Row::new(first, alone.p99());
    let mut before = alone.p99();
    for runs in 2..=MOST_RUNS {
        if best.ratio <= MOST_RATIO || !best.seen.is_as_expected(case) {
            break;
        }
        let seen = run_once(case, runtime, compiler)?;
        let after = alone.measure(runtime, compiler)?;
        let row = Row::new(seen, alone.p99().max(before).max(after));
        if row.ratio < best.ratio || !row.seen.is_as_expected(case) {
            best = row;
        }
        best.runs = runs;
        before = after;
    }
    Ok(best)
}

fn run_once(case: &Case, runtime: &Runtime, compiler: &Compiler) -> anyhow::Result<Seen> {
    runtime.block_on(run(case, compiler, PINGS)).with_context(|| case.guest.name())
}

impl Row {
    fn new(seen: Seen, alone: u64) -> Self {
        let ratio = seen.latency.p99.max(FLOOR_MICROS) as f64 / alone.max(FLOOR_MICROS) as f64;
        Self { seen, alone, ratio, runs: 1 }
    }
}

fn print_head() {
    println!(
        "{:<40} {:<21} {:<21} {:>6} {:>6} {:>5} {:>4}",
        "case", "expected", "seen", "alone", "beside", "ratio", "lost"
    );
}

/// The latencies are p99 in microseconds.
fn print_row(case: &Case, row: &Row) {
    let Row { seen, alone, ratio, runs } = row;
    let name = format!("{}/{}", case.guest.folder(), case.guest.name());
    let as_expected = seen.is_as_expected(case);
    let seen_end = if as_expected { seen.end.clone() } else { format!("! {}", seen.text) };
    let Latency { p99, lost } = seen.latency;
    let again = if *runs > 1 { format!("{runs} runs  ") } else { String::new() };
    println!(
        "{name:<40} {:<21} {seen_end:<21} {alone:>6} {p99:>6} {ratio:>5.2} {lost:>4}  {again}{}",
        case.end, case.fields
    );
}
