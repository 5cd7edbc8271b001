//! Mermaid text.

use std::fmt::Write;
use std::time::Duration;

use super::{code_label, duration_text, feed_label, grant_labels};
use crate::dataflow::{Code, Dataflow, Feed, Input, Node, Overflow};
use crate::id::OutputId;

pub(super) fn draw(dataflow: &Dataflow) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (position, node) in dataflow.nodes().iter().enumerate() {
        let _ = writeln!(text, "  n{position}[\"{}\"]", label(node));
    }
    for (position, node) in dataflow.nodes().iter().enumerate() {
        for (index, input) in node.inputs.iter().enumerate() {
            let from = match &input.feed {
                Feed::Timer(period) => timer(&format!("t{position}_{index}"), *period, input),
                Feed::Source { node, output, queue } => {
                    let output =
                        dataflow.nodes().get(*node).and_then(|node| node.outputs.get(*output));
                    link(*node, output, input, queue.overflow)
                }
            };
            let _ = writeln!(text, "  {from} n{position}");
        }
    }
    text
}

fn timer(id: &str, period: Duration, input: &Input) -> String {
    format!("{id}([\"{}\"]) -- \"{}\" -->", duration_text(period), input.id)
}

/// A link without its end; dotted if it may lose messages.
fn link(from: usize, output: Option<&OutputId>, input: &Input, overflow: Overflow) -> String {
    let output = output.map_or("", |output| output.as_str());
    let note = feed_label(&input.feed).map_or_else(String::new, |note| format!(" ({note})"));
    let (open, close) = if overflow == Overflow::Block { ("--", "-->") } else { ("-.", ".->") };
    format!("n{from} {open} \"{output} → {}{note}\" {close}", input.id)
}

fn label(node: &Node) -> String {
    let mut label = format!("<b>{}</b><br/>{}", node.id, escaped(&code_label(node)));
    if let Code::Component(component) = &node.code {
        for grant in grant_labels(&component.grants) {
            label += "<br/><small>";
            label += &escaped(&grant);
            label += "</small>";
        }
    }
    label
}

/// Text between quotes of Mermaid, which reads entities and HTML there.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '#' | '&' | '<' | '>' | '`' | '\\' => {
                let _ = write!(escaped, "#{};", u32::from(character));
            }
            _ if character.is_control() => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    escaped
}
