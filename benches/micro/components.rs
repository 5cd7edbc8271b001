//! Calls into components of each world: from an embedded node through a component to another. An event is
//! one message in and one out.

use anyhow::Context as _;
use bytes::Bytes;
use thalweg::{MAX_BATCH, Ports};

use crate::case::{Case, Work};
use crate::flow::{Flow, exactly};

pub(crate) fn cases() -> Vec<Case> {
    let most = MAX_BATCH as u64;
    vec![
        Case { name: "handler/one", events: 1, prepare: || passes("echo", 1, 8) },
        Case { name: "handler/batch-of-8", events: 8, prepare: || passes("echo", 8, 8) },
        Case {
            name: "handler/batch-of-64",
            events: most,
            prepare: || passes("echo", MAX_BATCH, 8),
        },
        Case { name: "program/one", events: 1, prepare: || passes("echo-program", 1, 8) },
        Case {
            name: "program/64-waiting",
            events: most,
            prepare: || passes("echo-program", MAX_BATCH, 8),
        },
        // By handle, which nobody reads.
        Case { name: "payload/passed-64-KiB", events: 8, prepare: || passes("echo", 8, 64 << 10) },
        // Into the component by value, and out again.
        Case {
            name: "payload/read-and-sent-4-KiB",
            events: 8,
            prepare: || passes("copies", 8, 4 << 10),
        },
        // By handle, copied in by `read`, and out into a payload of the host.
        Case {
            name: "payload/read-and-sent-64-KiB",
            events: 8,
            prepare: || passes("copies", 8, 64 << 10),
        },
    ]
}

/// Sends so many messages of `size` bytes to a component, and waits until it has sent as many.
fn passes(component: &str, messages: usize, size: usize) -> anyhow::Result<Work> {
    let text = format!(
        "nodes:
  - {{ id: source, embedded: true, outputs: [out] }}
  - {{ id: between, component: {component}.wasm, inputs: {{ in: source/out }}, outputs: [out] }}
  - {{ id: sink, embedded: true, inputs: {{ in: between/out }} }}"
    );
    let (flow, ports) = Flow::start(&text, &["source", "sink"])?;
    let [mut source, mut sink] = exactly(ports)?;
    let payload = Bytes::from(vec![7; size]);
    Ok(flow.with(move |runtime| runtime.block_on(pass(&mut source, &mut sink, &payload, messages))))
}

async fn pass(
    source: &mut Ports,
    sink: &mut Ports,
    payload: &Bytes,
    messages: usize,
) -> anyhow::Result<()> {
    for _ in 0..messages {
        source.send("out", payload.clone()).await?;
    }
    for _ in 0..messages {
        sink.recv().await.context("the component has ended")?;
    }
    Ok(())
}
