//! A source, a sink, what passes on or what finds edges, for dora-rs: what the variable `ROLE` says.
//! `benches/nodes/common.py` explains the other variables.

#[path = "../../../guests/edges/src/sobel.rs"]
mod sobel;

use std::{env, fs, thread::sleep, time::Duration, time::SystemTime};

use dora_node_api::{
    DoraNode, Event, EventStream, MetadataParameters, Parameter, dora_core::config::DataId,
};
use image::{RgbImage, imageops::grayscale};

/// For all to shake hands: what is sent before is lost.
const SETTLE: Duration = Duration::from_millis(500);

fn main() -> eyre::Result<()> {
    let (node, events) = DoraNode::init_from_env()?;
    match text("ROLE").as_str() {
        "source" => source(node),
        "pass" => pass(node, events),
        "edges" => edges(node, events),
        _ => sink(events),
    }
}

fn source(mut node: DoraNode) -> eyre::Result<()> {
    let (out, size) = (output(), number("SIZE") as usize);
    let (count, rate) = (number("COUNT"), number("RATE"));
    let filling = vec![7_u8; size];
    if text("SETTLE") != "no" {
        sleep(SETTLE);
    }
    let began = now();
    for sent in 0..count {
        if rate > 0 {
            sleep(Duration::from_nanos(
                (began + sent * 1_000_000_000 / rate).saturating_sub(now()),
            ));
        }
        node.send_output_raw(out.clone(), Default::default(), size, |bytes| {
            bytes.copy_from_slice(&filling);
            bytes[..8].copy_from_slice(&now().to_le_bytes());
        })?;
    }
    fs::write(text("FOUND"), format!(r#"{{"sent":{count}}}"#))?;
    sleep(Duration::from_millis(number("LINGER_MS")));
    Ok(())
}

fn pass(mut node: DoraNode, mut events: EventStream) -> eyre::Result<()> {
    let out = output();
    while let Some(event) = events.recv() {
        match event {
            Event::Input { data, .. } => {
                let bytes: &[u8] = (&data).try_into()?;
                node.send_output_bytes(out.clone(), Default::default(), bytes.len(), bytes)?;
            }
            Event::Stop(_) => break,
            _ => {}
        }
    }
    Ok(())
}

fn edges(mut node: DoraNode, mut events: EventStream) -> eyre::Result<()> {
    let out = output();
    while let Some(event) = events.recv() {
        let Event::Input { data, metadata, .. } = event else { continue };
        let bytes: &[u8] = (&data).try_into()?;
        let (width, height) =
            (side(&metadata.parameters, "width")?, side(&metadata.parameters, "height")?);
        let picture = RgbImage::from_raw(width, height, bytes.to_vec());
        let picture = picture.ok_or_else(|| eyre::eyre!("too few bytes for {width} × {height}"))?;
        let edges = sobel::edges(&grayscale(&picture)).into_raw();
        node.send_output_bytes(out.clone(), metadata.parameters, edges.len(), &edges)?;
    }
    Ok(())
}

fn side(parameters: &MetadataParameters, name: &str) -> eyre::Result<u32> {
    match parameters.get(name) {
        Some(Parameter::Integer(number)) => Ok(u32::try_from(*number)?),
        other => eyre::bail!("the picture has the {name} {other:?}"),
    }
}

fn sink(mut events: EventStream) -> eyre::Result<()> {
    let (reads, paced) = (text("READ") == "true", number("RATE") > 0);
    let (mut delays, mut own) = (vec![], vec![]);
    let (mut count, mut first, mut last, mut served) = (0, 0, 0, 0);
    while let Some(event) = events.recv() {
        let Event::Input { data, .. } = event else { continue };
        let bytes: &[u8] = (&data).try_into()?;
        let sent = u64::from_le_bytes(bytes[..8].try_into()?);
        if reads {
            // What a component does that reads: the bytes come into its own memory.
            own.clear();
            own.extend_from_slice(bytes);
        }
        last = now();
        if count == 0 {
            (first, served) = (sent, last);
        }
        count += 1;
        if paced {
            delays.push(last.saturating_sub(sent));
        }
    }
    let mut delays = delays.split_off(delays.len() / 10);
    delays.sort_unstable();
    let at = |part: f64| delays.get((delays.len().max(1) as f64 * part) as usize).or(delays.last());
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|part| at(part).copied().unwrap_or(0));
    let found = format!(
        r#"{{"count":{count},"first":{first},"last":{last},"served":{served},"p50":{p50},"p99":{p99},"max":{max}}}"#
    );
    Ok(fs::write(text("FOUND"), found)?)
}

fn output() -> DataId {
    DataId::from("out".to_owned())
}

fn text(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn number(name: &str) -> u64 {
    text(name).parse().unwrap_or(0)
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_nanos() as u64)
}
