//! Sends a line about each event on `seen`. `tests/python/test_scenarios.py` runs it beside Python nodes that do the same
//! (`tests/python/tells_events.py`), and compares.

use thalweg_guest::{
    Encoding, Event, Message, Result, StopReason, Value, events, outputs, program,
};

program!(run);

fn run() -> Result {
    events::iter().try_for_each(|event| Ok(outputs::send("seen", line(&event))?))
}

fn line(event: &Event) -> String {
    match event {
        Event::Input { id, dropped, message } => {
            format!("{id}: {} (dropped {dropped})", contents(message))
        }
        Event::Tick { id, missed, .. } => format!("{id}: tick (missed {missed})"),
        Event::InputFailed { id, reason, restarts } => {
            let last = reason.lines().next_back().unwrap_or_default();
            format!("{id}: failed (restarts {}) {last}", u8::from(*restarts))
        }
        Event::InputRestarted { id, count } => format!("{id}: restarted (count {count})"),
        Event::InputClosed { id, dropped } => format!("{id}: closed (dropped {dropped})"),
        Event::Stop(StopReason::Requested) => "stop: requested".into(),
        Event::Stop(StopReason::InputsClosed) => "stop: inputs-closed".into(),
        other => format!("{other:?}"),
    }
}

/// All of a message but its time.
fn contents(message: &Message) -> String {
    let bytes = message.payload.bytes();
    let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
    let metadata = &message.metadata;
    let encoding = if metadata.encoding == Encoding::Arrow { "arrow" } else { "raw" };
    let parameters =
        metadata.parameters.iter().map(|(name, value)| format!(" {name}={}", typed(value)));
    let (sequence, size) = (metadata.sequence, bytes.len());
    let parameters: String = parameters.collect();
    format!("#{sequence} {encoding} of {size} bytes, sum {sum}{parameters}")
}

fn typed(value: &Value) -> String {
    match value {
        Value::Boolean(value) => format!("bool {}", i64::from(*value)),
        Value::Integer(value) => format!("int {value}"),
        Value::Float(value) => format!("float {value:?}"),
        Value::Text(value) => format!("str {value}"),
        Value::Bytes(value) => format!("bytes {value:?}"),
    }
}
