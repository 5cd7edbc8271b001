//! `thalweg swap`.

use std::path::{self, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::open::Rejection;
use super::running;
use super::text::error_text;
use super::{Exit, eprint, print};
use crate::attach::{Answer, Ask};

/// What is swapped.
#[derive(Debug, Args)]
#[command(after_help = "\
No event is lost: the file is compiled and checked first, and the node is then stopped where it has
nothing in hand. A component that exports `thalweg:node/state` hands its state on; any other begins
anew. The node may do what it might before, and no more.

Examples:
  thalweg swap anomaly anomaly.wasm
  thalweg swap anomaly anomaly.wasm --dataflow quickstart --fresh

Exit codes: 0 when the new component runs, 1 when that was tried and the one before goes on, 2 when
nothing was done.")]
pub struct Swap {
    /// The node
    pub node: String,
    /// A component
    pub file: PathBuf,
    /// Its dataflow: the name, or the number of its process [default: the only one that runs]
    #[arg(long, value_name = "NAME")]
    pub dataflow: Option<String>,
    /// The new component begins anew, whatever state the one before hands on
    #[arg(long)]
    pub fresh: bool,
}

/// Gives a node another component, and waits until that is ready.
///
/// # Errors
///
/// When it is not clear which dataflow is meant, it has no such node that runs, or the file does not fit.
pub fn swap(swap: &Swap) -> anyhow::Result<Exit> {
    let running = running::all()?.one(swap.dataflow.as_deref())?;
    let file = &swap.file;
    // The host has a working directory of its own.
    let path = path::absolute(file).with_context(|| format!("no path: `{}`", file.display()))?;
    let Some(path) = path.to_str().map(str::to_owned) else {
        let problem = format!("the path `{}` is not UTF-8, and cannot be sent", file.display());
        return Err(Rejection(error_text(&problem)).into());
    };
    let (answer, _) =
        running.ask(&Ask::Swap { node: swap.node.clone(), path, fresh: swap.fresh })?;
    match answer {
        Answer::Swapped => {
            let told = format!("node `{}` runs `{}`", swap.node, file.display());
            print(&format!("{}\n", running.told(&told)))?;
            Ok(Exit::Well)
        }
        Answer::Failed { reason } => {
            eprint(&error_text(&running.told(&reason)));
            Ok(Exit::NodeFailed)
        }
        other => Err(Rejection(error_text(&running.told(&running::reason_of(&other)))).into()),
    }
}
