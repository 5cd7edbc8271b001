//! How long a paced message takes: from before its send to after its receipt, the time that it carries
//! taken from the time now. `from` and `to` are `component` or `native`, with `chain` components between.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use thalweg::{Event, Ports, PreparedDataflow};

use crate::flow::{Lines, each_message, now, quantiles, resident, run, run_and_find, runtime};
use crate::settings::Settings;

/// The first messages find a machine that is not warm.
const WARM_UP: usize = 10;

pub(crate) fn measure(settings: &Settings) -> anyhow::Result<Value> {
    let size = settings.number("size", 8)?;
    let count = settings.number("count", 2000)?;
    let every = 1_000_000 / settings.number("rate", 500)?;
    let (from, to) = (settings.is("from", "native"), settings.is("to", "native"));
    let mut lines = Lines::new();
    let source = if from {
        "embedded: true".to_owned()
    } else {
        format!("component: paces.wasm, parameters: {{ count: {count}, size: {size} }}")
    };
    lines.node(
        "source",
        &format!("{source}, inputs: {{ t: {{ timer: {every}us }} }}, outputs: [out]"),
    );
    let last = lines.chain("source/out".into(), settings.number("chain", 0)?);
    if to {
        lines.node("sink", &format!("embedded: true, inputs: {{ in: {last} }}"));
    } else {
        let read = settings.is("read", "true");
        lines.node("sink", &format!("component: measures.wasm, inputs: {{ in: {last} }}, outputs: [found], parameters: {{ delays: true, read: {read} }}"));
        lines.node("found", "embedded: true, inputs: { in: sink/found }");
    }
    let mut prepared = lines.prepare()?;
    if from {
        prepared.embed("source", move |ports| send(ports, count, size))?;
    }
    let mut delays = runtime()?.block_on(take(prepared, to))?;
    let came = delays.len();
    let mut warm = delays.split_off(came / WARM_UP);
    let memory = resident()?;
    Ok(json!({ "delay": quantiles(&mut warm), "lost": count - came, "memory": memory }))
}

async fn take(mut prepared: PreparedDataflow, native: bool) -> anyhow::Result<Vec<u64>> {
    if !native {
        let (found, _) = run_and_find(prepared).await?;
        let delays = found.first().and_then(|found| found.get("delays")).cloned();
        return Ok(serde_json::from_value(delays.unwrap_or_default())?);
    }
    let delays = Arc::new(Mutex::new(Vec::new()));
    let taken = Arc::clone(&delays);
    prepared.embed("sink", |mut ports| async move {
        let mut own = Vec::new();
        each_message(&mut ports, |bytes| own.push(now().saturating_sub(sent(bytes)))).await;
        *taken.lock().unwrap_or_else(PoisonError::into_inner) = own;
        Ok(())
    })?;
    run(prepared).await?;
    Ok(std::mem::take(&mut *delays.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// Does as the guest `paces` does.
async fn send(mut ports: Ports, count: usize, size: usize) -> Result<(), String> {
    let filling = vec![7; size.saturating_sub(8)];
    let mut left = count;
    while left > 0 {
        if let Some(Event::Tick(_)) = ports.recv().await {
            let bytes = [&now().to_le_bytes(), &*filling].concat();
            ports.send("out", bytes).await.map_err(|error| error.to_string())?;
            left -= 1;
        }
    }
    Ok(())
}

fn sent(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}
