//! Sends each message on as it came. `tests/host/handler.rs` runs it; `echo-program` and
//! `echo-python` do the same.

use thalweg_guest::{Event, Handler, Result, handler, outputs};

struct Echo;

impl Handler for Echo {
    fn new() -> Result<Self> {
        Ok(Echo)
    }

    fn on_event(&mut self, event: Event) -> Result {
        if let Event::Input { message, .. } = event {
            outputs::forward("out", message)?;
        }
        Ok(())
    }
}

handler!(Echo);
