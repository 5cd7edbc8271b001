//! Sends each message on as it came, and one for each tick, but traps in the place of every `at`th: each of
//! its instances gets no further. `tests/host/supervision.rs` runs it.

use thalweg_guest::{Event, Handler, Result, handler, outputs, parameters};

struct Stumbles {
    at: u64,
    events: u64,
}

impl Handler for Stumbles {
    fn new() -> Result<Self> {
        Ok(Stumbles { at: parameters::require("at")?, events: 0 })
    }

    fn on_event(&mut self, event: Event) -> Result {
        self.events += u64::from(matches!(event, Event::Input { .. } | Event::Tick { .. }));
        if self.events == self.at {
            panic!("it stumbles");
        }
        match event {
            Event::Input { message, .. } => Ok(outputs::forward("out", message)?),
            Event::Tick { .. } => Ok(outputs::send("out", self.events.to_string())?),
            _ => Ok(()),
        }
    }
}

handler!(Stumbles);
