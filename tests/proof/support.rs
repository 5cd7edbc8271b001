//! What the proofs share.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use thalweg::{CodeCache, Compiler, Dataflow, PreparedDataflow, RunReport, StartOptions};

/// What a proof found.
pub(crate) struct Figure {
    pub(crate) text: String,
    pub(crate) ok: bool,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A dataflow whose components are `NAME.wasm` of `guests/`.
pub(crate) fn prepare(text: &str) -> anyhow::Result<PreparedDataflow> {
    let guests = root().join("guests/target/components");
    let dataflow = Dataflow::from_text(text, &guests)
        .context("the proofs need the guests: run `make guests` first")?;
    let compiler = Compiler::new(CodeCache::of_user())?;
    PreparedDataflow::new(dataflow, &compiler, |_| {}).map_err(|errors| anyhow!("{errors:?}"))
}

pub(crate) async fn run(prepared: PreparedDataflow) -> anyhow::Result<RunReport> {
    Ok(prepared.start(StartOptions::default()).await?.wait().await)
}

/// The runtime of the command `thalweg run`.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// How every node that did not end well ended.
pub(crate) fn bad_ends(report: &RunReport) -> Vec<String> {
    let bad = report.nodes.iter().filter(|node| !node.exit.is_ok());
    bad.map(|node| format!("{}: {}", node.id, node.exit)).collect()
}

/// The value below which this part of the sorted values lies.
pub(crate) fn quantile(values: &mut [u64], part: f64) -> u64 {
    values.sort_unstable();
    let rank = (values.len().saturating_sub(1)) as f64 * part;
    values.get(rank.round() as usize).copied().unwrap_or(0)
}
