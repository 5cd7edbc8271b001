//! A dataflow whose embedded nodes are driven by whoever measures: all on one thread, so that each run takes
//! the same way.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use thalweg::{Compiler, Dataflow, Ports, PreparedDataflow, RunningDataflow, StartOptions};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::case::Work;

pub(crate) struct Flow {
    /// Dropped first: it ends all nodes.
    _running: RunningDataflow,
    runtime: Runtime,
}

impl Flow {
    /// Starts it; gives the ports of the nodes `embedded`, in this order.
    pub(crate) fn start(text: &str, embedded: &[&str]) -> anyhow::Result<(Self, Vec<Ports>)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let dataflow = parse(text)?;
        let prepared = PreparedDataflow::new(dataflow, &Compiler::new(None)?, |_| {});
        let prepared = prepared.map_err(|errors| anyhow!("{errors:?}"))?;
        let (running, ports) = runtime.block_on(begin(prepared, embedded))?;
        Ok((Self { _running: running, runtime }, ports))
    }

    /// Work on its ports, for as long as which it runs.
    pub(crate) fn with(
        self,
        mut work: impl FnMut(&Runtime) -> anyhow::Result<()> + 'static,
    ) -> Work {
        Box::new(move || {
            let flow = &self;
            work(&flow.runtime)
        })
    }
}

async fn begin(
    mut prepared: PreparedDataflow,
    embedded: &[&str],
) -> anyhow::Result<(RunningDataflow, Vec<Ports>)> {
    let (given, mut taken) = mpsc::unbounded_channel();
    for (position, id) in embedded.iter().enumerate() {
        let given = given.clone();
        prepared.embed(id, move |ports| async move {
            drop(given.send((position, ports)));
            std::future::pending().await
        })?;
    }
    let running = prepared.start(StartOptions::default()).await?;
    let mut all = Vec::new();
    while all.len() < embedded.len() {
        all.extend(taken.recv().await);
    }
    all.sort_by_key(|(position, _)| *position);
    Ok((running, all.into_iter().map(|(_, ports)| ports).collect()))
}

/// Components are the guests.
pub(crate) fn parse(text: &str) -> anyhow::Result<Dataflow> {
    let dataflow = Dataflow::from_text(text, &guests());
    dataflow.context("the components are built by `make guests`")
}

fn guests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guests/target/components")
}

/// The ports, of so many nodes.
pub(crate) fn exactly<const N: usize>(ports: Vec<Ports>) -> anyhow::Result<[Ports; N]> {
    ports.try_into().map_err(|_| anyhow!("a node of the dataflow has not begun"))
}
