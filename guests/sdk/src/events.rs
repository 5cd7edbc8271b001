//! The way in of a program. A handler is called instead; one that uses these does not fit its world.

use crate::Event;
use crate::bindings::events;
pub use crate::bindings::events::NoEvent;

/// The next event. Waits for one; the node is suspended meanwhile. `None` after [`Event::Stop`],
/// every time.
pub fn next() -> Option<Event> {
    events::next().map(Event::from)
}

/// The next event if there is one now: for programs that do not wait, to see [`Event::Stop`] in time.
///
/// # Errors
///
/// [`NoEvent::Empty`] when none is waiting, [`NoEvent::Ended`] after [`Event::Stop`].
pub fn try_next() -> Result<Event, NoEvent> {
    events::try_next().map(Event::from)
}

/// Waits for an event, then gives all that are there, at most `max` (and at most 64): cheaper per
/// event than [`next`]. Empty only after [`Event::Stop`], or when `max` is 0.
pub fn next_batch(max: u32) -> Vec<Event> {
    events::next_batch(max).into_iter().map(Event::from).collect()
}

/// The events one by one, as [`next`] gives them, up to and with [`Event::Stop`].
pub fn iter() -> impl Iterator<Item = Event> {
    std::iter::from_fn(next)
}
