//! Asks for its events in the way that parameter `how` names, three times more after the last, and sends
//! what it was given. `tests/host/program.rs` runs it.

use thalweg_guest::events::{self, NoEvent};
use thalweg_guest::{Event, Result, outputs, parameters, program};

program!(run);

fn run() -> Result {
    let how: String = parameters::require("how")?;
    let seen = match how.strip_prefix("next-batch-") {
        Some(max) => in_batches(max.parse()?),
        None if how == "try-once" => try_next(),
        None => one_by_one(if how == "next" { next } else { try_next_in_time }),
    };
    Ok(outputs::send("out", seen)?)
}

fn one_by_one(ask: fn() -> String) -> String {
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last| last != "stop") {
        seen.push(ask());
    }
    seen.extend([ask(), ask(), ask()]);
    seen.join(" ")
}

fn next() -> String {
    events::next().map_or_else(|| "none".into(), short)
}

fn try_next() -> String {
    match events::try_next() {
        Ok(event) => short(event),
        Err(NoEvent::Empty) => "empty".into(),
        Err(NoEvent::Ended) => "ended".into(),
    }
}

fn try_next_in_time() -> String {
    loop {
        let seen = try_next();
        if seen != "empty" {
            return seen;
        }
    }
}

fn in_batches(max: u32) -> String {
    let mut batches = Vec::new();
    loop {
        let batch: Vec<_> = events::next_batch(max).into_iter().map(short).collect();
        if batch.is_empty() {
            break;
        }
        batches.push(batch.join(" "));
    }
    let more = || if events::next_batch(max).is_empty() { "" } else { "not " };
    batches.push(format!("empty {}empty {}empty", more(), more()));
    batches.join(" | ")
}

fn short(event: Event) -> String {
    match event {
        Event::Input { id, message, .. } => {
            format!("{id}:{}", message.payload.text().unwrap_or_default())
        }
        Event::Tick { id, .. } => format!("{id}-tick"),
        Event::InputClosed { id, .. } => format!("{id}-closed"),
        Event::Stop(_) => "stop".into(),
        _ => "?".into(),
    }
}
