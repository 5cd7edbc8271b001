//! How soon `nodes` components are served, in a `chain` or, in a `star`, from one source; and what they need
//! then. `served` is a time since 1970, to be held against that at which this process was started.

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use thalweg::{PreparedDataflow, StartOptions};
use tokio::sync::oneshot;

use crate::flow::{Lines, each_message, now, resident, runtime};
use crate::settings::Settings;

pub(crate) fn measure(settings: &Settings) -> anyhow::Result<Value> {
    let nodes = settings.number("nodes", 10)?;
    let mut lines = Lines::new();
    lines.node("source", "embedded: true, outputs: [out]");
    if settings.is("shape", "star") {
        for node in 0..nodes {
            // A queue of one has room for the second message when the first was taken.
            lines.node(&format!("n{node}"), "component: echo.wasm, inputs: { in: { source: source/out, queue: 1 } }, outputs: [out]");
        }
        runtime()?.block_on(star(lines.prepare()?, nodes))
    } else {
        let last = lines.chain("source/out".into(), nodes);
        lines.node("sink", &format!("embedded: true, inputs: {{ in: {last} }}"));
        runtime()?.block_on(chain(lines.prepare()?, nodes))
    }
}

async fn star(mut prepared: PreparedDataflow, nodes: usize) -> anyhow::Result<Value> {
    let (served, all) = oneshot::channel();
    prepared.embed("source", |mut ports| async move {
        for message in ["first", "second"] {
            ports.send("out", message).await.map_err(|error| error.to_string())?;
        }
        let _ = served.send(resident());
        Ok(())
    })?;
    let before = resident()?;
    finish(prepared, nodes, before, async { all.await? }).await
}

async fn chain(mut prepared: PreparedDataflow, nodes: usize) -> anyhow::Result<Value> {
    let (come, last) = oneshot::channel();
    let (rest, rests) = oneshot::channel::<()>();
    prepared.embed("source", |mut ports| async move {
        ports.send("out", "first").await.map_err(|error| error.to_string())?;
        let _ = rests.await;
        Ok(())
    })?;
    prepared.embed("sink", |mut ports| async move {
        let mut come = Some(come);
        each_message(&mut ports, |_| {
            come.take().map(|come| come.send(()));
        })
        .await;
        Ok(())
    })?;
    let before = resident()?;
    let memory = async {
        last.await?;
        let memory = resident();
        drop(rest);
        memory
    };
    finish(prepared, nodes, before, memory).await
}

/// Runs it; `memory` is ready when all were served.
async fn finish(
    prepared: PreparedDataflow,
    nodes: usize,
    before: u64,
    memory: impl Future<Output = anyhow::Result<u64>>,
) -> anyhow::Result<Value> {
    let began = now();
    let running = prepared.start(StartOptions::default()).await?;
    let started = now();
    let memory = memory.await?;
    let report = running.wait().await;
    anyhow::ensure!(report.is_ok(), "a node ended badly");
    let first_events = report.nodes.iter().filter_map(|node| node.first_event);
    let last = first_events.max().context("no node had an event")?;
    let since = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    Ok(json!({
        "served": started + since(last),
        "start": started - began + since(last),
        "memory": memory,
        "per_node": memory.saturating_sub(before) / nodes as u64,
    }))
}
