//! `thalweg run`.

use std::fs::{self, File};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use anyhow::Context as _;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::awake::keep_ready;
use super::lock::held;
use super::logs::{self, Printed};
use super::open::{self, Rejection};
use super::text::{error_text, help_text};
use super::watch::Watch;
use super::{Exit, eprint, print, report};
use crate::dataflow::{Code, Dataflow};
use crate::prepare::PreparedDataflow;
use crate::report::RunReport;
use crate::runtime::{RunningDataflow, StartError, StartOptions};

/// The fewest threads for nodes: while a call of one node keeps a thread busy, another answers Ctrl-C
/// and runs the rest.
const LEAST_THREADS: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");

/// What is run, and how.
#[derive(Debug, Args)]
#[command(after_help = "\
What nodes print to standard output comes on standard output, each line under the name of its node;
what they print to standard error or log comes on standard error, and the report too.

The first Ctrl-C (or SIGTERM) asks the sources to end and delivers what was sent. What has not ended
within the grace period is ended by force. The second Ctrl-C ends everything at once.

Examples:
  thalweg run dataflow.yaml
  thalweg run dataflow.yaml --report json > report.json
  thalweg run dataflow.yaml --locked
  thalweg run dataflow.yaml --watch
  thalweg run dataflow.yaml --grace 30s --report-file report.json

Exit codes:
  0    every node ended well
  1    a node did not end well
  2    the descriptor, a component or the command line is wrong; nothing was started
  130  the dataflow was ended at once by a second Ctrl-C")]
pub struct Run {
    /// A descriptor
    pub file: PathBuf,
    /// The report at the end: a table for people on standard error; or JSON on standard output, where
    /// the lines of nodes then go to standard error
    #[arg(long, value_enum, default_value_t = Report::Table)]
    pub report: Report,
    /// Also write the report as JSON to this file
    #[arg(long, value_name = "PATH")]
    pub report_file: Option<PathBuf>,
    /// How long nodes may take to end, as in `5s`, instead of what the descriptor says
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub grace: Option<Duration>,
    /// Start only what the lock file beside the descriptor has: the same files, given the same
    #[arg(long)]
    pub locked: bool,
    /// Swap a node when the file of its component changes: see `thalweg swap`
    #[arg(long, conflicts_with = "locked")]
    pub watch: bool,
    /// By which name `thalweg status`, `stop`, `restart` and `swap` find it, and processes that attach [default:
    /// that of the file]
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub name: Option<String>,
    /// Compile every component anew, and store nothing
    #[arg(long)]
    pub no_cache: bool,
    /// The Python that runs scripts whose nodes name no `interpreter` [default: the active venv, the
    /// `.venv` beside the script, or the one on PATH]
    #[arg(long, value_name = "PATH")]
    pub python: Option<PathBuf>,
    /// Threads that run nodes [default: one for each core, and at least 2]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Keep every core of the machine ready to run within this time, as in `0us`, until the dataflow has ended: a
    /// script that waits is woken sooner, and power is spent. Needs the right to write to `/dev/cpu_dma_latency`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub cpu_latency: Option<Duration>,
}

/// What is shown at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Report {
    /// A table, and in words what went wrong
    Table,
    /// Everything, for programs
    Json,
    /// Nothing
    None,
}

/// What is left of a run.
enum Outcome {
    /// It came to its end, by itself or drained.
    Ended(RunReport),
    /// It was ended at once.
    Killed(RunReport),
    /// It was given up before anything ran.
    GivenUp,
}

/// Runs a dataflow to its end. `python` runs the scripts of nodes that name no interpreter, unless the
/// arguments name one.
///
/// # Errors
///
/// When the descriptor or a component is wrong, or what is left of the run cannot be written.
pub fn run(run: &Run, python: Option<PathBuf>) -> anyhow::Result<Exit> {
    let dataflow = held(&run.file, open::dataflow(&run.file)?, run.locked)?;
    refuse_embedded(&run.file, &dataflow)?;
    run.report_file.as_deref().map(refuse_unwritable).transpose()?;
    let _ready = run.cpu_latency.map(keep_ready).transpose()?;
    // From before the files are read: what changes meanwhile is seen.
    let watch = run.watch.then(|| Watch::start(&dataflow)).transpose()?;
    let prepared = open::prepare(dataflow, !run.no_cache)?;
    let runtime = runtime(run.threads)?;
    let outcome = runtime.block_on(run_to_end(prepared, run, python, watch));
    // A node that reads the standard input of the host would keep the runtime until a line comes.
    runtime.shutdown_background();
    let (report, exit) = match outcome? {
        Outcome::Ended(report) if report.is_ok() => (report, Exit::Well),
        Outcome::Ended(report) => (report, Exit::NodeFailed),
        Outcome::Killed(report) => (report, Exit::Killed),
        Outcome::GivenUp => return Ok(Exit::Killed),
    };
    if let Some(path) = &run.report_file {
        fs::write(path, json(&report)?).with_context(|| unwritable(path))?;
    }
    show(&report, run.report)?;
    Ok(exit)
}

/// Only a program can supply the code of an embedded node.
fn refuse_embedded(path: &Path, dataflow: &Dataflow) -> Result<(), Rejection> {
    let embedded = dataflow.nodes().iter().filter(|node| matches!(node.code, Code::Embedded));
    let names: Vec<_> = embedded.map(|node| format!("`{}`", node.id)).collect();
    if names.is_empty() {
        return Ok(());
    }
    let problem = error_text(&format!(
        "`{}` has nodes with `embedded: true`, and this command supplies none: {}",
        path.display(),
        names.join(", ")
    ));
    let help = "give each of them `component: file.wasm` or `python: script.py`, or start the file from the program that has its code";
    Err(Rejection(problem + &help_text(help)))
}

/// Told before anything runs. A report that is already there stays until there is another.
fn refuse_unwritable(path: &Path) -> anyhow::Result<()> {
    File::options().append(true).create(true).open(path).with_context(|| unwritable(path))?;
    Ok(())
}

fn unwritable(path: &Path) -> String {
    format!("cannot write the report to `{}`", path.display())
}

fn json(report: &RunReport) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}

fn runtime(threads: Option<NonZeroUsize>) -> io::Result<Runtime> {
    let cores = || std::thread::available_parallelism().map_or(LEAST_THREADS, NonZeroUsize::from);
    let threads = threads.unwrap_or_else(|| cores().max(LEAST_THREADS));
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads.get()).enable_all().build()
}

async fn run_to_end(
    prepared: PreparedDataflow,
    run: &Run,
    python: Option<PathBuf>,
    watch: Option<Watch>,
) -> anyhow::Result<Outcome> {
    let printed = match run.report {
        Report::Json => Printed::ToStderr,
        Report::Table | Report::None => Printed::ToStdout,
    };
    let mut stops = Stops::listen()?;
    let (logs, printed_all) = logs::start(prepared.dataflow(), printed)?;
    let options = StartOptions {
        logs: Some(logs),
        grace: run.grace,
        python: run.python.clone().or(python).map(Into::into),
        name: run.name.clone().or_else(|| stem(&run.file)),
        ..StartOptions::default()
    };
    let running = tokio::select! {
        started = prepared.start(options) => started.map_err(rejection)?,
        () = stops.next() => return Ok(Outcome::GivenUp),
    };
    // Ends with this function.
    let mut watching = JoinSet::new();
    if let Some(watch) = watch {
        watching.spawn(watch.follow(running.control()));
    }
    Ok(see_to_end(running, &mut stops, &printed_all).await)
}

fn stem(path: &Path) -> Option<String> {
    path.file_stem().map(|name| name.to_string_lossy().into_owned())
}

/// Waits until all nodes have ended and all that they printed is written, and lets people stop and kill
/// them.
async fn see_to_end(
    running: RunningDataflow,
    stops: &mut Stops,
    printed_all: &CancellationToken,
) -> Outcome {
    let control = running.control();
    let mut report = pin!(async {
        let report = running.wait().await;
        printed_all.cancelled().await;
        report
    });
    tokio::select! {
        biased;
        report = &mut report => return Outcome::Ended(report),
        // Nobody reads any more what nodes print.
        () = printed_all.cancelled() => {}
        () = stops.next() => eprint("thalweg: draining; press Ctrl-C again to end at once\n"),
    }
    control.stop();
    tokio::select! {
        report = &mut report => Outcome::Ended(report),
        () = stops.next() => {
            control.kill();
            printed_all.cancel();
            Outcome::Killed(report.await)
        }
    }
}

fn rejection(error: StartError) -> Rejection {
    match error {
        StartError::NotReady(errors) => open::not_ready(errors),
        StartError::NotSupplied(_) | StartError::OnlyOnce(_) => {
            Rejection(error_text(&error.to_string()))
        }
    }
}

/// The signals by which people and machines ask a program to end.
struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

impl Stops {
    fn listen() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn show(report: &RunReport, form: Report) -> anyhow::Result<()> {
    match form {
        Report::Table => eprint(&report::text(report)),
        Report::Json => print(&json(report)?)?,
        Report::None => {}
    }
    Ok(())
}
