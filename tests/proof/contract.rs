//! Ten million messages through inputs that block: none lost, none reordered, none changed.
//!
//! Two sources, one that sends without a pause and one that sends in bursts, each to eight components
//! that forward to one that checks every message: fan-out 8, then fan-in 8. Sizes from 0 B to 8 MiB.

use std::fmt::Write;

use crate::support::{Figure, bad_ends, prepare, run, runtime};

const MESSAGES: u64 = 625_000;
const FANS: u64 = 8;
/// Mostly small, some at the edge between inline and shared, one of 8 MiB in 20,001.
const SIZES: &str = "0*1000,8*10000,64*6000,1500*2000,8192*500,8193*500,8388608*1";

pub(crate) fn prove() -> anyhow::Result<Figure> {
    let report = runtime()?.block_on(async { run(prepare(&descriptor())?).await })?;
    let checked: u64 = ["steady-sink", "bursts-sink"]
        .iter()
        .filter_map(|sink| report.node(sink))
        .flat_map(|sink| &sink.inputs)
        .map(|input| input.delivered)
        .sum();
    let lost: u64 = report.nodes.iter().map(|node| node.dropped() + node.discarded()).sum();
    let bad = bad_ends(&report);
    println!("{} messages checked in {:.1} s", checked, report.duration.as_secs_f64());
    bad.iter().for_each(|end| println!("{end}"));
    let expected = 2 * MESSAGES * FANS;
    let ok = checked == expected && lost == 0 && bad.is_empty() && report.unbalanced().is_empty();
    let text = format!("{checked} of {expected} messages arrived in order and whole, {lost} lost");
    Ok(Figure { text, ok })
}

fn descriptor() -> String {
    let mut text = String::from("nodes:\n");
    source(&mut text, "steady", "");
    source(&mut text, "bursts", "    inputs: { tick: { timer: 2ms } }\n");
    text
}

fn source(text: &mut String, name: &str, inputs: &str) {
    let per_tick = if inputs.is_empty() { 0 } else { 5000 };
    let _ = write!(
        text,
        "  - id: {name}
    component: counts.wasm
{inputs}    outputs: [out]
    parameters: {{ count: {MESSAGES}, per-tick: {per_tick}, sizes: \"{SIZES}\" }}
"
    );
    for fan in 0..FANS {
        let echo = if fan % 2 == 0 { "echo" } else { "echo-program" };
        let _ = write!(
            text,
            "  - id: {name}-{fan}
    component: {echo}.wasm
    inputs: {{ in: {name}/out }}
    outputs: [out]
"
        );
    }
    let inputs: Vec<_> = (0..FANS).map(|fan| format!("in{fan}: {name}-{fan}/out")).collect();
    let _ = write!(
        text,
        "  - id: {name}-sink
    component: verify.wasm
    inputs: {{ {} }}
",
        inputs.join(", ")
    );
}
