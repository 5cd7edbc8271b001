//! What an event costs as a dataflow grows, with as many events in all: `pairs` of a source and a sink, one
//! source with `subscribers`, or `inputs` into one node. A cost is the time for all, divided by how many
//! were taken.

use anyhow::Context;
use serde_json::{Value, json};

use crate::flow::{Lines, run, runtime};
use crate::settings::Settings;

/// Enough for seconds, and for hundreds at each node where there are thousands.
const EVENTS: usize = 2_000_000;

pub(crate) fn measure(settings: &Settings) -> anyhow::Result<Value> {
    let many = settings.number("many", 1)?;
    let events = settings.number("events", EVENTS)?;
    let count = events / many;
    let mut lines = Lines::new();
    let source =
        format!("component: floods.wasm, outputs: [out], parameters: {{ count: {count} }}");
    let sink = |inputs: &str| {
        format!("component: measures.wasm, inputs: {{ {inputs} }}, outputs: [found]")
    };
    if settings.is("of", "subscribers") {
        lines.node("source", &source);
        (0..many).for_each(|node| lines.node(&format!("sink{node}"), &sink("in: source/out")));
    } else {
        (0..many).for_each(|node| lines.node(&format!("source{node}"), &source));
        let inputs: Vec<_> = (0..many).map(|node| format!("in{node}: source{node}/out")).collect();
        if settings.is("of", "inputs") {
            lines.node("sink", &sink(&inputs.join(", ")));
        } else {
            for (node, input) in inputs.iter().enumerate() {
                lines.node(&format!("sink{node}"), &sink(input));
            }
        }
    }
    let report = runtime()?.block_on(async { run(lines.prepare()?).await })?;
    let taken: u64 =
        report.nodes.iter().flat_map(|node| &node.inputs).map(|input| input.delivered).sum();
    anyhow::ensure!(taken == (count * many) as u64, "{taken} messages came of {}", count * many);
    let last = report.nodes.iter().filter_map(|node| node.last_taken).max();
    let seconds = last.context("no node took an event")?.as_secs_f64();
    Ok(json!({ "cost": seconds * 1e9 / taken as f64, "taken": taken }))
}
