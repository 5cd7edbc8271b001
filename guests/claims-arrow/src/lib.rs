//! Sends each payload on as Arrow, whatever it is. `tests/python/test_arrow_hostile.py` runs it.

use thalweg_guest::{Encoding, Event, Handler, Result, handler, outputs};

struct ClaimsArrow;

impl Handler for ClaimsArrow {
    fn new() -> Result<Self> {
        Ok(ClaimsArrow)
    }

    fn on_event(&mut self, event: Event) -> Result {
        if let Event::Input { message, .. } = event {
            let parameters = message.metadata.parameters;
            outputs::send_with("out", message.payload, Encoding::Arrow, &parameters)?;
        }
        Ok(())
    }
}

handler!(ClaimsArrow);
