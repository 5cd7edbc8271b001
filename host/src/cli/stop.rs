//! `thalweg stop`.

use clap::Args;

use super::open::Rejection;
use super::running;
use super::text::error_text;
use super::{Exit, print};
use crate::attach::{Answer, Ask};

/// What is stopped.
#[derive(Debug, Args)]
#[command(after_help = "\
It does what the first Ctrl-C does in the terminal of `thalweg run`: sources end, and what was sent is
delivered. It returns when the dataflow has ended, which its grace period bounds.

Examples:
  thalweg stop quickstart")]
pub struct Stop {
    /// The dataflow: its name, or the number of its process
    pub name: String,
}

/// Stops a dataflow, and waits until it has ended.
///
/// # Errors
///
/// When there is none of the name, or more than one, or it does not answer.
pub fn stop(stop: &Stop) -> anyhow::Result<Exit> {
    let running = running::all()?.one(Some(&stop.name))?;
    let (answer, asked) = running.ask(&Ask::Stop)?;
    let wrong = |reason: &str| Rejection(error_text(&running.told(reason)));
    if answer != Answer::Stopping {
        return Err(wrong(&running::reason_of(&answer)).into());
    }
    asked.wait_for_end().map_err(|error| wrong(&error.to_string()))?;
    print(&format!("{}\n", running.told("it has ended")))?;
    Ok(Exit::Well)
}
