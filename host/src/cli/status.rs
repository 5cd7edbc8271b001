//! `thalweg status`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use super::running::{self, Running};
use super::text::{BOLD, count, error_text, styled, visible};
use super::{Exit, eprint, print};
use crate::report::NodeStatus;

const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
const FLOWS: [&str; 5] = ["dataflow", "state", "process", "up", "nodes"];
const NODES: [&str; 7] = ["node", "state", "in", "out", "queued", "restarts", "end"];

/// What is shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  thalweg status
  thalweg status quickstart
  thalweg status --format json")]
pub struct Status {
    /// Show the nodes of this dataflow: its name, or the number of its process
    pub name: Option<String>,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// The form of the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table
    Table,
    /// Everything, for programs: a list of dataflows
    Json,
}

/// Shows which dataflows of this user run, and how they are doing.
///
/// # Errors
///
/// When none has the name, or nothing can be written.
pub fn status(status: &Status) -> anyhow::Result<Exit> {
    let mut found = running::all()?;
    for silent in std::mem::take(&mut found.silent) {
        eprint(&error_text(&silent));
    }
    let running = found.named(status.name.as_deref())?;
    match status.format {
        Format::Json => {
            let all: Vec<_> = running.iter().map(|running| &running.status).collect();
            print(&(serde_json::to_string_pretty(&all)? + "\n"))?;
        }
        Format::Table if status.name.is_some() => print(&nodes(&running))?,
        Format::Table if running.is_empty() => eprint("no dataflow runs\n"),
        Format::Table => print(&flows(&running))?,
    }
    Ok(Exit::Well)
}

fn flows(running: &[Running]) -> String {
    let row = |running: &Running| {
        let status = &running.status;
        let nodes = status.nodes.len();
        [
            visible(running.name()).into_owned(),
            state(running).into(),
            status.pid.to_string(),
            uptime(running),
            nodes.to_string(),
        ]
    };
    table(FLOWS, running.iter().map(row), 2..5)
}

fn nodes(running: &[Running]) -> String {
    let one = |running: &Running| {
        let name = styled(BOLD, visible(running.name()));
        let head = format!(
            "{name}: {}, process {}, up {}, {}\n\n",
            state(running),
            running.status.pid,
            uptime(running),
            count(running.status.nodes.len(), "node")
        );
        head + &table(NODES, running.status.nodes.iter().map(node_row), 2..6)
    };
    running.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn node_row(node: &NodeStatus) -> [String; NODES.len()] {
    // The lines behind the first are in the report.
    let end = node.exit.as_deref().and_then(|exit| exit.lines().next()).unwrap_or("-");
    [
        visible(&node.id).into_owned(),
        node.state.name().to_owned(),
        node.events_in.to_string(),
        node.events_out.to_string(),
        node.queued.to_string(),
        node.restarts.to_string(),
        visible(end).into_owned(),
    ]
}

/// A table with its line ends; the columns of `numbers` stand on the right.
fn table<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
    numbers: std::ops::Range<usize>,
) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(numbers.start).take(numbers.len()) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn state(running: &Running) -> &'static str {
    if running.status.stopping { "stopping" } else { "running" }
}

/// In whole seconds.
fn uptime(running: &Running) -> String {
    let seconds = Duration::try_from_secs_f64(running.status.uptime_seconds).unwrap_or_default();
    humantime::format_duration(Duration::from_secs(seconds.as_secs())).to_string()
}
