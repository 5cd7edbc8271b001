//! What an event costs as a dataflow grows: `pairs` of a source and a sink, one source with `subscribers`, or
//! `inputs` into one node. A cost is CPU time of the whole process, which other work on the machine does not
//! change much; that of the start is left out, by taking the difference between few events and many.

use serde_json::{Value, json};
use thalweg::PreparedDataflow;

use rustix::time::{ClockId, clock_gettime};

use crate::flow::{Lines, run, runtime};
use crate::settings::Settings;

/// Enough for seconds, and for hundreds at each node where there are thousands.
const EVENTS: usize = 2_000_000;
/// A run with so many times fewer shows what the start costs.
const FEWER: usize = 4;

pub(crate) fn measure(settings: &Settings) -> anyhow::Result<Value> {
    let many = settings.number("many", 1)?;
    let events = settings.number("events", EVENTS)?;
    let count = events / many;
    let few = spent(dataflow(settings, many, count / FEWER)?)?;
    let all = spent(dataflow(settings, many, count)?)?;
    let (taken, seconds) = (all.0 - few.0, all.1 - few.1);
    Ok(json!({ "cost": seconds * 1e9 / taken as f64, "taken": taken }))
}

/// How many messages were taken, and the seconds of CPU time from the start to the end.
fn spent(prepared: PreparedDataflow) -> anyhow::Result<(u64, f64)> {
    let before = cpu();
    let report = runtime()?.block_on(run(prepared))?;
    let inputs = report.nodes.iter().flat_map(|node| &node.inputs);
    Ok((inputs.map(|input| input.delivered).sum(), cpu() - before))
}

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn dataflow(settings: &Settings, many: usize, count: usize) -> anyhow::Result<PreparedDataflow> {
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
    lines.prepare()
}
