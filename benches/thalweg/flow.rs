//! Dataflows of guests, and what their sinks found.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow};
use serde_json::Value;
use thalweg::{
    CodeCache, Compiler, Dataflow, Event, Ports, PreparedDataflow, RunReport, StartOptions,
};
use tokio::sync::mpsc;

/// The lines of a descriptor.
pub(crate) struct Lines(String);

impl Lines {
    pub(crate) fn new() -> Self {
        Self("queued_bytes: 16GiB\nnodes:\n".into())
    }

    /// A node: its id, and the other fields as they stand in a flow mapping.
    pub(crate) fn node(&mut self, id: &str, fields: &str) {
        let _ = writeln!(self.0, "  - {{ id: {id}, {fields} }}");
    }

    /// Components that pass on what they are given, behind the output `from`; gives the last output.
    pub(crate) fn chain(&mut self, mut from: String, length: usize) -> String {
        for node in 0..length {
            let fields = format!("component: echo.wasm, inputs: {{ in: {from} }}, outputs: [out]");
            self.node(&format!("pass{node}"), &fields);
            from = format!("pass{node}/out");
        }
        from
    }

    pub(crate) fn prepare(&self) -> anyhow::Result<PreparedDataflow> {
        let dataflow = Dataflow::from_text(&self.0, &guests())
            .context("the measurements need the guests: run `make guests` first")?;
        let compiler = Compiler::new(CodeCache::of_user())?;
        PreparedDataflow::new(dataflow, &compiler, |_| {}).map_err(|errors| anyhow!("{errors:?}"))
    }
}

fn guests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/target/components")
}

/// The runtime of the command `thalweg run`.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Runs it to its end, which has to be a good one.
pub(crate) async fn run(prepared: PreparedDataflow) -> anyhow::Result<RunReport> {
    let report = prepared.start(StartOptions::default()).await?.wait().await;
    let bad = report.nodes.iter().find(|node| !node.exit.is_ok());
    bad.map_or(Ok(()), |node| Err(anyhow!("{}: {}", node.id, node.exit)))?;
    Ok(report)
}

/// Runs it, and gives what came to the embedded node `found`: JSON.
pub(crate) async fn run_and_find(
    mut prepared: PreparedDataflow,
) -> anyhow::Result<(Vec<Value>, RunReport)> {
    let (sender, mut found) = mpsc::unbounded_channel();
    prepared.embed("found", |mut ports| async move {
        each_message(&mut ports, |bytes| drop(sender.send(bytes.to_vec()))).await;
        Ok(())
    })?;
    let report = run(prepared).await?;
    let mut values = Vec::new();
    while let Ok(bytes) = found.try_recv() {
        values.push(serde_json::from_slice(&bytes)?);
    }
    Ok((values, report))
}

pub(crate) async fn each_message(ports: &mut Ports, mut take: impl FnMut(&[u8])) {
    let mut batch = Vec::new();
    while ports.recv_batch(&mut batch, usize::MAX).await > 0 {
        for event in batch.drain(..) {
            if let Event::Input(input) = event {
                take(&input.message.payload);
            }
        }
    }
}

/// A number that a sink found.
pub(crate) fn number(found: &Value, key: &str) -> anyhow::Result<u64> {
    found.get(key).and_then(Value::as_u64).with_context(|| format!("the sink found no `{key}`"))
}

/// Nanoseconds since 1970: the clock that components, processes and this one share.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// What of this process is in memory, in bytes.
pub(crate) fn resident() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kib = line.split_whitespace().nth(1).context("no figure in VmRSS")?;
    Ok(kib.parse::<u64>()? * 1024)
}

/// The quantiles that a report shows, in nanoseconds.
pub(crate) fn quantiles(values: &mut [u64]) -> Value {
    values.sort_unstable();
    let at = |part: f64| {
        let rank = values.len().saturating_sub(1) as f64 * part;
        values.get(rank.round() as usize).copied().unwrap_or(0)
    };
    serde_json::json!({ "p50": at(0.5), "p99": at(0.99), "max": at(1.0), "count": values.len() })
}
