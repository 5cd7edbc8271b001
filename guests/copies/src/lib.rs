//! Reads each payload into its own memory and sends a copy. `tests/host/payloads.rs` runs it.

use thalweg_guest::{Event, Handler, Result, handler, outputs};

struct Copies;

impl Handler for Copies {
    fn new() -> Result<Self> {
        Ok(Copies)
    }

    fn on_event(&mut self, event: Event) -> Result {
        if let Event::Input { message, .. } = event {
            let metadata = message.metadata;
            let bytes = message.payload.into_bytes();
            outputs::send_with("out", bytes, metadata.encoding, &metadata.parameters)?;
        }
        Ok(())
    }
}

handler!(Copies);
