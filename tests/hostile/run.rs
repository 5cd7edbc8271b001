//! A case, run beside the healthy pair.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use thalweg::{
    Compiler, Dataflow, NodeEvent, NodeEventKind, PreparedDataflow, RunReport, RunningDataflow,
    StartOptions,
};
use tokio::sync::mpsc;

use super::case::{Case, Guest, NOT_STARTED, When};
use super::pair::{self, Latency, Pair};
use super::place::Place;

/// How long nodes that do not end by themselves have.
const GRACE: Duration = Duration::from_millis(200);

/// A case that takes longer hangs.
const HANG: Duration = Duration::from_secs(60);

/// Bytes in which an end is told: reports are kept, and read by people.
const MOST_TOLD: usize = 32 << 10;

/// What became of a case.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The name of the bad node's end.
    pub(crate) end: String,
    /// The same in words.
    pub(crate) text: String,
    pub(crate) latency: Latency,
}

impl Seen {
    /// Whether it is the end that it must be, and nothing of the pair was lost.
    pub(crate) fn is_as_expected(&self, case: &Case) -> bool {
        self.end == case.end && self.text.contains(case.text) && self.latency.lost == 0
    }
}

/// The pair without anybody else, for so many messages.
pub(crate) async fn alone(compiler: &Compiler, least: usize) -> anyhow::Result<Latency> {
    let place = Place::new()?;
    let mut prepared = prepare(&place, pair::NODES, compiler)?;
    let pair = Pair::supply(&mut prepared, least)?;
    let running = prepared.start(StartOptions::default()).await?;
    let latency = pair.end().await?;
    check(&running.wait().await)?;
    Ok(latency)
}

/// A case beside the pair, which sends at least so many messages.
///
/// # Errors
///
/// When something came of what the guest tried, when the books are not equal, or when it hangs. Any end of
/// the guest is none.
pub(crate) async fn run(case: &Case, compiler: &Compiler, least: usize) -> anyhow::Result<Seen> {
    let place = Place::new()?;
    let seen = async {
        match (case.when, case.guest) {
            (When::Start, _) | (_, Guest::Made(..) | Guest::Empty(..)) => {
                apart(case, &place, compiler, least).await
            }
            _ => together(case, &place, compiler, least).await,
        }
    };
    let seen = tokio::time::timeout(HANG, seen).await.context("it hangs")??;
    place.check(case).await?;
    Ok(seen)
}

/// Of one dataflow with the pair.
async fn together(
    case: &Case,
    place: &Place,
    compiler: &Compiler,
    least: usize,
) -> anyhow::Result<Seen> {
    let text = format!("{}{}", pair::NODES, nodes(case, place)?);
    let mut prepared = prepare(place, &text, compiler)?;
    let pair = Pair::supply(&mut prepared, least)?;
    supply_others(&mut prepared)?;
    let (running, mut events) = start(prepared).await?;
    if case.when == When::Running {
        end_of_bad(&mut events).await?;
    }
    let latency = pair.end().await?;
    running.stop();
    let report = running.wait().await;
    check(&report)?;
    let (end, text) = end_in(&report)?;
    Ok(Seen { end, text, latency })
}

/// In a dataflow of its own, which is compiled and started while the pair runs.
async fn apart(
    case: &Case,
    place: &Place,
    compiler: &Compiler,
    least: usize,
) -> anyhow::Result<Seen> {
    let text = format!("nodes:\n{}", nodes(case, place)?);
    let bad = Dataflow::from_text(&text, place.path())?;
    let mut prepared = prepare(place, pair::NODES, compiler)?;
    let pair = Pair::supply(&mut prepared, least)?;
    let (running, _) = start(prepared).await?;
    let (end, text) = end_apart(bad).await?;
    let latency = pair.end().await?;
    check(&running.wait().await)?;
    Ok(Seen { end, text, latency })
}

/// The end of the bad node in this dataflow, in a word and in words.
async fn end_apart(dataflow: Dataflow) -> anyhow::Result<(String, String)> {
    let prepared = tokio::task::spawn_blocking(move || {
        // Nothing stored: it is compiled each time.
        let compiler = Compiler::new(None)?;
        anyhow::Ok(PreparedDataflow::new(dataflow, &compiler, |_| {}))
    });
    let mut prepared = match prepared.await?? {
        Ok(prepared) => prepared,
        Err(errors) => {
            let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
            return Ok((NOT_STARTED.into(), texts.join("\n")));
        }
    };
    supply_others(&mut prepared)?;
    let (sender, mut events) = mpsc::unbounded_channel();
    let running = match prepared.start(options(sender)).await {
        Ok(running) => running,
        Err(error) => return Ok((NOT_STARTED.into(), error.to_string())),
    };
    end_of_bad(&mut events).await?;
    running.stop();
    let report = running.wait().await;
    end_in(&report)
}

/// The bad node, a reader that never takes anything, and what else the case has.
fn nodes(case: &Case, place: &Place) -> anyhow::Result<String> {
    let (code, address) = (place.code(case.guest)?, place.address()?);
    let inputs = if case.beside.contains("id: feed") { ", in: feed/out" } else { "" };
    let fields = if case.fields.is_empty() { String::new() } else { format!(", {}", case.fields) };
    let text = format!(
        "  - {{ id: bad, {code}, inputs: {{ tick: {{ timer: 10ms }}{inputs} }}, outputs: [out, unread]{fields} }}
  - {{ id: deaf, embedded: true, inputs: {{ in: bad/out }} }}
{}",
        case.beside
    );
    let port = address.port().to_string();
    Ok(text.replace("$TCP", &address.to_string()).replace("$PORT", &port))
}

fn prepare(place: &Place, text: &str, compiler: &Compiler) -> anyhow::Result<PreparedDataflow> {
    let dataflow = Dataflow::from_text(text, place.path())
        .context("the suite needs the guests: run `make guests` first")?;
    PreparedDataflow::new(dataflow, compiler, |_| {}).map_err(|errors| anyhow!("{errors:?}"))
}

/// `deaf`, and `feed`, which sends 64 KiB a millisecond.
fn supply_others(prepared: &mut PreparedDataflow) -> anyhow::Result<()> {
    prepared.embed("deaf", |ports| async move {
        std::future::pending::<()>().await;
        drop(ports);
        Ok(())
    })?;
    if prepared.dataflow().position("feed").is_some() {
        prepared.embed("feed", |mut ports| async move {
            let payload = bytes::Bytes::from(vec![7; 64 << 10]);
            let mut due = tokio::time::interval(Duration::from_millis(1));
            while ports.send("out", payload.clone()).await.is_ok() {
                due.tick().await;
            }
            Ok(())
        })?;
    }
    Ok(())
}

type Events = mpsc::UnboundedReceiver<NodeEvent>;

async fn start(prepared: PreparedDataflow) -> anyhow::Result<(RunningDataflow, Events)> {
    let (sender, events) = mpsc::unbounded_channel();
    Ok((prepared.start(options(sender)).await?, events))
}

/// With a log that is read as fast as it can be.
fn options(events: mpsc::UnboundedSender<NodeEvent>) -> StartOptions {
    let (logs, mut lines) = mpsc::channel(1024);
    tokio::spawn(async move { while lines.recv().await.is_some() {} });
    let name = Some("hostile".into());
    StartOptions {
        logs: Some(logs),
        events: Some(events),
        grace: Some(GRACE),
        name,
        ..StartOptions::default()
    }
}

async fn end_of_bad(events: &mut Events) -> anyhow::Result<()> {
    while let Some(event) = events.recv().await {
        if event.node.as_str() == "bad" && matches!(event.kind, NodeEventKind::Ended(_)) {
            return Ok(());
        }
    }
    anyhow::bail!("the dataflow ended before its bad node")
}

/// The name of the bad node's end, and the same in words.
fn end_in(report: &RunReport) -> anyhow::Result<(String, String)> {
    let exit = &report.node("bad").context("no node `bad`")?.exit;
    let text = exit.to_string();
    let told = text.len() + exit.backtrace().iter().map(String::len).sum::<usize>();
    anyhow::ensure!(told < MOST_TOLD, "its end is told in {told} bytes");
    Ok((exit.name().into(), text))
}

fn check(report: &RunReport) -> anyhow::Result<()> {
    anyhow::ensure!(report.unbalanced().is_empty(), "books: {:?}", report.unbalanced());
    for node in ["ping", "echo", "pong"] {
        let exit = report.node(node).map(|node| &node.exit);
        anyhow::ensure!(exit.is_some_and(|exit| exit.is_ok()), "`{node}`: {exit:?}");
    }
    Ok(())
}
