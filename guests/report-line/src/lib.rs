//! Prints each event as a line for people. The quick start, which `tests/host/quickstart.rs` runs.

use thalweg_guest::{Event, Handler, Message, Result, StopReason, handler};

struct ReportLine;

impl Handler for ReportLine {
    fn new() -> Result<Self> {
        Ok(ReportLine)
    }

    fn on_event(&mut self, event: Event) -> Result {
        match event {
            Event::Input { id, dropped: 0, message } => println!("{id:<12} {}", text(&message)),
            Event::Input { id, dropped, message } => {
                println!("{id:<12} {} (after {dropped} dropped)", text(&message));
            }
            Event::Tick { id, missed: 0, .. } => println!("{id:<12} tick"),
            Event::Tick { id, missed, .. } => println!("{id:<12} tick (after {missed} missed)"),
            Event::InputClosed { id, .. } => println!("{id:<12} closed"),
            Event::Stop(StopReason::Requested) => println!("{:<12} as requested", "stop"),
            Event::Stop(StopReason::InputsClosed) => println!("{:<12} all inputs closed", "stop"),
            other => println!("{other:?}"),
        }
        Ok(())
    }
}

handler!(ReportLine);

fn text(message: &Message) -> String {
    let bytes = message.payload.len();
    let unit = message.metadata.parameter("unit").map(|unit| format!(" {unit}"));
    if bytes <= 200
        && let Ok(text) = message.payload.text()
    {
        return format!("{text}{}", unit.unwrap_or_default());
    }
    format!("{bytes} bytes")
}
