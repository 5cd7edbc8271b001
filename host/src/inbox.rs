//! A node's queue: everything that the node will see, in the order in which it came in.
//!
//! One queue holds the events of all inputs; each input has bounds of its own and a rule for what is
//! beyond them. Synchronous: whoever must wait leaves a [`Waker`] and comes back. All state is behind one
//! lock, held for a few instructions and never while anything is woken, dropped or awaited.
//!
//! Inputs are numbers here; their names, and the nodes behind them, are the business of [`crate::ports`].

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};

use crate::dataflow::{Feed, Overflow, Queue};
use crate::event::{Message, StopReason};
use crate::sync::{Mutex, MutexGuard};

/// Holes that removed messages leave behind are kept up to this many beyond the number of events, so
/// that removing costs constant time on average.
const MAX_HOLES: usize = 64;

/// An event as the inbox knows it.
#[derive(Debug, PartialEq)]
pub(crate) enum Item {
    Message { input: usize, dropped: u64, message: Message },
    Tick { input: usize, timestamp: u64, missed: u64 },
    Closed { input: usize, dropped: u64 },
    Stop(StopReason),
}

impl Item {
    /// The input that it came by; none for the stop.
    fn input(&self) -> Option<usize> {
        match self {
            Self::Message { input, .. } | Self::Tick { input, .. } | Self::Closed { input, .. } => {
                Some(*input)
            }
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
}

impl Most {
    pub(crate) fn events(events: usize) -> Self {
        Self { events, bytes: usize::MAX }
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
}

#[derive(Debug)]
struct Inner {
    /// `None` is a hole, left by a message that was removed from the middle.
    queue: VecDeque<Option<Item>>,
    /// The position of `queue[0]`; positions count up for as long as the inbox lives.
    base: u64,
    /// Items in `queue` that are no holes.
    live: usize,
    inputs: Box<[InputState]>,
    /// Source inputs that are still open.
    open_sources: usize,
    /// The node may send without having received anything: a program, not a component.
    spontaneous: bool,
    stop_requested: bool,
    /// The reason, once the last event is queued.
    stop: Option<StopReason>,
    /// The last event was taken.
    finished: bool,
    /// The node is gone: nothing will be taken any more.
    gone: bool,
    delivered: u64,
    /// Who waits for an event. Present exactly while the node does nothing else.
    receiver: Option<Waker>,
    stop_watcher: Option<Waker>,
}

#[derive(Debug)]
struct InputState {
    kind: InputKind,
    closed: bool,
    waiting: u32,
    waiting_bytes: u64,
    /// Dropped since the last message that is still here or was taken.
    dropped_last: u64,
    counts: InputCounts,
    /// One sender at most: each input reads one output, and an output sends one message at a time.
    sender: Option<Waker>,
}

#[derive(Debug)]
enum InputKind {
    Source {
        queue: Queue,
        /// Positions of the waiting messages; kept only where the oldest may have to go.
        positions: VecDeque<u64>,
    },
    Timer {
        queued: Option<QueuedTick>,
    },
}

/// A tick that is in the queue: what is known of it may still change.
#[derive(Clone, Copy, Debug)]
struct QueuedTick {
    timestamp: u64,
    /// How many earlier ones are joined into it.
    missed: u64,
}

impl Inbox {
    /// An empty inbox with one input for each feed. `spontaneous` says that the node may send without
    /// having received anything.
    pub(crate) fn new<'a>(feeds: impl Iterator<Item = &'a Feed>, spontaneous: bool) -> Self {
        let inputs: Box<[_]> = feeds.map(InputState::new).collect();
        let open_sources = inputs.iter().filter(|input| !input.is_timer()).count();
        Self {
            inner: Mutex::new(Inner {
                queue: VecDeque::new(),
                base: 0,
                live: 0,
                inputs,
                open_sources,
                spontaneous,
                stop_requested: false,
                stop: None,
                finished: false,
                gone: false,
                delivered: 0,
                receiver: None,
                stop_watcher: None,
            }),
        }
    }

    /// Whether `input` can take a message of `bytes` now. Where it is full, `waker` is woken when the
    /// node has taken something of this input, or is gone.
    ///
    /// Only the one output that feeds `input` may ask, so what is free stays free until it pushes.
    pub(crate) fn room(&self, input: usize, bytes: usize, waker: Option<&Waker>) -> Room {
        let mut inner = self.lock();
        if inner.gone {
            return Room::Closed;
        }
        let state = inner.input(input);
        if state.closed {
            Room::Closed
        } else if state.overflows(bytes) == Some(Overflow::Block) {
            state.sender = waker.cloned();
            Room::Full
        } else {
            Room::Free
        }
    }

    /// Takes a message in. Where `block` applies, [`Self::room`] must have said that it is free. Where
    /// the node or the input has ended, the message is counted as discarded.
    pub(crate) fn push(&self, input: usize, message: Message) {
        let removed;
        let receiver = {
            let mut inner = self.lock();
            removed = inner.push(input, message);
            inner.receiver_to_wake()
        };
        wake(receiver);
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
                    inner.append(Item::Tick { input, timestamp, missed });
                }
            }
            inner.receiver_to_wake()
        };
        wake(receiver);
        true
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
    /// `take` runs under the lock: it must only store what it is given.
    pub(crate) fn poll_recv(
        &self,
        context: &mut Context<'_>,
        max: Most,
        take: &mut dyn FnMut(Item),
    ) -> Poll<usize> {
        let (taken, senders) = {
            let mut inner = self.lock();
            if inner.live == 0 && !inner.finished {
                match &mut inner.receiver {
                    Some(waker) => waker.clone_from(context.waker()),
                    none => *none = Some(context.waker().clone()),
                }
                return Poll::Pending;
            }
            inner.receiver = None;
            inner.take(max, take)
        };
        senders.into_iter().for_each(Waker::wake);
        Poll::Ready(taken)
    }

    /// Like [`Self::poll_recv`], but gives `None` instead of waiting.
    pub(crate) fn try_recv(&self, max: Most, take: &mut dyn FnMut(Item)) -> Option<usize> {
        let (taken, senders) = {
            let mut inner = self.lock();
            if inner.live == 0 && !inner.finished {
                return None;
            }
            inner.take(max, take)
        };
        senders.into_iter().for_each(Waker::wake);
        Some(taken)
    }

    /// Like [`Self::poll_recv`], but takes one event of one of `inputs` and leaves the others where they
    /// are. 0 once these inputs have closed and everything of them was taken.
    pub(crate) fn poll_recv_of(
        &self,
        context: &mut Context<'_>,
        inputs: &[usize],
        take: &mut dyn FnMut(Item),
    ) -> Poll<usize> {
        let (taken, senders) = {
            let mut inner = self.lock();
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
        let (discarded, senders) = {
            let mut inner = self.lock();
            inner.gone = true;
            inner.finished = true;
            inner.receiver = None;
            inner.discard()
        };
        senders.into_iter().for_each(Waker::wake);
        drop(discarded);
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

    /// How many events the node has taken.
    pub(crate) fn delivered(&self) -> u64 {
        self.lock().delivered
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
        // A panic elsewhere must not spread: every method leaves the state whole at each step.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
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

impl InputState {
    fn new(feed: &Feed) -> Self {
        let kind = match feed {
            Feed::Source { queue, .. } => {
                InputKind::Source { queue: *queue, positions: VecDeque::new() }
            }
            Feed::Timer(_) => InputKind::Timer { queued: None },
        };
        Self {
            kind,
            closed: false,
            waiting: 0,
            waiting_bytes: 0,
            dropped_last: 0,
            counts: InputCounts::default(),
            sender: None,
        }
    }

    fn is_timer(&self) -> bool {
        matches!(self.kind, InputKind::Timer { .. })
    }

    /// The rule that applies to a message for which there is no room. A message that is larger than
    /// the whole bound fits into an empty queue, or its sender would wait for ever.
    fn overflows(&self, bytes: usize) -> Option<Overflow> {
        let InputKind::Source { queue, .. } = &self.kind else { return None };
        let fits = self.waiting == 0
            || (self.waiting < queue.events.get()
                && self.waiting_bytes.saturating_add(bytes as u64) <= queue.bytes);
        (!fits).then_some(queue.overflow)
    }
}

impl Inner {
    #[expect(clippy::indexing_slicing, reason = "inputs are numbered by the router that made them")]
    fn input(&mut self, input: usize) -> &mut InputState {
        &mut self.inputs[input]
    }

    /// Gives what had to go, for the caller to free.
    fn push(&mut self, input: usize, message: Message) -> Vec<Item> {
        let gone = self.gone;
        let bytes = message.size();
        let mut removed = Vec::new();
        let state = self.input(input);
        state.counts.received += 1;
        if gone || state.closed {
            state.counts.discarded += 1;
            removed.push(Item::Message { input, dropped: 0, message });
            return removed;
        }
        while let Some(overflow) = self.input(input).overflows(bytes) {
            match overflow {
                Overflow::Block => break, // Nobody asked for room; better too many than one lost.
                Overflow::DropOldest => removed.extend(self.remove_oldest(input)),
                Overflow::DropNewest => {
                    let state = self.input(input);
                    state.counts.dropped += 1;
                    state.dropped_last += 1;
                    removed.push(Item::Message { input, dropped: 0, message });
                    return removed;
                }
            }
        }
        self.append_message(input, message);
        removed
    }

    fn append_message(&mut self, input: usize, message: Message) {
        let position = self.base + self.queue.len() as u64;
        let state = self.input(input);
        state.waiting += 1;
        state.waiting_bytes += message.size() as u64;
        let dropped = std::mem::take(&mut state.dropped_last);
        if let InputKind::Source { queue, positions } = &mut state.kind
            && queue.overflow == Overflow::DropOldest
        {
            positions.push_back(position);
        }
        self.append(Item::Message { input, dropped, message });
    }

    fn append(&mut self, item: Item) {
        self.queue.push_back(Some(item));
        self.live += 1;
    }

    /// Removes the oldest waiting message of an input and counts it with the next one.
    fn remove_oldest(&mut self, input: usize) -> Option<Item> {
        let InputKind::Source { positions, .. } = &mut self.input(input).kind else { return None };
        let position = positions.pop_front()?;
        let next = positions.front().copied();
        let item = self.slot(position)?.take()?;
        self.live -= 1;
        let (carried, bytes) = match &item {
            Item::Message { dropped, message, .. } => (dropped + 1, message.size()),
            _ => (0, 0),
        };
        let state = self.input(input);
        state.waiting -= 1;
        state.waiting_bytes -= bytes as u64;
        state.counts.dropped += 1;
        match next.and_then(|next| self.slot(next)) {
            Some(Some(Item::Message { dropped, .. })) => *dropped += carried,
            _ => self.input(input).dropped_last += carried,
        }
        self.compact();
        Some(item)
    }

    fn slot(&mut self, position: u64) -> Option<&mut Option<Item>> {
        self.queue.get_mut(usize::try_from(position - self.base).ok()?)
    }

    /// Closes the holes when there are more of them than events.
    fn compact(&mut self) {
        if self.queue.len() <= 2 * self.live + MAX_HOLES {
            return;
        }
        self.queue.retain(Option::is_some);
        for state in &mut self.inputs {
            if let InputKind::Source { positions, .. } = &mut state.kind {
                positions.clear();
            }
        }
        for (position, item) in (self.base..).zip(&self.queue) {
            if let Some(Item::Message { input, .. }) = item
                && let Some(InputState { kind: InputKind::Source { queue, positions }, .. }) =
                    self.inputs.get_mut(*input)
                && queue.overflow == Overflow::DropOldest
            {
                positions.push_back(position);
            }
        }
    }

    /// Moves events up to `max` out, and gives the senders for which there is room now.
    fn take(&mut self, max: Most, take: &mut dyn FnMut(Item)) -> (usize, Vec<Waker>) {
        let mut senders = Vec::new();
        let (mut taken, mut bytes) = (0, 0);
        while taken < max.events && bytes < max.bytes {
            let Some(slot) = self.queue.pop_front() else { break };
            self.base += 1;
            let Some(mut item) = slot else { continue };
            if let Item::Message { message, .. } = &item {
                bytes += message.size();
            }
            self.live -= 1;
            self.delivered += 1;
            taken += 1;
            self.account(&mut item, &mut senders);
            take(item);
        }
        (taken, senders)
    }

    /// Moves one event out of the middle. It must be the first of its input.
    fn take_at(&mut self, position: usize, take: &mut dyn FnMut(Item)) -> (usize, Vec<Waker>) {
        let mut senders = Vec::new();
        let Some(mut item) = self.queue.get_mut(position).and_then(Option::take) else {
            return (0, senders);
        };
        self.live -= 1;
        self.delivered += 1;
        self.account(&mut item, &mut senders);
        take(item);
        while let Some(None) = self.queue.front() {
            self.queue.pop_front();
            self.base += 1;
        }
        self.compact();
        (1, senders)
    }

    fn account(&mut self, item: &mut Item, senders: &mut Vec<Waker>) {
        match item {
            Item::Message { input, message, .. } => {
                let state = self.input(*input);
                state.waiting -= 1;
                state.waiting_bytes -= message.size() as u64;
                state.counts.delivered += 1;
                if let InputKind::Source { positions, .. } = &mut state.kind {
                    positions.pop_front();
                }
                senders.extend(state.sender.take());
            }
            Item::Tick { input, timestamp, missed } => {
                if let InputKind::Timer { queued } = &mut self.input(*input).kind
                    && let Some(tick) = queued.take()
                {
                    (*timestamp, *missed) = (tick.timestamp, tick.missed);
                }
            }
            Item::Closed { .. } => {}
            Item::Stop(_) => self.finished = true,
        }
    }

    fn discard(&mut self) -> (VecDeque<Option<Item>>, Vec<Waker>) {
        for state in &mut self.inputs {
            state.counts.discarded += u64::from(state.waiting);
            state.waiting = 0;
            state.waiting_bytes = 0;
        }
        self.live = 0;
        let senders = self.inputs.iter_mut().filter_map(|state| state.sender.take()).collect();
        (std::mem::take(&mut self.queue), senders)
    }

    fn close_input(&mut self, input: usize) -> [Option<Waker>; 3] {
        let state = self.input(input);
        let sender = state.sender.take();
        if !std::mem::replace(&mut state.closed, true) {
            let dropped = std::mem::take(&mut state.dropped_last);
            let is_timer = state.is_timer();
            if !self.gone {
                self.append(Item::Closed { input, dropped });
            }
            self.open_sources -= usize::from(!is_timer);
            self.stop_if_due();
        }
        let [receiver, watcher] = self.all_waiting();
        [sender, receiver, watcher]
    }

    fn close_timers(&mut self) {
        for input in 0..self.inputs.len() {
            let state = self.input(input);
            if state.is_timer() && !std::mem::replace(&mut state.closed, true) && !self.gone {
                self.append(Item::Closed { input, dropped: 0 });
            }
        }
    }

    /// Queues the last event when nothing more can come.
    fn stop_if_due(&mut self) {
        let reads_others = self.inputs.iter().any(|input| !input.is_timer());
        let due = self.open_sources == 0 && (self.stop_requested || reads_others);
        if !due || self.stop.is_some() || self.gone {
            return;
        }
        self.close_timers();
        let reason =
            if self.stop_requested { StopReason::Requested } else { StopReason::InputsClosed };
        self.stop = Some(reason);
        self.append(Item::Stop(reason));
    }

    fn receiver_to_wake(&mut self) -> Option<Waker> {
        if self.live > 0 { self.receiver.take() } else { None }
    }

    fn all_waiting(&mut self) -> [Option<Waker>; 2] {
        let watcher = if self.stop.is_some() { self.stop_watcher.take() } else { None };
        [self.receiver_to_wake(), watcher]
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(all(test, feature = "model"))]
mod model;
#[cfg(all(test, not(feature = "model")))]
mod tests;
