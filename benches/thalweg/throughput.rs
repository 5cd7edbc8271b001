//! How many messages pass where nobody waits but for room: `sources` components, each read by `sinks`
//! components over `chain` that pass on, which read the payloads or do not.

use serde_json::{Value, json};
use thalweg::RunReport;

use crate::flow::{Lines, number, run_and_find, runtime};
use crate::settings::Settings;

pub(crate) fn measure(settings: &Settings) -> anyhow::Result<Value> {
    let size = settings.number("size", 8)?;
    let count = settings.number("count", 1_000_000)?;
    let (sources, sinks) = (settings.number("sources", 1)?, settings.number("sinks", 1)?);
    let mut lines = Lines::new();
    let mut inputs = Vec::new();
    for source in 0..sources {
        let id = format!("source{source}");
        lines.node(&id, &format!("component: floods.wasm, outputs: [out], parameters: {{ count: {count}, size: {size} }}"));
        inputs.push(format!("in{source}: {id}/out"));
    }
    if let (1, chain @ 1..) = (sources, settings.number("chain", 0)?) {
        inputs = vec![format!("in: {}", lines.chain("source0/out".into(), chain))];
    }
    let (inputs, read) = (inputs.join(", "), settings.is("read", "true"));
    let mut found = Vec::new();
    for sink in 0..sinks {
        lines.node(&format!("sink{sink}"), &format!("component: measures.wasm, inputs: {{ {inputs} }}, outputs: [found], parameters: {{ read: {read} }}, limits: {{ memory: 1GiB }}"));
        found.push(format!("in{sink}: sink{sink}/found"));
    }
    lines.node("found", &format!("embedded: true, inputs: {{ {} }}", found.join(", ")));
    let (found, report) = runtime()?.block_on(async { run_and_find(lines.prepare()?).await })?;
    let cpu = |kind| cpu_of(&report, kind);
    let cpu = json!({ "source": cpu("source"), "pass": cpu("pass"), "sink": cpu("sink") });
    rates(&found, (count * sources * sinks) as u64, size, cpu)
}

/// Nanoseconds of CPU for each message that came to, or of a source left, these components.
fn cpu_of(report: &RunReport, kind: &str) -> f64 {
    let nodes = report.nodes.iter().filter(|node| node.id.starts_with(kind));
    let (mut cpu, mut messages) = (0.0, 0);
    for node in nodes {
        cpu += node.cpu.unwrap_or_default().as_secs_f64() * 1e9;
        let taken: u64 = node.inputs.iter().map(|input| input.delivered).sum();
        messages += taken.max(if node.inputs.is_empty() { node.events_out } else { 0 });
    }
    if messages == 0 { 0.0 } else { cpu / messages as f64 }
}

/// From the first message that was sent to the last that was taken.
fn rates(found: &[Value], sent: u64, size: usize, cpu: Value) -> anyhow::Result<Value> {
    let of = |key| found.iter().map(|found| number(found, key)).collect::<anyhow::Result<Vec<_>>>();
    let delivered: u64 = of("count")?.iter().sum();
    let began = of("first")?.into_iter().min().unwrap_or(0);
    let ended = of("last")?.into_iter().max().unwrap_or(0);
    let seconds = ended.saturating_sub(began) as f64 / 1e9;
    let rate = delivered as f64 / seconds;
    Ok(json!({
        "rate": rate,
        "bytes": rate * size as f64,
        "lost": sent - delivered,
        "delivered": delivered,
        "seconds": seconds,
        "cpu": cpu,
    }))
}
