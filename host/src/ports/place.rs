//! A node's place in the dataflow, which stays while its instances come and go.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Events, Hand, Output, Outputs, PortCounts, Ports, Pulse};
use crate::cycle::Cycle;
use crate::id::InputId;
use crate::inbox::{Inbox, Most};
use crate::router::{Route, Router};

/// Hands out the ports of a node to one instance after another: the same inbox with what is queued in it,
/// the same outputs, counts and sequences.
///
/// Dropping it ends the node for the others: its outputs close after the last message, whoever waits to
/// send to it goes on, and what it did not take is discarded and counted.
#[derive(Debug)]
pub(crate) struct Place {
    inbox: Arc<Inbox>,
    ids: Arc<[InputId]>,
    cycle: Option<Arc<Cycle>>,
    routes: Vec<Route>,
    max_payload: u64,
    counts: Arc<PortCounts>,
    /// Where the node is given again what was in hand.
    hand: Option<Arc<Hand>>,
    /// Cancelled once the ports that were handed out last are dropped; none before the first.
    vacant: Option<CancellationToken>,
}

impl Place {
    /// That of the node with this number. `max_payload` is the largest payload that it may send, in bytes.
    pub(crate) fn new(
        router: &Router,
        node: usize,
        ids: Arc<[InputId]>,
        max_payload: u64,
        counts: &Arc<PortCounts>,
    ) -> Self {
        Self {
            inbox: Arc::clone(router.inbox(node)),
            ids,
            cycle: router.cycle(node).cloned(),
            routes: router.routes(node).to_vec(),
            max_payload,
            counts: Arc::clone(counts),
            hand: None,
            vacant: None,
        }
    }

    /// The same, for a node whose next instance is given again what the one before had in hand: copies of
    /// what it takes are kept until it asks for the next.
    pub(crate) fn redelivering(mut self) -> Self {
        self.hand = Some(Arc::default());
        self
    }

    /// The node, to be watched.
    pub(crate) fn pulse(&self) -> Pulse {
        Pulse {
            inbox: Arc::clone(&self.inbox),
            hand: self.hand.clone(),
            routes: self.routes.clone(),
            counts: Arc::clone(&self.counts),
        }
    }

    /// The ports for the next instance, and for every one but the first what is cancelled once those
    /// of the instance before are dropped: until then, the new ones must not be used.
    pub(crate) fn ports(&mut self) -> (Ports, Option<CancellationToken>) {
        let vacant = CancellationToken::new();
        let before = self.vacant.replace(vacant.clone());
        let tenancy = Arc::new(vacant.drop_guard());
        let events = Events {
            inbox: Arc::clone(&self.inbox),
            ids: Arc::clone(&self.ids),
            cycle: self.cycle.clone(),
            ready: VecDeque::new(),
            hand: self.hand.clone(),
            counts: Arc::clone(&self.counts),
            _tenancy: Arc::clone(&tenancy),
        };
        let outputs = self.routes.iter().map(|route| Output { route: route.clone() }).collect();
        let (max_payload, counts) = (self.max_payload, Arc::clone(&self.counts));
        let outputs = Outputs { outputs, max_payload, counts, _tenancy: tenancy };
        (Ports { events, outputs }, before)
    }

    /// Whether there is nothing left for another instance: the last event was taken, and nothing of it will
    /// be given again.
    pub(crate) fn is_finished(&self) -> bool {
        self.inbox.is_finished() && self.hand.as_ref().is_none_or(|hand| hand.is_empty())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        end(&self.inbox, self.cycle.as_deref(), self.routes.iter());
    }
}

impl Ports {
    /// Whoever used them is gone: gives what it had in hand again, where the node is given that. To be
    /// called when nobody else uses them.
    pub(crate) fn give_again(&self) {
        if let Some(hand) = &self.events.hand {
            hand.give_again();
        }
    }

    /// Whoever uses them is done with what it had in hand.
    pub(crate) fn note_done(&mut self) {
        if let Some(hand) = &self.events.hand {
            hand.next(Most::events(0), &mut |_| {});
        }
    }

    /// Ends the node for the others at once, as dropping its place does: for an instance that has said that
    /// it is done, and takes its time to go. It is done with what it had in hand too: however it goes, none
    /// follows it, for its outputs are closed.
    pub(crate) fn end(self) {
        let Self { events, outputs } = self;
        if let Some(hand) = &events.hand {
            hand.forget();
        }
        let routes = outputs.outputs.iter().map(|output| &output.route);
        end(&events.inbox, events.cycle.as_deref(), routes);
    }
}

/// May be done twice.
fn end<'a>(inbox: &Inbox, cycle: Option<&Cycle>, routes: impl Iterator<Item = &'a Route>) {
    inbox.end();
    if let Some(cycle) = cycle {
        cycle.close_if_quiet();
    }
    for subscriber in routes.flat_map(|route| route.subscribers.iter()) {
        subscriber.inbox.close_input(subscriber.input);
        if let Some(cycle) = &subscriber.cycle {
            cycle.close_if_quiet();
        }
    }
}
