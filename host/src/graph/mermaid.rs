//! Mermaid text.

use std::fmt::Write;

use super::{code_label, duration_text, feed_label, grant_labels};
use crate::dataflow::{Code, Dataflow, Feed, Node, Overflow};

pub(super) fn draw(dataflow: &Dataflow) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (position, node) in dataflow.nodes().iter().enumerate() {
        let _ = writeln!(text, "  n{position}[\"{}\"]", label(node));
    }
    for (position, node) in dataflow.nodes().iter().enumerate() {
        for (index, input) in node.inputs.iter().enumerate() {
            let line = match &input.feed {
                Feed::Timer(period) => {
                    let period = duration_text(*period);
                    format!("t{position}_{index}([\"{period}\"]) -- {} --> n{position}", input.id)
                }
                Feed::Source { node: from, output, queue } => {
                    let sender =
                        dataflow.nodes().get(*from).and_then(|node| node.outputs.get(*output));
                    let output = sender.map_or_else(String::new, ToString::to_string);
                    let names = match feed_label(&input.feed) {
                        Some(note) => format!("{output} → {} ({note})", input.id),
                        None => format!("{output} → {}", input.id),
                    };
                    let (open, close) = if queue.overflow == Overflow::Block {
                        ("--", "-->")
                    } else {
                        ("-.", ".->")
                    };
                    format!("n{from} {open} \"{names}\" {close} n{position}")
                }
            };
            let _ = writeln!(text, "  {line}");
        }
    }
    text
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
