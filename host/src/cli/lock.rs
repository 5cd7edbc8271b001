//! `thalweg lock`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::open::{self, Rejection};
use super::text::{GOOD, count, error_text, help_text, styled};
use super::{Exit, print};
use crate::dataflow::Dataflow;
use crate::lock::{Lock as Locked, LockError};

/// What is locked.
#[derive(Debug, Args)]
#[command(after_help = "\
The lock file lies beside the descriptor: `flow.lock` for `flow.yaml`. It has the digest of every
component and script, and what each node is given, in the words of `thalweg check --grants`.

Examples:
  thalweg check --grants dataflow.yaml
  thalweg lock dataflow.yaml
  thalweg run --locked dataflow.yaml")]
pub struct Lock {
    /// Descriptors
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Writes the lock file of each descriptor.
///
/// # Errors
///
/// When a descriptor is wrong, or a file cannot be read or written.
pub fn lock(lock: &Lock) -> anyhow::Result<Exit> {
    for path in &lock.files {
        let dataflow = open::dataflow(path)?;
        let locked = Locked::of(&dataflow).map_err(|problems| {
            let texts = problems.iter().map(|problem| error_text(&problem.to_string()));
            Rejection(texts.collect())
        })?;
        let file = Locked::path_for(path);
        fs::write(&file, locked.to_text())
            .with_context(|| format!("cannot write the lock file `{}`", file.display()))?;
        let nodes = count(locked.len(), "node");
        print(&format!("{} {}: {nodes}\n", styled(GOOD, "locked:"), file.display()))?;
    }
    Ok(Exit::Well)
}

/// The dataflow, held to its lock file if `locked`.
pub(super) fn held(path: &Path, dataflow: Dataflow, locked: bool) -> Result<Dataflow, Rejection> {
    if !locked {
        return Ok(dataflow);
    }
    Locked::enforce(path, dataflow).map_err(|error| {
        let help = match &error {
            LockError::Differs { .. } => Some(format!(
                "if that is meant, look at `thalweg check --grants {0}` and run `thalweg lock {0}`",
                path.display()
            )),
            _ => None,
        };
        let text = error.to_string().lines().map(error_or_more).collect::<String>();
        Rejection(text + &help.map(|help| help_text(&help)).unwrap_or_default())
    })
}

/// A line that is indented belongs to the one above it.
fn error_or_more(line: &str) -> String {
    if line.starts_with(' ') { format!("{line}\n") } else { error_text(line) }
}
