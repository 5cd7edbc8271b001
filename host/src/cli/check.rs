//! `thalweg check`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::lock::held;
use super::open::{self, Rejection};
use super::text::{GOOD, count, styled};
use super::{Exit, eprint, grants, print};
use crate::dataflow::{Dataflow, Feed};

/// What is checked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  thalweg check dataflow.yaml
  thalweg check --no-components flows/*.yaml
  thalweg check --grants dataflow.yaml

Exit codes: 0 if every file is right, 2 if one is not. All problems are told, not only the first.")]
pub struct Check {
    /// Descriptors
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Check only the descriptors; do not read and compile their components
    #[arg(long)]
    pub no_components: bool,
    /// Also list what each node is given: folders, addresses, variables, rights; and what its component
    /// imports without being granted it
    #[arg(long)]
    pub grants: bool,
    /// How that is listed
    #[arg(long, value_enum, default_value_t = Format::Text, requires = "grants")]
    pub format: Format,
    /// Also check that all is as the lock file says, which lies beside the descriptor
    #[arg(long, conflicts_with = "no_components")]
    pub locked: bool,
}

/// The form of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// What is told of a file that is right.
enum Told {
    Text(String),
    Json(Value),
}

/// Checks each file and says what is wrong with any. `python` runs the scripts of nodes that name no
/// interpreter.
///
/// # Errors
///
/// When the outcome cannot be written.
pub fn check(check: &Check, python: Option<&Path>) -> anyhow::Result<Exit> {
    let mut exit = Exit::Well;
    let mut listed = Vec::new();
    for path in &check.files {
        match check_file(path, check, python) {
            Ok(Told::Text(text)) => {
                let several = check.files.len() > 1;
                let file = if several { format!("{}: ", path.display()) } else { String::new() };
                print(&format!("{file}{} {text}", styled(GOOD, "ok:")))?;
            }
            Ok(Told::Json(given)) => listed.push(given),
            Err(rejection) => {
                eprint(&rejection.to_string());
                exit = Exit::Wrong;
            }
        }
    }
    if check.format == Format::Json {
        print(&format!("{:#}\n", Value::Array(listed)))?;
    }
    Ok(exit)
}

fn check_file(path: &Path, check: &Check, python: Option<&Path>) -> Result<Told, Rejection> {
    let dataflow = held(path, open::dataflow(path)?, check.locked)?;
    if !check.no_components {
        open::prepare(dataflow.clone(), true)?;
    }
    let summary = summary(&dataflow) + "\n";
    if !check.grants {
        return Ok(Told::Text(summary));
    }
    let given = grants::given(&dataflow, python, !check.no_components)?;
    Ok(match check.format {
        Format::Text => Told::Text(format!("{summary}\n{}", grants::as_text(&given))),
        Format::Json => Told::Json(grants::as_json(path, &given)),
    })
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
