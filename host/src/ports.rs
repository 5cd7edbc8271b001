//! A node's side of the dataflow, the same for every kind of node: [`Events`] come in, [`Outputs`] go
//! out. Knows neither components nor Python.

mod counts;
mod hand;
mod link;
mod place;
mod pulse;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::SystemTime;

use bytes::Bytes;
use tokio::task::coop;
use tokio_util::sync::DropGuard;

use crate::cycle::Cycle;
use crate::event::{
    Encoding, Event, Input, InputClosed, InputFailed, InputRestarted, Message, Metadata,
    Parameters, Tick,
};
use crate::id::{InputId, OutputId};
use crate::inbox::{Inbox, Item, Most, Room};
use crate::router::{Route, Subscriber};

pub(crate) use counts::PortCounts;
pub(crate) use hand::Hand;
pub(crate) use place::Place;
pub(crate) use pulse::Pulse;

pub(crate) use link::Grant;

/// The most events that one [`Events::recv_batch`] gives: enough to make the price of a call into a
/// component vanish, few enough to keep the turn of one node short.
pub const MAX_BATCH: usize = 64;

/// A batch ends once it has this many bytes of payload, so that what a node holds while it works on one
/// batch is bounded.
pub const MAX_BATCH_BYTES: usize = 64 << 20;

/// Both ends of a node: what it receives and what it sends.
///
/// They are those of one instance: dropping them ends nothing. When the node itself ends, its outputs close
/// after the last message, whoever waits to send to it goes on, and what it did not take is discarded and
/// counted. Ports that are kept beyond that receive nothing and send to none, and while they are kept
/// beyond the end of their instance the node is not started again.
#[derive(Debug)]
pub struct Ports {
    events: Events,
    outputs: Outputs,
}

impl Ports {
    /// The next event, or none once [`Event::Stop`] was given.
    ///
    /// Events come in the order in which they entered the inbox: arrival order across inputs, first in
    /// first out for each output that the node reads. Waits for one. Dropping the future loses nothing.
    pub async fn recv(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// See [`Events::recv_batch`].
    pub async fn recv_batch(&mut self, batch: &mut Vec<Event>, max: usize) -> usize {
        self.events.recv_batch(batch, max).await
    }

    /// See [`Events::try_recv`].
    ///
    /// # Errors
    ///
    /// [`TryRecvError`] when there is no event now, or never again.
    #[inline]
    pub fn try_recv(&mut self) -> Result<Event, TryRecvError> {
        self.events.try_recv()
    }

    /// See [`Outputs::send`].
    ///
    /// # Errors
    ///
    /// [`SendError`]; the message is then in no inbox.
    pub async fn send(
        &mut self,
        output: &str,
        message: impl Into<Outgoing>,
    ) -> Result<(), SendError> {
        self.outputs.send(output, message).await
    }

    /// See [`Outputs::try_send`].
    ///
    /// # Errors
    ///
    /// [`TrySendError`]; the message is then in no inbox.
    pub fn try_send(
        &mut self,
        output: &str,
        message: impl Into<Outgoing>,
    ) -> Result<(), TrySendError> {
        self.outputs.try_send(output, message)
    }

    /// [`Self::recv`] for adapters that wait by other means: when pending, the waker is woken by the next
    /// event. A later call replaces the waker.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let taken = ready!(self.events.poll_take(context, Most::events(1)));
        Poll::Ready(if taken == 0 { None } else { self.events.next_ready() })
    }

    /// [`Self::recv_batch`] for adapters that wait by other means, as [`Self::poll_recv`].
    pub fn poll_recv_batch(
        &mut self,
        context: &mut Context<'_>,
        batch: &mut Vec<Event>,
        max: usize,
    ) -> Poll<usize> {
        let most = Most { bytes: MAX_BATCH_BYTES, ..Most::events(max.min(MAX_BATCH)) };
        let taken = ready!(self.events.poll_take(context, most));
        while let Some(event) = self.events.next_ready() {
            batch.push(event);
        }
        Poll::Ready(taken)
    }

    /// Like [`Self::poll_recv`], but gives events of these inputs alone and leaves the others where they
    /// are. None once all of them have closed. `inputs` are positions in [`Self::inputs`].
    pub fn poll_recv_of(
        &mut self,
        context: &mut Context<'_>,
        inputs: &[usize],
    ) -> Poll<Option<Event>> {
        let events = &mut self.events;
        if let Some(item) = events.hand.as_ref().and_then(|hand| hand.next_of(inputs)) {
            events.counts.note_again(1, Some(&item));
            return Poll::Ready(Some(events.name(item)));
        }
        let ready = &mut events.ready;
        let taken = events.inbox.poll_recv_of(context, inputs, &mut |item| ready.push_back(item));
        events.note(ready!(taken));
        Poll::Ready(events.next_ready())
    }

    /// The inputs, in the order of their names.
    pub fn inputs(&self) -> &[InputId] {
        &self.events.ids
    }

    /// [`Self::send`] for adapters that wait by other means: when pending, the message was not sent, and
    /// the waker is woken when it is worth another try.
    ///
    /// # Errors
    ///
    /// [`SendError`]; the message is then in no inbox.
    pub fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        output: &str,
        message: Outgoing,
    ) -> Poll<Result<(), SendError>> {
        let output = self.outputs.position(output)?;
        let (output, sent) = self.outputs.checked(output, &message)?;
        ready!(output.poll_room(context, message.size()))?;
        output.deliver(message, sent);
        Poll::Ready(Ok(()))
    }

    /// Takes both ends apart, to receive in one task and send in another.
    pub fn split(self) -> (Events, Outputs) {
        (self.events, self.outputs)
    }
}

/// What a node receives. Dropping it leaves what was not taken to the next instance.
#[derive(Debug)]
pub struct Events {
    inbox: Arc<Inbox>,
    ids: Arc<[InputId]>,
    cycle: Option<Arc<Cycle>>,
    /// Scratch space between the inbox and the caller; empty whenever nothing is being handed over.
    ready: VecDeque<Item>,
    /// Where what was taken last is kept for the next instance, if it is.
    hand: Option<Arc<Hand>>,
    counts: Arc<PortCounts>,
    /// Dropped with the last part of the ports, which makes the place free.
    _tenancy: Arc<DropGuard>,
}

impl Events {
    /// See [`Ports::recv`].
    pub async fn recv(&mut self) -> Option<Event> {
        let mut wait = Waiting { events: self, waits: false };
        poll_fn(|context| wait.poll_take(context, Most::events(1))).await;
        wait.events.next_ready()
    }

    /// Waits for an event, then appends all that are there to `batch`, at most `max`, at most
    /// [`MAX_BATCH`], and none beyond [`MAX_BATCH_BYTES`]; says how many. 0 once [`Event::Stop`] was given, or when `max` is 0. Dropping the
    /// future loses nothing.
    pub async fn recv_batch(&mut self, batch: &mut Vec<Event>, max: usize) -> usize {
        if max == 0 {
            return 0;
        }
        let most = Most { bytes: MAX_BATCH_BYTES, ..Most::events(max.min(MAX_BATCH)) };
        let mut wait = Waiting { events: self, waits: false };
        let taken = poll_fn(|context| wait.poll_take(context, most)).await;
        while let Some(event) = wait.events.next_ready() {
            batch.push(event);
        }
        taken
    }

    /// The next event without waiting.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] when there is none now, [`TryRecvError::Ended`] once [`Event::Stop`] was
    /// given.
    #[inline]
    pub fn try_recv(&mut self) -> Result<Event, TryRecvError> {
        self.try_take(Most::events(1)).ok_or(TryRecvError::Empty)?;
        self.next_ready().ok_or(TryRecvError::Ended)
    }

    /// Like [`Self::poll_take`], but gives `None` instead of waiting.
    #[inline]
    fn try_take(&mut self, max: Most) -> Option<usize> {
        let again = self.take_again(max);
        if again > 0 {
            return Some(again);
        }
        let ready = &mut self.ready;
        let taken = self.inbox.try_recv(max, &mut |item| ready.push_back(item))?;
        self.note(taken);
        Some(taken)
    }

    fn poll_take(&mut self, context: &mut Context<'_>, max: Most) -> Poll<usize> {
        // A node that always finds an event must let the other nodes of its thread have a turn.
        let turn = ready!(coop::poll_proceed(context));
        let again = self.take_again(max);
        if again > 0 {
            turn.made_progress();
            return Poll::Ready(again);
        }
        let ready = &mut self.ready;
        let taken = self.inbox.poll_recv(context, max, &mut |item| ready.push_back(item));
        match (&taken, &self.cycle) {
            (Poll::Pending, Some(cycle)) => cycle.close_if_quiet(),
            (Poll::Pending, None) => {}
            (Poll::Ready(taken), _) => {
                turn.made_progress();
                self.note(*taken);
            }
        }
        taken
    }

    /// What instances before this one had in hand comes first.
    fn take_again(&mut self, max: Most) -> usize {
        let Some(hand) = &self.hand else { return 0 };
        let ready = &mut self.ready;
        let again = hand.next(max, &mut |item| ready.push_back(item));
        if again > 0 {
            self.counts.note_again(again, self.ready.front());
        }
        again
    }

    /// What is ready was taken out of the inbox.
    fn note(&self, taken: usize) {
        self.counts.note(taken, self.ready.front());
        if let Some(hand) = &self.hand {
            hand.hold(self.ready.iter());
        }
    }

    fn next_ready(&mut self) -> Option<Event> {
        let item = self.ready.pop_front()?;
        Some(self.name(item))
    }

    #[inline]
    fn name(&self, item: Item) -> Event {
        match item {
            Item::Message { input, dropped, message } => {
                Event::Input(Input { id: self.id(input), dropped, message })
            }
            Item::Tick { input, timestamp, missed } => {
                Event::Tick(Tick { id: self.id(input), timestamp, missed })
            }
            Item::Failed { input, reason, restarts } => {
                Event::InputFailed(InputFailed { id: self.id(input), reason, restarts })
            }
            Item::Restarted { input, count } => {
                Event::InputRestarted(InputRestarted { id: self.id(input), count })
            }
            Item::Closed { input, dropped } => {
                Event::InputClosed(InputClosed { id: self.id(input), dropped })
            }
            Item::Stop(reason) => Event::Stop(reason),
        }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the inbox numbers the inputs that it was made with"
    )]
    fn id(&self, input: usize) -> InputId {
        self.ids[input].clone()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        // Until the node has ended, or another instance waits, it counts as busy.
        self.inbox.forget_receiver();
    }
}

/// A wait that may be given up: then the node counts as busy again.
struct Waiting<'a> {
    events: &'a mut Events,
    waits: bool,
}

impl Waiting<'_> {
    fn poll_take(&mut self, context: &mut Context<'_>, max: Most) -> Poll<usize> {
        let taken = self.events.poll_take(context, max);
        self.waits = taken.is_pending();
        taken
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.waits {
            self.events.inbox.forget_receiver();
        }
    }
}

/// What a node sends. Dropping it closes nothing: the outputs close when the node ends.
#[derive(Debug)]
pub struct Outputs {
    outputs: Vec<Output>,
    max_payload: u64,
    counts: Arc<PortCounts>,
    _tenancy: Arc<DropGuard>,
}

#[derive(Debug)]
struct Output {
    route: Route,
}

impl Outputs {
    /// Sends a message to every input that reads `output`, in order. Waits until each of them has room,
    /// unless its overflow rule drops instead. Dropping the future sends the message to none.
    ///
    /// # Errors
    ///
    /// [`SendError`]; the message is then in no inbox.
    pub async fn send(
        &mut self,
        output: &str,
        message: impl Into<Outgoing>,
    ) -> Result<(), SendError> {
        let output = self.position(output)?;
        self.send_at(output, message.into()).await
    }

    async fn send_at(&mut self, output: usize, message: Outgoing) -> Result<(), SendError> {
        let (output, sent) = self.checked(output, &message)?;
        let bytes = message.size();
        poll_fn(|context| output.poll_room(context, bytes)).await?;
        output.deliver(message, sent);
        Ok(())
    }

    /// Sends like [`Self::send`], but gives the message back instead of waiting.
    ///
    /// # Errors
    ///
    /// [`TrySendError`]; the message is then in no inbox.
    pub fn try_send(
        &mut self,
        output: &str,
        message: impl Into<Outgoing>,
    ) -> Result<(), TrySendError> {
        let output = self.position(output)?;
        self.try_send_at(output, message.into())
    }

    fn try_send_at(&mut self, output: usize, message: Outgoing) -> Result<(), TrySendError> {
        let (output, sent) = self.checked(output, &message)?;
        if let [only] = &*output.route.subscribers {
            return output.try_deliver(only, message, sent);
        }
        match output.room(message.size(), None)? {
            Room::Full => Err(TrySendError::Full(message)),
            Room::Free | Room::Closed => {
                output.deliver(message, sent);
                Ok(())
            }
        }
    }

    fn position(&self, output: &str) -> Result<usize, SendError> {
        let known = self.outputs.iter().position(|known| known.route.output.as_str() == output);
        known.ok_or_else(|| SendError::UnknownOutput { output: output.into() })
    }

    /// The output at this position and its count, if the message may be sent there.
    fn checked(
        &mut self,
        output: usize,
        message: &Outgoing,
    ) -> Result<(&mut Output, &AtomicU64), SendError> {
        let bytes = message.size() as u64;
        let limit = self.max_payload;
        let known = self.outputs.get_mut(output).zip(self.counts.sent.get(output));
        let (known, sent) =
            known.ok_or_else(|| SendError::UnknownOutput { output: output.to_string().into() })?;
        if bytes > limit {
            let output = known.route.output.clone();
            return Err(SendError::TooLarge { output, bytes, limit });
        }
        Ok((known, sent))
    }
}

impl Output {
    fn poll_room(&self, context: &mut Context<'_>, bytes: usize) -> Poll<Result<(), SendError>> {
        let turn = ready!(coop::poll_proceed(context));
        match self.room(bytes, Some(context.waker()))? {
            Room::Full => Poll::Pending,
            Room::Free | Room::Closed => {
                turn.made_progress();
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Full as long as one subscriber is. What is free stays free, for only this output fills it.
    fn room(&self, bytes: usize, waker: Option<&Waker>) -> Result<Room, SendError> {
        let mut closed = 0;
        for Subscriber { inbox, input, .. } in self.route.subscribers.iter() {
            match inbox.room(*input, bytes, waker) {
                Room::Full => return Ok(Room::Full),
                Room::Free => {}
                Room::Closed => closed += 1,
            }
        }
        if closed > 0 && closed == self.route.subscribers.len() {
            return Err(self.closed());
        }
        Ok(Room::Free)
    }

    fn closed(&self) -> SendError {
        SendError::Closed { output: self.route.output.clone() }
    }

    /// To the only subscriber, if it has room.
    fn try_deliver(
        &self,
        Subscriber { inbox, input, .. }: &Subscriber,
        outgoing: Outgoing,
        sent: &AtomicU64,
    ) -> Result<(), TrySendError> {
        let sequence = sent.load(Ordering::Relaxed);
        match inbox.try_push(*input, message(outgoing, sequence)) {
            None => {
                sent.store(sequence + 1, Ordering::Relaxed);
                Ok(())
            }
            Some((Room::Closed, _)) => Err(self.closed().into()),
            Some((Room::Full | Room::Free, message)) => Err(TrySendError::Full(message.into())),
        }
    }

    fn deliver(&self, outgoing: Outgoing, sent: &AtomicU64) {
        // Only this instance counts up, so there is nothing to lose in between.
        let sequence = sent.load(Ordering::Relaxed);
        sent.store(sequence + 1, Ordering::Relaxed);
        let message = message(outgoing, sequence);
        if let Some((last, others)) = self.route.subscribers.split_last() {
            for Subscriber { inbox, input, .. } in others {
                inbox.push(*input, message.clone());
            }
            last.inbox.push(last.input, message);
        }
    }
}

/// The message as it is sent now.
fn message(outgoing: Outgoing, sequence: u64) -> Message {
    let Outgoing { payload, encoding, parameters } = outgoing;
    let metadata = Metadata { timestamp: now(), sequence, encoding, parameters };
    Message { metadata, payload }
}

/// Nanoseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// What a node hands to `send`; the runtime adds time and sequence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outgoing {
    /// The bytes.
    pub payload: Bytes,
    /// How to read them.
    pub encoding: Encoding,
    /// Named values that travel with them.
    pub parameters: Parameters,
}

impl Outgoing {
    pub(crate) fn size(&self) -> usize {
        self.payload.len() + self.parameters.size()
    }
}

impl From<Message> for Outgoing {
    fn from(Message { metadata: Metadata { encoding, parameters, .. }, payload }: Message) -> Self {
        Self { payload, encoding, parameters }
    }
}

impl<T: Into<Bytes>> From<T> for Outgoing {
    fn from(payload: T) -> Self {
        Self { payload: payload.into(), ..Self::default() }
    }
}

/// Why [`Ports::try_recv`] gave no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TryRecvError {
    /// There is none now.
    #[error("no event is waiting")]
    Empty,
    /// [`Event::Stop`] was given; there will be none.
    #[error("the node has received its last event")]
    Ended,
}

/// Why a message was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The descriptor gives the node no such output.
    #[error("the node has no output `{output}`")]
    UnknownOutput {
        /// The name that was asked for.
        output: Box<str>,
    },
    /// Every node that read the output has ended.
    #[error("every node that read the output `{output}` has ended")]
    Closed {
        /// The output.
        output: OutputId,
    },
    /// The payload and the parameters are larger than the node may send.
    #[error("a message of {bytes} bytes on the output `{output}` is over the limit of {limit}")]
    TooLarge {
        /// The output.
        output: OutputId,
        /// The size of payload and parameters.
        bytes: u64,
        /// The largest size.
        limit: u64,
    },
}

/// Why [`Ports::try_send`] did not send.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrySendError {
    /// An input that blocks is full; the message comes back.
    #[error("an input that reads the output is full")]
    Full(Outgoing),
    /// It can never be sent.
    #[error(transparent)]
    Refused(#[from] SendError),
}

#[cfg(test)]
mod tests;
