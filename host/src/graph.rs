//! Pictures of a [`Dataflow`]: Mermaid text and a self-contained SVG. Pure; what is drawn is what was
//! checked.

mod layout;
mod mermaid;
mod svg;

use std::path::Path;
use std::time::Duration;

use crate::dataflow::{Code, Dataflow, Feed, Grants, Node, Overflow, Queue};

/// The dataflow as a Mermaid flowchart, for Markdown.
pub fn mermaid(dataflow: &Dataflow) -> String {
    mermaid::draw(dataflow)
}

/// The dataflow as an SVG image that needs nothing else, for light and dark pages.
pub fn svg(dataflow: &Dataflow) -> String {
    svg::draw(dataflow)
}

/// What runs the node, in few words.
fn code_label(node: &Node) -> String {
    let name = |path: &Path| {
        let name = path.file_name().unwrap_or(path.as_os_str());
        name.to_string_lossy().into_owned()
    };
    match &node.code {
        Code::Component(component) => name(&component.path),
        Code::Process(process) => name(&process.script),
        Code::Attached => "attached".into(),
        Code::Embedded => "embedded".into(),
    }
}

/// What a node may reach, each in few words.
fn grant_labels(grants: &Grants) -> Vec<String> {
    let folder = |folder: &crate::dataflow::Folder| {
        let verb = if folder.writable { "write" } else { "read" };
        format!("{verb} {}", folder.guest)
    };
    let mut labels: Vec<_> = grants.folders.iter().map(folder).collect();
    labels.extend(grants.connect.iter().map(|address| format!("connect {address}")));
    labels.extend(grants.listen.iter().map(|address| format!("listen {address}")));
    labels.extend(grants.name_lookup.then(|| "name lookup".into()));
    labels.extend(grants.stdio.then(|| "stdio".into()));
    labels
}

/// What is particular about a feed: the period of a timer, or how a queue loses messages.
fn feed_label(feed: &Feed) -> Option<String> {
    match feed {
        Feed::Timer(period) => Some(format!("every {}", duration_text(*period))),
        Feed::Source { queue, .. } => overflow_label(*queue),
    }
}

fn overflow_label(queue: Queue) -> Option<String> {
    match (queue.overflow, queue.events.get()) {
        (Overflow::Block, _) => None,
        (Overflow::DropOldest, 1) => Some("latest".into()),
        (Overflow::DropOldest, events) => Some(format!("drop-oldest {events}")),
        (Overflow::DropNewest, events) => Some(format!("drop-newest {events}")),
    }
}

fn duration_text(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// At most `most` characters, with the middle left out of a longer text.
fn shortened(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(most / 2).collect();
    let tail: String = text.chars().skip(count - (most - 1 - most / 2)).collect();
    format!("{head}…{tail}")
}
