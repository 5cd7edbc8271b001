//! Prints each event as a line for people. The quick start, which `tests/host/quickstart.rs` runs.

use thalweg_guest::{Event, Handler, Message, Result, StopReason, handler};

struct ReportLine;

impl Handler for ReportLine {
    fn new() -> Result<Self> {
        Ok(ReportLine)
    }

    fn on_event(&mut self, event: Event) -> Result {
        let (name, text) = match event {
            Event::Input { id, dropped, message } => (name(id, &message), input(&message, dropped)),
            Event::Tick { id, missed: 0, .. } => (id, "tick".into()),
            Event::Tick { id, missed, .. } => (id, format!("tick (after {missed} missed)")),
            Event::InputFailed { id, reason, .. } => (id, last_line(&reason)),
            Event::InputRestarted { id, count } => (id, format!("started again ({count})")),
            Event::InputClosed { id, .. } => (id, "closed".into()),
            Event::Stop(StopReason::Requested) => ("stop".into(), "as requested".into()),
            Event::Stop(StopReason::InputsClosed) => ("stop".into(), "all inputs closed".into()),
            other => (String::new(), format!("{other:?}")),
        };
        println!("{name:<12} {text}");
        Ok(())
    }
}

handler!(ReportLine);

/// What a node before this one reads it as, if it says so.
fn name(id: String, message: &Message) -> String {
    message.metadata.parameter("input").map_or(id, ToString::to_string)
}

fn input(message: &Message, dropped: u64) -> String {
    let text = text(message);
    if dropped == 0 { text } else { format!("{text} (after {dropped} dropped)") }
}

fn text(message: &Message) -> String {
    let bytes = message.payload.len();
    let unit = message.metadata.parameter("unit").map(ToString::to_string);
    match message.payload.text() {
        Ok(text) if bytes <= 200 => match (unit.as_deref(), text.parse()) {
            (Some("%"), Ok(percent)) => format!("{:<40} {text:>5} %", bar(percent)),
            (Some(unit), _) => format!("{text} {unit}"),
            (None, _) => text.into_owned(),
        },
        _ => format!("{bytes} bytes"),
    }
}

/// Where the words of a failure are many, as those of Python are, the last ones say what it was.
fn last_line(reason: &str) -> String {
    reason.lines().next_back().unwrap_or_default().into()
}

/// Of 40 squares, as many as the part of a hundred.
fn bar(percent: f64) -> String {
    "▪".repeat((percent.clamp(0.0, 100.0) * 0.4).round() as usize)
}
