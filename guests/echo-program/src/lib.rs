//! `echo` as a program: sends each message on as it came. `tests/host/handler.rs` runs it.

use thalweg_guest::{Event, Result, events, outputs, program};

program!(run);

fn run() -> Result {
    for event in events::iter() {
        if let Event::Input { message, .. } = event {
            outputs::forward("out", message)?;
        }
    }
    Ok(())
}
