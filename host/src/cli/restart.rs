//! `thalweg restart`.

use clap::Args;

use super::open::Rejection;
use super::running;
use super::text::error_text;
use super::{Exit, eprint, print};
use crate::attach::{Answer, Ask};

/// What is started again.
#[derive(Debug, Args)]
#[command(after_help = "\
The others see nothing of it: what is queued for the node stays queued, and its outputs stay open. What
the old instance had in hand is lost.

Examples:
  thalweg restart load
  thalweg restart load --dataflow quickstart

Exit codes: 0 when the new instance is ready, 1 when it could not be made ready, 2 when nothing was done.")]
pub struct Restart {
    /// The node
    pub node: String,
    /// Its dataflow: the name, or the number of its process [default: the only one that runs]
    #[arg(long, value_name = "NAME")]
    pub dataflow: Option<String>,
}

/// Starts a node again, and waits until it is ready.
///
/// # Errors
///
/// When it is not clear which dataflow is meant, or it has no such node that runs.
pub fn restart(restart: &Restart) -> anyhow::Result<Exit> {
    let running = running::all()?.one(restart.dataflow.as_deref())?;
    let (answer, _) = running.ask(&Ask::Restart { node: restart.node.clone() })?;
    match answer {
        Answer::Restarted => {
            print(&format!("{}\n", running.told(&format!("node `{}` is ready", restart.node))))?;
            Ok(Exit::Well)
        }
        Answer::Failed { reason } => {
            eprint(&error_text(&running.told(&reason)));
            Ok(Exit::NodeFailed)
        }
        other => Err(Rejection(error_text(&running.told(&running::reason_of(&other)))).into()),
    }
}
