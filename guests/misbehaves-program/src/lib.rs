//! `misbehaves` as a program, which may also ask for events for ever (`asks-on`).
//! `tests/host/limits.rs` runs it.

#[path = "../../misbehaves/src/ways.rs"]
mod ways;

use thalweg_guest::{Handler, Result, events, program};

program!(run);

fn run() -> Result {
    let mut node = ways::Misbehaves::new()?;
    for event in events::iter() {
        node.on_event(event)?;
    }
    if node.how == "asks-on" {
        loop {
            events::next();
        }
    }
    Ok(())
}
