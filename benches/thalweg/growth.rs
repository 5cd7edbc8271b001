//! What an event costs as a dataflow grows: `pairs` of a source and a sink, one source with `subscribers`, or
//! `inputs` into one node. A cost is CPU time of the whole process, which other work on the machine does not
//! change much, between two moments of one run: when all nodes have started, and before they begin to end.

use std::time::Duration;

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use thalweg::{Control, PreparedDataflow, StartOptions};
use tokio::time::{MissedTickBehavior, interval};

use crate::flow::{Lines, runtime};
use crate::settings::Settings;

/// Enough for seconds.
const EVENTS: usize = 2_000_000;
/// Of these, at least so many for each that there is: the first of each finds nothing warm.
const FOR_EACH: usize = 1000;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// The parts of all events between which it is measured.
const FROM: f64 = 0.1;
const TO: f64 = 0.6;

pub(crate) fn measure(settings: &Settings) -> anyhow::Result<Value> {
    let many = settings.number("many", 1)?;
    let count = (settings.number("events", EVENTS)? / many).max(FOR_EACH);
    let looks = runtime()?.block_on(spent(dataflow(settings, many, count)?))?;
    let all = (count * many) as f64;
    let within = |look: &&Look| look.events >= FROM * all && look.events <= TO * all;
    let (first, last) = (looks.iter().find(within), looks.iter().rfind(within));
    let (first, last) = first.zip(last).context("name more `events`: they were over too soon")?;
    let taken = last.events - first.events;
    anyhow::ensure!(taken > 0.0, "name more `events`: they were over too soon");
    Ok(json!({ "cost": (last.cpu - first.cpu) * 1e9 / taken, "taken": taken }))
}

/// How many events were given until a moment, and the seconds of CPU time that all needed.
struct Look {
    events: f64,
    cpu: f64,
}

/// Looks while it runs to its end, which has to be a good one.
async fn spent(prepared: PreparedDataflow) -> anyhow::Result<Vec<Look>> {
    let running = prepared.start(StartOptions::default()).await?;
    let control = running.control();
    let (mut looks, mut ticks) = (Vec::new(), interval(BETWEEN_LOOKS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut end = std::pin::pin!(running.wait());
    let report = loop {
        tokio::select! {
            report = &mut end => break report,
            _ = ticks.tick() => looks.push(look(&control)),
        }
    };
    anyhow::ensure!(report.is_ok(), "a node ended badly");
    Ok(looks)
}

/// Without what looking costs: this thread does nothing else.
fn look(control: &Control) -> Look {
    let nodes = control.status().nodes;
    let events = nodes.iter().map(|node| node.events_in as f64).sum();
    Look { events, cpu: seconds(ClockId::ProcessCPUTime) - seconds(ClockId::ThreadCPUTime) }
}

fn seconds(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
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
