//! Whether a node does something: for those who watch over it.

use std::sync::Arc;

use super::{Hand, PortCounts};
use crate::inbox::Inbox;
use crate::router::Route;

/// Looks at a node from outside. It keeps nothing alive but memory.
#[derive(Debug)]
pub(crate) struct Pulse {
    pub(super) inbox: Arc<Inbox>,
    pub(super) hand: Option<Arc<Hand>>,
    pub(super) routes: Vec<Route>,
    pub(super) counts: Arc<PortCounts>,
}

impl Pulse {
    /// Something that changes with every event that the node takes, and whenever it waits for room to send.
    pub(crate) fn beats(&self) -> u64 {
        let waits = self.sender_waits().map(|(waits, _)| waits).sum::<u64>();
        self.inbox.delivered() + self.counts.redelivered() + waits
    }

    /// Whether events wait for the node while it waits neither for one nor for room to send.
    pub(crate) fn is_silent(&self) -> bool {
        let again = self.hand.as_ref().is_some_and(|hand| hand.has_waiting());
        let neglected = again || self.inbox.is_neglected();
        neglected && !self.sender_waits().any(|(_, now)| now)
    }

    fn sender_waits(&self) -> impl Iterator<Item = (u64, bool)> {
        let readers = self.routes.iter().flat_map(|route| route.subscribers.iter());
        readers.map(|reader| reader.inbox.sender_waits(reader.input))
    }
}
