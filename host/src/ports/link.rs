//! What the link needs of a node's ports: events that may be handed over before they are asked for, and
//! room that is given ahead of the messages that will fill it.

use std::task::{Context, Poll, ready};

use super::{MAX_BATCH, MAX_BATCH_BYTES, Outgoing, Outputs, Ports, SendError, TrySendError};
use crate::event::Event;
use crate::id::OutputId;
use crate::inbox::Most;

/// Room that is given at once where no reader blocks: enough to never wait for it.
const AMPLE: Grant = Grant { events: 1024, bytes: 64 << 20 };

/// Room at an output: what may be sent without asking again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) events: u32,
    pub(crate) bytes: u64,
}

impl Ports {
    /// Like [`Self::poll_recv_batch`] for a node that will look at the events one after the other: beyond
    /// the first, only events that will not change any more, however long they wait for it.
    pub(crate) fn poll_recv_ahead(
        &mut self,
        context: &mut Context<'_>,
        batch: &mut Vec<Event>,
        max: usize,
    ) -> Poll<usize> {
        let taken = ready!(self.events.poll_take(context, ahead(max, 1)));
        batch.extend(std::iter::from_fn(|| self.events.next_ready()));
        Poll::Ready(taken)
    }

    /// The same for a node that still has some: what is there now, and nothing that may still change. The node does
    /// not count as one that waits.
    pub(crate) fn recv_ahead(&mut self, batch: &mut Vec<Event>, max: usize) {
        self.events.try_take(ahead(max, 0));
        batch.extend(std::iter::from_fn(|| self.events.next_ready()));
    }

    /// Whether the last event was taken, and nothing waits to be given again.
    pub(crate) fn is_finished(&self) -> bool {
        let again = self.events.hand.as_ref().is_some_and(|hand| hand.has_waiting());
        self.events.inbox.is_finished() && !again
    }

    /// Whether events were given that the node may not have seen when it asked for the next: then it is not
    /// done with them.
    pub(crate) fn note_in_flight(&self, in_flight: bool) {
        if let Some(hand) = &self.events.hand {
            hand.note_in_flight(in_flight);
        }
    }

    /// Whether what the node has in hand is kept, to be given again.
    pub(crate) fn keeps_hand(&self) -> bool {
        self.events.hand.is_some()
    }

    pub(crate) fn outputs(&self) -> impl Iterator<Item = &OutputId> {
        self.outputs.outputs.iter().map(|output| &output.route.output)
    }

    /// The position of an output.
    pub(crate) fn output(&self, name: &str) -> Option<usize> {
        self.outputs().position(|output| output.as_str() == name)
    }

    /// Whether what is sent to the output at this position is read by components and by nobody else.
    pub(crate) fn feeds_components_alone(&self, output: usize) -> bool {
        let output = self.outputs.outputs.get(output);
        output.is_some_and(|output| output.route.feeds_components_alone)
    }

    /// [`Self::send`] to the output at this position.
    pub(crate) async fn send_at(
        &mut self,
        output: usize,
        message: Outgoing,
    ) -> Result<(), SendError> {
        self.outputs.send_at(output, message).await
    }

    /// [`Self::try_send`] to the output at this position.
    pub(crate) fn try_send_at(
        &mut self,
        output: usize,
        message: Outgoing,
    ) -> Result<(), TrySendError> {
        self.outputs.try_send_at(output, message)
    }

    pub(crate) fn max_payload(&self) -> u64 {
        self.outputs.max_payload
    }

    /// Waits until a message of `bytes` can be sent to the output at this position, and says what can be
    /// sent without asking again: room that is free stays free until this node fills it.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`]
    pub(crate) fn poll_grant(
        &self,
        context: &mut Context<'_>,
        output: usize,
        bytes: u64,
    ) -> Poll<Result<Grant, SendError>> {
        self.outputs.poll_grant(context, output, bytes)
    }

    /// Sends a message within what was granted. Those who have ended meanwhile discard it.
    pub(crate) fn send_granted(&mut self, output: usize, message: Outgoing) {
        let Outputs { outputs, counts, .. } = &mut self.outputs;
        if let (Some(output), Some(sent)) = (outputs.get_mut(output), counts.sent.get(output)) {
            output.deliver(message, sent);
        }
    }
}

/// So much of what may be handed over before it is asked for.
fn ahead(max: usize, firm_beyond: usize) -> Most {
    Most { events: max.min(MAX_BATCH), bytes: MAX_BATCH_BYTES, firm_beyond }
}

impl Outputs {
    fn poll_grant(
        &self,
        context: &mut Context<'_>,
        output: usize,
        bytes: u64,
    ) -> Poll<Result<Grant, SendError>> {
        let Some(output) = self.outputs.get(output) else {
            return Poll::Ready(Err(SendError::UnknownOutput {
                output: output.to_string().into(),
            }));
        };
        ready!(output.poll_room(context, usize::try_from(bytes).unwrap_or(usize::MAX)))?;
        let subscribers = output.route.subscribers.iter();
        let free = subscribers.filter_map(|subscriber| subscriber.inbox.free(subscriber.input));
        let least = free.fold(AMPLE, |least, (events, bytes)| Grant {
            events: least.events.min(events),
            bytes: least.bytes.min(bytes),
        });
        // A message that is larger than the whole queue is let into an empty one.
        let grant = Grant { events: least.events.max(1), bytes: least.bytes.max(bytes) };
        Poll::Ready(Ok(grant))
    }
}
