//! What the export macros expand to. Not for direct use.

pub use crate::bindings::types::Event;
pub use crate::bindings::{handler, program, stateful};
use crate::{Error, Handler, Result, Stateful, lifecycle, log};

/// Makes the node at the first call, then gives it the events one by one.
pub fn deliver<H: Handler>(node: &mut Option<H>, events: Vec<Event>) -> Result<(), String> {
    let node = match node {
        Some(node) => node,
        None => {
            log_panics();
            match H::new() {
                Ok(new) => node.insert(new),
                Err(error) => return failure(error).map(|()| lifecycle::finish()),
            }
        }
    };
    let handled = events.into_iter().try_for_each(|event| node.on_event(event.into()));
    flush_stdout();
    handled.or_else(|error| failure(error).map(|()| lifecycle::finish()))
}

/// The state of the node; of a new one before its first event.
pub fn save<H: Stateful>(node: &mut Option<H>) -> Result<Vec<u8>, String> {
    let node = match node {
        Some(node) => node,
        None => node.insert(H::new().map_err(|error| error.to_string())?),
    };
    node.save().map_err(|error| error.to_string())
}

/// Makes the node of what another left.
pub fn restore<H: Stateful>(node: &mut Option<H>, state: Vec<u8>) -> Result<(), String> {
    log_panics();
    *node = Some(H::restore(state).map_err(|error| error.to_string())?);
    Ok(())
}

/// Runs a program to its end.
pub fn run(run: fn() -> Result) -> Result<(), String> {
    log_panics();
    let ended = run().or_else(failure);
    flush_stdout();
    ended
}

fn failure(error: Error) -> Result<(), String> {
    error.into_failure().map_or(Ok(()), Err)
}

/// A component without WASI has no stderr, and a trap carries no text: without this a panic would
/// not say why.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| log::critical(panic)));
}

/// The standard library keeps what follows the last newline until the process exits; a component has
/// no such moment.
fn flush_stdout() {
    #[cfg(target_os = "wasi")]
    let _ = std::io::Write::flush(&mut std::io::stdout());
}
