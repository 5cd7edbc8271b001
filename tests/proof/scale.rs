//! Ten thousand components in one dataflow of one process: the time until each has had its first event,
//! and the memory that they need.

use std::fmt::Write;
use std::time::Instant;

use anyhow::Context;
use thalweg::StartOptions;

use crate::support::{Figure, bad_ends, prepare, runtime};

const NODES: usize = 10_000;
/// "About a second", on two cores.
const MOST_SECONDS: f64 = 1.5;
const MOST_MIB: u64 = 512;

pub(crate) fn prove() -> anyhow::Result<Figure> {
    runtime()?.block_on(async {
        let mut prepared = prepare(&descriptor())?;
        let (report_memory, memory) = tokio::sync::oneshot::channel();
        prepared.embed("source", |mut ports| async move {
            for message in ["first", "second"] {
                ports.send("out", message).await.map_err(|error| error.to_string())?;
            }
            // A queue of one has room for the second when the first was taken: all have had theirs.
            let _ = report_memory.send(resident_mib());
            Ok(())
        })?;
        let before = resident_mib()?;
        let began = Instant::now();
        let running = prepared.start(StartOptions::default()).await?;
        let started = began.elapsed();
        let memory = memory.await??.saturating_sub(before);
        let report = running.wait().await;
        let first_events = report.nodes.iter().filter_map(|node| node.first_event);
        let last = first_events.max().context("no node had an event")?;
        let served = report.nodes.iter().filter(|node| node.events_out == 2).count();
        let seconds = (started + last).as_secs_f64();
        println!(
            "start {:.3} s, then the last first event after {:.3} s; {memory} MiB, {} KiB a node",
            started.as_secs_f64(),
            last.as_secs_f64(),
            memory * 1024 / NODES as u64,
        );
        bad_ends(&report).iter().for_each(|end| println!("{end}"));
        let ok = served == NODES + 1 && seconds <= MOST_SECONDS && memory <= MOST_MIB;
        let text = format!("{NODES} components served in {seconds:.2} s with {memory} MiB");
        Ok(Figure { text, ok: ok && report.is_ok() })
    })
}

fn descriptor() -> String {
    let mut text = String::from("nodes:\n  - { id: source, embedded: true, outputs: [out] }\n");
    for node in 0..NODES {
        let _ = writeln!(
            text,
            "  - {{ id: n{node}, component: echo.wasm, inputs: {{ in: {{ source: source/out, queue: 1 }} }}, outputs: [out] }}"
        );
    }
    text
}

fn resident_mib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kib = line.split_whitespace().nth(1).context("no figure in VmRSS")?;
    Ok(kib.parse::<u64>()? / 1024)
}
