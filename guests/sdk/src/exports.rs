//! What the export macros expand to. Not for direct use.

pub use crate::bindings::types::Event;
pub use crate::bindings::{handler, program};
use crate::{Handler, Result, log};

/// Makes the node at the first call, then gives it the events one by one.
pub fn deliver<H: Handler>(node: &mut Option<H>, events: Vec<Event>) -> Result<(), String> {
    let node = match node {
        Some(node) => node,
        None => {
            log_panics();
            node.insert(H::new().map_err(|error| error.to_string())?)
        }
    };
    for event in events {
        node.on_event(event.into()).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Runs a program to its end.
pub fn run(run: fn() -> Result) -> Result<(), String> {
    log_panics();
    run().map_err(|error| error.to_string())
}

/// A component without WASI has no stderr, and a trap carries no text: without this a panic would
/// not say why.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| log::critical(panic)));
}
