//! `thalweg check`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::open::{self, Rejection};
use super::text::{GOOD, count, styled};
use super::{Exit, eprint, print};
use crate::dataflow::{Dataflow, Feed};

/// What is checked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  thalweg check dataflow.yaml
  thalweg check --no-components flows/*.yaml

Exit codes: 0 if every file is right, 2 if one is not. All problems are told, not only the first.")]
pub struct Check {
    /// Descriptors
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Check only the descriptors; do not read and compile their components
    #[arg(long)]
    pub no_components: bool,
}

/// Checks each file and says what is wrong with any.
///
/// # Errors
///
/// When the outcome cannot be written.
pub fn check(check: &Check) -> anyhow::Result<Exit> {
    let mut exit = Exit::Well;
    for path in &check.files {
        match check_file(path, !check.no_components) {
            Ok(summary) => {
                let file = if check.files.len() > 1 {
                    format!("{}: ", path.display())
                } else {
                    String::new()
                };
                print(&format!("{file}{} {summary}\n", styled(GOOD, "ok:")))?;
            }
            Err(rejection) => {
                eprint(&rejection.to_string());
                exit = Exit::Wrong;
            }
        }
    }
    Ok(exit)
}

fn check_file(path: &Path, components: bool) -> Result<String, Rejection> {
    let dataflow = open::dataflow(path)?;
    let summary = summary(&dataflow);
    if components {
        open::prepare(dataflow, true)?;
    }
    Ok(summary)
}

fn summary(dataflow: &Dataflow) -> String {
    let inputs = || dataflow.nodes().iter().flat_map(|node| &node.inputs);
    let edges = inputs().filter(|input| matches!(input.feed, Feed::Source { .. })).count();
    let timers = inputs().count() - edges;
    let mut summary =
        format!("{}, {}", count(dataflow.nodes().len(), "node"), count(edges, "edge"));
    if timers > 0 {
        summary += &format!(", {}", count(timers, "timer"));
    }
    summary
}
