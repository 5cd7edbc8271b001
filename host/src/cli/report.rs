//! The run report for people: a table, and in words what did not end well.

use std::time::Duration;

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use super::text::{BAD, BOLD, GOOD, count, duration_text, help_text, styled, visible};
use crate::exit::{KillReason, Limit, NodeExit};
use crate::report::{NodeReport, RunReport};

/// What a column is called, and what it says of a node.
type Column = (&'static str, fn(&NodeReport) -> String);

const COLUMNS: [Column; 11] = [
    ("node", |node| node.id.clone()),
    ("end", |node| node.exit.name().to_owned()),
    ("in", |node| node.events_in.to_string()),
    ("out", |node| node.events_out.to_string()),
    ("dropped", |node| node.dropped().to_string()),
    ("discarded", |node| node.discarded().to_string()),
    ("restarts", |node| node.restarts.to_string()),
    (SWAPS, |node| node.swaps.to_string()),
    (REDELIVERED, |node| node.redelivered.to_string()),
    ("cpu", |node| node.cpu.map_or_else(unknown, duration_text)),
    ("peak memory", |node| {
        node.peak_memory.map_or_else(unknown, |bytes| bytesize::ByteSize(bytes).to_string())
    }),
];
/// Columns that are there only if something was.
const SWAPS: &str = "swaps";
const REDELIVERED: &str = "redelivered";
/// The columns of words; the others are numbers, which stand on the right.
const WORDS: usize = 2;
const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
/// The lines before the first node: the header and the line below it.
const HEADER_LINES: usize = 2;

/// The whole report, with its line ends.
pub(super) fn text(report: &RunReport) -> String {
    let bad: Vec<_> = report.nodes.iter().filter(|node| !node.exit.is_ok()).collect();
    let mut text = format!("\n{}\n{}\n", table(report), summary(report, bad.len()));
    if let Some(node) = &report.stopped_by {
        text += &format!("node `{node}` stopped the dataflow by its end (`on_failure: stop`)\n");
    }
    report.nodes.iter().for_each(|node| text += &waits(node));
    for node in bad {
        text.push('\n');
        text += &explanation(node);
    }
    for input in report.unbalanced() {
        let problem = format!("the counts of `{input}` do not add up: this is a bug of the host\n");
        text += &styled(BAD, problem);
    }
    text
}

fn table(report: &RunReport) -> String {
    let mut table = Table::new();
    let is_shown = |name: &str| match name {
        SWAPS => report.nodes.iter().any(|node| node.swaps > 0),
        REDELIVERED => report.nodes.iter().any(|node| node.redelivered > 0),
        _ => true,
    };
    let columns = COLUMNS.iter().filter(|(name, _)| is_shown(name));
    table.load_style(STYLE).set_header(columns.clone().map(|(name, _)| *name));
    for node in &report.nodes {
        table.add_row(columns.clone().map(|(_, cell)| cell(node)));
    }
    for column in table.column_iter_mut().skip(WORDS) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = String::new();
    for (position, line) in table.lines().enumerate() {
        let node = position.checked_sub(HEADER_LINES).and_then(|node| report.nodes.get(node));
        let bad = node.is_some_and(|node| !node.exit.is_ok());
        let line = line.trim_end();
        text += &if bad { styled(BAD, line) } else { line.to_owned() };
        text.push('\n');
    }
    text
}

fn unknown() -> String {
    "-".to_owned()
}

fn summary(report: &RunReport, bad: usize) -> String {
    let nodes = report.nodes.len();
    let took = duration_text(report.duration);
    match bad {
        0 => format!(
            "{} after {took}: {}",
            count(nodes, "node"),
            styled(GOOD, "every node ended well")
        ),
        _ => {
            let bad = format!("{bad} did not end well");
            format!("{} after {took}: {}", count(nodes, "node"), styled(BAD, bad))
        }
    }
}

/// Which limits a node has waited for, where it was for longer than a person notices.
fn waits(node: &NodeReport) -> String {
    let Some(budgets) = &node.budgets else { return String::new() };
    let limits =
        [("cpu_share", budgets.cpu_share), ("rate", budgets.rate), ("log", Some(budgets.log))];
    let waited = limits.iter().filter_map(|(limit, paced)| Some((limit, (*paced)?.waited)));
    let waited = waited.filter(|(_, waited)| *waited >= Duration::from_millis(100));
    let line = |(limit, waited)| {
        let waited = duration_text(waited);
        format!("node `{}` waited for {waited} in all for `limits: {{ {limit}: }}`\n", node.id)
    };
    waited.map(line).collect()
}

/// How a node ended, in which event, where in its code, and what helps.
fn explanation(node: &NodeReport) -> String {
    let mut text =
        format!("{} {}\n", styled(BOLD, format!("node `{}`:", node.id)), exit_text(&node.exit));
    if let Some(event) = &node.last_event {
        text += &format!("  last event: {}\n", visible(event));
    }
    if let NodeExit::Trapped { backtrace, .. } = &node.exit
        && !backtrace.is_empty()
    {
        text += "  backtrace, innermost first:\n";
        for frame in backtrace {
            text += &format!("    {}\n", visible(frame));
        }
    }
    if node.gave_up {
        let restarts = count(usize::try_from(node.restarts).unwrap_or(usize::MAX), "restart");
        text +=
            &format!("  it gave up after {restarts}: `restart` allows no more within its window\n");
    }
    text + &remedy(&node.exit).map(help_text).unwrap_or_default()
}

/// The lines behind the first are indented.
fn exit_text(exit: &NodeExit) -> String {
    let text = exit.to_string();
    let lines: Vec<_> = text.lines().map(visible).collect();
    lines.join("\n  ")
}

/// What to change, where the descriptor or the command line can change it.
fn remedy(exit: &NodeExit) -> Option<&'static str> {
    match exit {
        NodeExit::OverLimit(Limit::Memory { .. }) => {
            Some("if it needs that much, raise `limits: { memory: }` of this node")
        }
        NodeExit::OverLimit(Limit::Buffers { .. }) => {
            Some("if it needs that much, raise `limits: { buffers: }` of this node")
        }
        NodeExit::OverLimit(Limit::Handles { .. }) => {
            Some("a node drops the handles of payloads that it no longer needs")
        }
        NodeExit::OverLimit(Limit::TableElements { .. }) => {
            Some("if it needs that many, raise `limits: { table_elements: }` of this node")
        }
        NodeExit::OverLimit(Limit::Cpu { .. }) => {
            Some("if an event needs that long, raise `limits: { cpu: }` of this node")
        }
        NodeExit::Killed(KillReason::Grace(_) | KillReason::StopGrace(_)) => Some(
            "a node returns soon after its last event; if it needs longer, raise `grace` in the descriptor, or `--grace`",
        ),
        NodeExit::Unresponsive { .. } => {
            Some("if an event needs that long, raise `watchdog` of this node")
        }
        NodeExit::Panicked { .. } => Some("this is a bug of the host, not of the node"),
        NodeExit::Finished
        | NodeExit::Stopped
        | NodeExit::Failed { .. }
        | NodeExit::Exited { .. }
        | NodeExit::Signaled { .. }
        | NodeExit::Unattached
        | NodeExit::Trapped { .. }
        | NodeExit::Killed(KillReason::Immediate) => None,
    }
}
