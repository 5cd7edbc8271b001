//! A node's queue: everything that the node will see, in the order in which it came in.
//!
//! One queue holds the events of all inputs; each input has bounds of its own and a rule for what is
//! beyond them. Synchronous: whoever must wait leaves a [`Waker`] and comes back. All state is behind one
//! lock, held for a few instructions and never while anything is woken, dropped or awaited; only what the
//! receiver has drawn out of a long queue is behind a lock of its own.
//!
//! Inputs are numbers here; their names, and the nodes behind them, are the business of [`crate::ports`].

mod drawn;
mod fetch;
mod inner;
mod notices;
mod total;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::dataflow::Feed;
use crate::event::{Message, StopReason};
use crate::nudge::Nudge;
use crate::sync::{self, Mutex, MutexGuard};
use drawn::Drawn;
use inner::{Inner, InputKind, InputState, QueuedTick};
pub(crate) use total::Total;

/// An event as the inbox knows it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Message { input: usize, dropped: u64, message: Message },
    Tick { input: usize, timestamp: u64, missed: u64 },
    Failed { input: usize, reason: Arc<str>, restarts: bool },
    Restarted { input: usize, count: u64 },
    Closed { input: usize, dropped: u64 },
    Stop(StopReason),
}

impl Item {
    /// The input that it came by; none for the stop.
    pub(crate) fn input(&self) -> Option<usize> {
        match self {
            Self::Message { input, .. }
            | Self::Tick { input, .. }
            | Self::Failed { input, .. }
            | Self::Restarted { input, .. }
            | Self::Closed { input, .. } => Some(*input),
            Self::Stop(_) => None,
        }
    }
}

/// What became of the messages of one input. `received` is the sum of the other three and of what is
/// still waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InputCounts {
    /// Messages that a sender handed in with success.
    pub(crate) received: u64,
    /// Messages that the node took.
    pub(crate) delivered: u64,
    /// Messages that the overflow rule removed.
    pub(crate) dropped: u64,
    /// Messages that nobody will take, because the node or the input had ended.
    pub(crate) discarded: u64,
}

/// How much is taken at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    pub(crate) events: usize,
    /// Nothing more is taken once this is reached; what is taken last may go beyond it.
    pub(crate) bytes: usize,
    /// Beyond so many, only what will not change in the queue: no tick, which later ones are joined
    /// into, no message that its overflow rule may drop, and no notice that a later one may make void.
    pub(crate) firm_beyond: usize,
}

impl Most {
    pub(crate) fn events(events: usize) -> Self {
        Self { events, bytes: usize::MAX, firm_beyond: usize::MAX }
    }
}

/// Whether an input can take a message now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Yes, if need be by dropping one.
    Free,
    /// Not before the node takes something. The waker will be woken then.
    Full,
    /// Never again.
    Closed,
}

/// One bounded queue. See the module.
#[derive(Debug)]
pub(crate) struct Inbox {
    inner: Mutex<Inner>,
    /// Locked before `inner` where both are, and never by a sender.
    drawn: Mutex<Drawn>,
    nudge: Arc<Nudge>,
}

/// Events that wait for a node that was woken and has not come, which are worth a thread of their own: what it
/// takes at once.
const WORTH_A_THREAD: usize = 64;

impl Inbox {
    /// An empty inbox with one input for each feed. `spontaneous` says that the node may send without
    /// having received anything. What waits in it counts towards `total`.
    pub(crate) fn new<'a>(
        feeds: impl Iterator<Item = &'a Feed>,
        spontaneous: bool,
        total: &Arc<Total>,
        nudge: &Arc<Nudge>,
    ) -> Self {
        let inputs: Box<[_]> = feeds.map(|feed| InputState::new(feed, total)).collect();
        let open_sources = inputs.iter().filter(|input| !input.is_timer()).count();
        Self {
            inner: Mutex::new(Inner {
                queue: VecDeque::new(),
                base: 0,
                live: 0,
                unsettled: 0,
                is_drawn: false,
                inputs,
                open_sources,
                spontaneous,
                stop_requested: false,
                stop: None,
                finished: false,
                gone: false,
                delivered: 0,
                receiver: None,
                is_called: false,
                stop_watcher: None,
            }),
            drawn: Mutex::default(),
            nudge: Arc::clone(nudge),
        }
    }

    /// Whether `input` can take a message of `bytes` now. Where it is full, `waker` is woken when the
    /// node has taken something of this input, or is gone.
    ///
    /// Only the one output that feeds `input` may ask, so what is free stays free until it pushes.
    pub(crate) fn room(&self, input: usize, bytes: usize, waker: Option<&Waker>) -> Room {
        let mut inner = self.lock();
        let room = inner.room(input, bytes);
        if room == Room::Full {
            let state = inner.input(input);
            state.sender = waker.cloned();
            state.sender_waits += u64::from(waker.is_some());
        }
        room
    }

    /// How many messages, and how many bytes, `input` can take now; none where it drops instead of
    /// blocking, or takes no more.
    pub(crate) fn free(&self, input: usize) -> Option<(u32, u64)> {
        let mut inner = self.lock();
        let gone = inner.gone;
        let state = inner.input(input);
        if gone || state.closed { None } else { state.free() }
    }

    /// Takes a message in. Where `block` applies, [`Self::room`] must have said that it is free. Where
    /// the node or the input has ended, the message is counted as discarded.
    pub(crate) fn push(&self, input: usize, message: Message) {
        self.push_under(self.lock(), input, message);
    }

    /// [`Self::room`] and [`Self::push`] under one lock. Gives the message back where it is not free.
    pub(crate) fn try_push(&self, input: usize, message: Message) -> Option<(Room, Message)> {
        let mut inner = self.lock();
        match inner.room(input, message.size()) {
            Room::Free => self.push_under(inner, input, message),
            room => {
                inner.input(input).sender = None;
                return Some((room, message));
            }
        }
        None
    }

    fn push_under(&self, mut inner: MutexGuard<'_, Inner>, input: usize, message: Message) {
        let removed = inner.push(input, message);
        let receiver = inner.receiver_to_wake();
        let is_late = inner.is_called && inner.live == WORTH_A_THREAD;
        drop(inner);
        wake(receiver);
        if is_late {
            self.nudge.give();
        }
        drop(removed); // Payloads may be large: freed after the lock.
    }

    /// A timer came due at `timestamp`. False when nobody will want the next tick.
    pub(crate) fn tick(&self, input: usize, timestamp: u64) -> bool {
        let receiver = {
            let mut inner = self.lock();
            if inner.gone || inner.input(input).closed {
                return false;
            }
            if let InputKind::Timer { queued } = &mut inner.input(input).kind {
                let missed = queued.map_or(0, |tick| tick.missed + 1);
                let is_first = queued.replace(QueuedTick { timestamp, missed }).is_none();
                if is_first {
                    inner.unsettled += 1;
                    inner.append(Item::Tick { input, timestamp, missed });
                }
            }
            inner.receiver_to_wake()
        };
        wake(receiver);
        true
    }

    /// The node that feeds `input` ended badly, after all that it sent. Takes no room: of such notices that no
    /// message separates, only the last failure and the restart behind it stay. None comes behind the closing.
    pub(crate) fn tell_failed(&self, input: usize, reason: Arc<str>, restarts: bool) {
        self.tell(input, Item::Failed { input, reason, restarts });
    }

    /// Another instance feeds `input` from here on, the one of this number. See [`Self::tell_failed`].
    pub(crate) fn tell_restarted(&self, input: usize, count: u64) {
        self.tell(input, Item::Restarted { input, count });
    }

    fn tell(&self, input: usize, notice: Item) {
        let (void, receiver) = {
            let mut inner = self.lock();
            if inner.gone || inner.input(input).closed {
                return;
            }
            let void = inner.append_notice(input, notice);
            (void, inner.receiver_to_wake())
        };
        wake(receiver);
        drop(void);
    }

    /// Nothing more will come by `input`. The second call for the same input does nothing.
    pub(crate) fn close_input(&self, input: usize) {
        let wakers = self.lock().close_input(input);
        wakers.into_iter().for_each(wake);
    }

    /// The dataflow was asked to stop: timers close, and a node that reads no other node gets its last
    /// event.
    pub(crate) fn request_stop(&self) {
        let wakers = {
            let mut inner = self.lock();
            inner.stop_requested = true;
            inner.close_timers();
            inner.stop_if_due();
            inner.all_waiting()
        };
        wakers.into_iter().for_each(wake);
    }

    /// Hands up to `max` events to `take`, in order, and says how many; 0 once the last event was taken.
    /// Waits while there is none. Nothing leaves the inbox but into `take`.
    ///
    /// `take` runs under a lock: it must only store what it is given.
    pub(crate) fn poll_recv(
        &self,
        context: &mut Context<'_>,
        max: Most,
        take: &mut impl FnMut(Item),
    ) -> Poll<usize> {
        let Some((taken, senders)) = self.recv(max, take, Some(context.waker())) else {
            return Poll::Pending;
        };
        if !senders.is_empty() {
            senders.into_iter().for_each(Waker::wake);
            // They go on while the node is at work.
            self.nudge.give();
        }
        Poll::Ready(taken)
    }

    /// Like [`Self::poll_recv`], but gives `None` instead of waiting.
    pub(crate) fn try_recv(&self, max: Most, take: &mut impl FnMut(Item)) -> Option<usize> {
        let (taken, senders) = self.recv(max, take, None)?;
        senders.into_iter().for_each(Waker::wake);
        Some(taken)
    }

    /// How many events went to `take`, and the senders for which there is room now. Where there is no event, none,
    /// and `receiver` waits for one.
    fn recv(
        &self,
        max: Most,
        take: &mut impl FnMut(Item),
        receiver: Option<&Waker>,
    ) -> Option<(usize, Vec<Waker>)> {
        loop {
            {
                let mut inner = self.lock();
                if !inner.is_drawn && !inner.is_worth_drawing(max) {
                    return inner.take_or_wait(max, take, receiver);
                }
            }
            if let Some(received) = self.recv_drawn(max, take, receiver) {
                return Some(received);
            }
        }
    }

    /// [`Self::recv`] out of what is drawn; none where there is nothing to draw any more.
    fn recv_drawn(
        &self,
        max: Most,
        take: &mut impl FnMut(Item),
        receiver: Option<&Waker>,
    ) -> Option<(usize, Vec<Waker>)> {
        let mut drawn = sync::lock(&self.drawn);
        if drawn.is_empty() && !self.lock().draw(max, &mut drawn) {
            return None;
        }
        let (count, bytes) = drawn.measure(max);
        let senders = {
            let mut inner = self.lock();
            inner.note_taking(receiver);
            inner.count_off(&mut drawn, count, bytes)
        };
        drawn.hand_out(count, take);
        Some((count, senders))
    }

    /// Like [`Self::poll_recv`], but takes one event of one of `inputs` and leaves the others where they
    /// are. 0 once these inputs have closed and everything of them was taken.
    pub(crate) fn poll_recv_of(
        &self,
        context: &mut Context<'_>,
        inputs: &[usize],
        take: &mut impl FnMut(Item),
    ) -> Poll<usize> {
        let (taken, senders) = {
            let mut drawn = sync::lock(&self.drawn);
            let mut inner = self.lock();
            inner.put_back(&mut drawn);
            let position = inner.queue.iter().position(|slot| {
                slot.as_ref().and_then(Item::input).is_some_and(|input| inputs.contains(&input))
            });
            match position {
                Some(position) => inner.take_at(position, take),
                None if inner.gone || inputs.iter().all(|input| inner.input(*input).closed) => {
                    (0, Vec::new())
                }
                None => {
                    inner.receiver = Some(context.waker().clone());
                    return Poll::Pending;
                }
            }
        };
        senders.into_iter().for_each(Waker::wake);
        Poll::Ready(taken)
    }

    /// The node gave up waiting and does something else.
    pub(crate) fn forget_receiver(&self) {
        let forgotten = self.lock().receiver.take();
        drop(forgotten);
    }

    /// The node is gone. What waits is discarded, and whoever waits for room is told.
    pub(crate) fn end(&self) {
        let (discarded, drawn, senders) = {
            let mut drawn = sync::lock(&self.drawn);
            let mut inner = self.lock();
            inner.gone = true;
            inner.finished = true;
            inner.receiver = None;
            let (discarded, senders) = inner.discard();
            (discarded, std::mem::take(&mut *drawn), senders)
        };
        senders.into_iter().for_each(Waker::wake);
        drop((discarded, drawn));
    }

    /// Wakes `waker` once, when the last event is queued.
    pub(crate) fn watch_stop(&self, waker: Waker) {
        let due = {
            let mut inner = self.lock();
            inner.stop_watcher = Some(waker);
            if inner.stop.is_some() { inner.stop_watcher.take() } else { None }
        };
        wake(due);
    }

    /// Whether events wait, and the node does not wait for one.
    pub(crate) fn is_neglected(&self) -> bool {
        let inner = self.lock();
        inner.live > 0 && inner.receiver.is_none()
    }

    /// How often the sender of `input` has waited for room, and whether it waits now.
    pub(crate) fn sender_waits(&self, input: usize) -> (u64, bool) {
        let mut inner = self.lock();
        let state = inner.input(input);
        (state.sender_waits, state.sender.is_some())
    }

    /// How many events the node has taken.
    pub(crate) fn delivered(&self) -> u64 {
        self.lock().delivered
    }

    /// Whether the node has taken its last event.
    pub(crate) fn is_finished(&self) -> bool {
        self.lock().finished
    }

    /// Why the node was asked to end, if it was.
    pub(crate) fn stop_reason(&self) -> Option<StopReason> {
        self.lock().stop
    }

    /// What became of the messages of each input, in the order of the feeds.
    pub(crate) fn counts(&self) -> Vec<InputCounts> {
        self.lock().inputs.iter().map(|input| input.counts).collect()
    }

    /// The inbox, held still, to look at several at one moment. Take several in one order everywhere.
    pub(crate) fn hold(&self) -> Held<'_> {
        Held { inner: self.lock() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every method leaves the state whole at each step.
        sync::lock(&self.inner)
    }
}

/// An inbox held still.
pub(crate) struct Held<'a> {
    inner: MutexGuard<'a, Inner>,
}

impl Held<'_> {
    /// Whether nothing can come of this node any more unless something comes in by an input that is not
    /// in `internal`, and no such input is open.
    pub(crate) fn is_quiet(&self, internal: &[usize]) -> bool {
        let inner = &*self.inner;
        let closed_outside = |(index, input): (usize, &InputState)| {
            input.closed || (!input.is_timer() && internal.contains(&index))
        };
        let waits = inner.live == 0 && inner.receiver.is_some();
        let may_speak_up = inner.spontaneous && !inner.stop_requested;
        inner.gone
            || (waits && !may_speak_up && inner.inputs.iter().enumerate().all(closed_outside))
    }

    /// Closes `input`; gives who must be woken once nothing is held any more.
    pub(crate) fn close_input(&mut self, input: usize) -> [Option<Waker>; 3] {
        self.inner.close_input(input)
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(all(test, feature = "model"))]
mod model;
#[cfg(test)]
#[cfg(not(feature = "model"))]
mod tests;
