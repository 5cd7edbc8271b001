//! From one embedded node to others: the ports, the router and the inbox, without a task between them.

use std::task::{Context, Poll};

use anyhow::ensure;
use futures_util::task::noop_waker;
use thalweg::{MAX_BATCH, Ports};

use crate::case::{Case, Work};
use crate::flow::{Flow, exactly};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case { name: "inbox/one", events: 1, prepare: one },
        Case { name: "inbox/batch-of-64", events: MAX_BATCH as u64, prepare: batch },
        Case { name: "inbox/wait-and-wake", events: 1, prepare: wait },
        Case { name: "inbox/drop-oldest", events: MAX_BATCH as u64, prepare: drop_oldest },
        Case { name: "router/1-to-8", events: 8, prepare: fan_out },
        Case { name: "router/8-to-1", events: 8, prepare: fan_in },
    ]
}

const PAIR: &str = "nodes:
  - { id: source, embedded: true, outputs: [out] }
  - { id: sink, embedded: true, inputs: { in: source/out } }";

/// Two nodes, and the dataflow that they live in.
fn pair(text: &str) -> anyhow::Result<(Flow, [Ports; 2])> {
    let (flow, ports) = Flow::start(text, &["source", "sink"])?;
    Ok((flow, exactly(ports)?))
}

fn one() -> anyhow::Result<Work> {
    let (flow, [mut source, mut sink]) = pair(PAIR)?;
    Ok(flow.with(move |_| {
        source.try_send("out", "12345678")?;
        sink.try_recv()?;
        Ok(())
    }))
}

fn batch() -> anyhow::Result<Work> {
    let (flow, [mut source, mut sink]) = pair(PAIR)?;
    let (waker, mut events) = (noop_waker(), Vec::new());
    Ok(flow.with(move |_| {
        for _ in 0..MAX_BATCH {
            source.try_send("out", "12345678")?;
        }
        let mut context = Context::from_waker(&waker);
        let taken = sink.poll_recv_batch(&mut context, &mut events, MAX_BATCH);
        events.clear();
        ensure!(taken == Poll::Ready(MAX_BATCH), "{taken:?} were taken");
        Ok(())
    }))
}

fn wait() -> anyhow::Result<Work> {
    let (flow, [mut source, mut sink]) = pair(PAIR)?;
    let waker = noop_waker();
    Ok(flow.with(move |_| {
        let mut context = Context::from_waker(&waker);
        ensure!(sink.poll_recv(&mut context).is_pending(), "there was an event");
        source.try_send("out", "12345678")?;
        ensure!(sink.poll_recv(&mut context).is_ready(), "there was no event");
        Ok(())
    }))
}

fn drop_oldest() -> anyhow::Result<Work> {
    let text =
        PAIR.replace("source/out", "{ source: source/out, queue: 8, overflow: drop-oldest }");
    let (flow, [mut source, sink]) = pair(&text)?;
    Ok(flow.with(move |_| {
        let _open = &sink;
        (0..MAX_BATCH).try_for_each(|_| source.try_send("out", "12345678"))?;
        Ok(())
    }))
}

const EIGHT: [&str; 8] = ["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7"];

fn fan_out() -> anyhow::Result<Work> {
    let sink = |id| format!("\n  - {{ id: {id}, embedded: true, inputs: {{ in: one/out }} }}");
    let sinks = EIGHT.map(sink).concat();
    let text = format!("nodes:\n  - {{ id: one, embedded: true, outputs: [out] }}{sinks}");
    let (flow, mut sinks) = Flow::start(&text, &[&EIGHT[..], &["one"]].concat())?;
    let [mut source] = exactly(sinks.split_off(EIGHT.len()))?;
    Ok(flow.with(move |_| {
        source.try_send("out", "12345678")?;
        for sink in &mut sinks {
            sink.try_recv()?;
        }
        Ok(())
    }))
}

fn fan_in() -> anyhow::Result<Work> {
    let source = |id| format!("\n  - {{ id: {id}, embedded: true, outputs: [out] }}");
    let inputs = EIGHT.map(|id| format!("{id}: {id}/out")).join(", ");
    let sources = EIGHT.map(source).concat();
    let text =
        format!("nodes:\n  - {{ id: one, embedded: true, inputs: {{ {inputs} }} }}{sources}");
    let (flow, mut sources) = Flow::start(&text, &[&EIGHT[..], &["one"]].concat())?;
    let [mut sink] = exactly(sources.split_off(EIGHT.len()))?;
    Ok(flow.with(move |_| {
        for source in &mut sources {
            source.try_send("out", "12345678")?;
        }
        for _ in EIGHT {
            sink.try_recv()?;
        }
        Ok(())
    }))
}
