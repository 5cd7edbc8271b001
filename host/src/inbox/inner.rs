//! What is behind the lock of an inbox. Every method leaves it whole; none wakes anyone.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use super::notices::Notices;
use super::{InputCounts, Item, Most, Room, Total, fetch};
use crate::dataflow::{Feed, Overflow, Queue};
use crate::event::{Message, StopReason};

/// Holes that removed messages leave behind are kept up to this many beyond the number of events, so
/// that removing costs constant time on average.
pub(super) const MAX_HOLES: usize = 64;

/// So many places of the queue are on their way while one is written.
const WRITES_AHEAD: usize = 4;

#[derive(Debug)]
pub(super) struct Inner {
    /// `None` is a hole, left by a message that was removed from the middle.
    pub(super) queue: VecDeque<Option<Item>>,
    /// The position of `queue[0]`; positions count up for as long as the inbox lives.
    pub(super) base: u64,
    /// Events that wait: those in `queue`, and those that were drawn out of it and not yet handed out.
    pub(super) live: usize,
    /// Events in `queue` that may still change or go: ticks, notices, and messages of inputs that drop.
    pub(super) unsettled: usize,
    /// Whether some were drawn and not yet handed out.
    pub(super) is_drawn: bool,
    pub(super) inputs: Box<[InputState]>,
    /// Source inputs that are still open.
    pub(super) open_sources: usize,
    /// The node may send without having received anything: a program, not a component.
    pub(super) spontaneous: bool,
    pub(super) stop_requested: bool,
    /// The reason, once the last event is queued.
    pub(super) stop: Option<StopReason>,
    /// The last event was taken.
    pub(super) finished: bool,
    /// The node is gone: nothing will be taken any more.
    pub(super) gone: bool,
    pub(super) delivered: u64,
    /// Who waits for an event. Present exactly while the node does nothing else.
    pub(super) receiver: Option<Waker>,
    /// It was woken for an event, and has taken none since.
    pub(super) is_called: bool,
    pub(super) stop_watcher: Option<Waker>,
}

#[derive(Debug)]
pub(super) struct InputState {
    pub(super) kind: InputKind,
    pub(super) closed: bool,
    pub(super) waiting: u32,
    pub(super) waiting_bytes: u64,
    /// Dropped since the last message that is still here or was taken.
    pub(super) dropped_last: u64,
    pub(super) counts: InputCounts,
    pub(super) notices: Notices,
    /// What waits here and in all other inboxes.
    pub(super) total: Arc<Total>,
    /// One sender at most: each input reads one output, and an output sends one message at a time.
    pub(super) sender: Option<Waker>,
    /// How often it has waited.
    pub(super) sender_waits: u64,
}

#[derive(Debug)]
pub(super) enum InputKind {
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
pub(super) struct QueuedTick {
    pub(super) timestamp: u64,
    /// How many earlier ones are joined into it.
    pub(super) missed: u64,
}

impl InputState {
    pub(super) fn new(feed: &Feed, total: &Arc<Total>) -> Self {
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
            notices: Notices::default(),
            total: Arc::clone(total),
            sender: None,
            sender_waits: 0,
        }
    }

    pub(super) fn is_timer(&self) -> bool {
        matches!(self.kind, InputKind::Timer { .. })
    }

    /// The rule that applies to a message for which there is no room. A message that is larger than
    /// the whole bound fits into an empty queue, or its sender would wait for ever.
    pub(super) fn overflows(&self, bytes: usize) -> Option<Overflow> {
        let InputKind::Source { queue, .. } = &self.kind else { return None };
        let bytes = bytes as u64;
        let fits = self.waiting == 0
            || (self.waiting < queue.events.get()
                && self.waiting_bytes.saturating_add(bytes) <= queue.bytes
                && bytes <= self.total.free());
        (!fits).then_some(queue.overflow)
    }

    /// What fits until the sender must wait; none where it never must.
    pub(super) fn free(&self) -> Option<(u32, u64)> {
        match &self.kind {
            InputKind::Source { queue, .. } if queue.overflow == Overflow::Block => Some((
                queue.events.get().saturating_sub(self.waiting),
                queue.bytes.saturating_sub(self.waiting_bytes).min(self.total.free()),
            )),
            InputKind::Source { .. } | InputKind::Timer { .. } => None,
        }
    }

    fn note_waiting(&mut self, bytes: u64) {
        self.waiting += 1;
        self.waiting_bytes += bytes;
        self.total.add(bytes);
    }

    /// It still counts towards the total.
    fn note_gone(&mut self, bytes: u64) {
        self.waiting -= 1;
        self.waiting_bytes -= bytes;
    }

    /// Whether the messages that wait here stay as they are.
    pub(super) fn is_firm(&self) -> bool {
        let InputKind::Source { queue, .. } = &self.kind else { return false };
        queue.overflow == Overflow::Block
    }
}

impl Inner {
    #[expect(clippy::indexing_slicing, reason = "inputs are numbered by the router that made them")]
    pub(super) fn input(&mut self, input: usize) -> &mut InputState {
        &mut self.inputs[input]
    }

    pub(super) fn room(&mut self, input: usize, bytes: usize) -> Room {
        let gone = self.gone;
        let state = self.input(input);
        if gone || state.closed {
            Room::Closed
        } else if state.overflows(bytes) == Some(Overflow::Block) {
            Room::Full
        } else {
            Room::Free
        }
    }

    /// Gives what had to go, for the caller to free.
    pub(super) fn push(&mut self, input: usize, message: Message) -> Vec<Item> {
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
                Overflow::DropOldest => self.remove_oldest(input, &mut removed),
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

    pub(super) fn append_message(&mut self, input: usize, message: Message) {
        let position = self.base + self.queue.len() as u64;
        let state = self.input(input);
        state.note_waiting(message.size() as u64);
        let dropped = std::mem::take(&mut state.dropped_last);
        state.notices.separate();
        if let InputKind::Source { queue, positions } = &mut state.kind
            && queue.overflow == Overflow::DropOldest
        {
            positions.push_back(position);
        }
        let is_firm = state.is_firm();
        self.unsettled += usize::from(!is_firm);
        self.append(Item::Message { input, dropped, message });
    }

    pub(super) fn append(&mut self, item: Item) {
        self.queue.push_back(Some(item));
        if let Some(last) = self.queue.back() {
            fetch::to_write(last, WRITES_AHEAD);
        }
        self.live += 1;
    }

    /// Moves the oldest waiting message of an input to `removed`, and counts it with the next one.
    pub(super) fn remove_oldest(&mut self, input: usize, removed: &mut Vec<Item>) {
        let InputKind::Source { positions, .. } = &mut self.input(input).kind else { return };
        let Some(position) = positions.pop_front() else { return };
        let next = positions.front().copied();
        let Some(item) = self.remove(position) else { return };
        let (carried, bytes) = match &item {
            Item::Message { dropped, message, .. } => (dropped + 1, message.size()),
            _ => (0, 0),
        };
        let state = self.input(input);
        state.note_gone(bytes as u64);
        state.total.subtract(bytes as u64);
        state.counts.dropped += 1;
        match next.and_then(|next| self.slot(next)) {
            Some(Some(Item::Message { dropped, .. })) => *dropped += carried,
            _ => self.input(input).dropped_last += carried,
        }
        removed.push(item);
        let void = self.input(input).notices.join_before(next);
        removed.extend(void.into_iter().filter_map(|position| self.remove(position)));
        self.compact();
    }

    /// Leaves a hole.
    pub(super) fn remove(&mut self, position: u64) -> Option<Item> {
        let item = self.slot(position)?.take()?;
        self.live -= 1;
        self.unsettled -= 1; // Nothing else is ever removed.
        Some(item)
    }

    pub(super) fn slot(&mut self, position: u64) -> Option<&mut Option<Item>> {
        self.queue.get_mut(usize::try_from(position - self.base).ok()?)
    }

    /// Closes the holes when there are more of them than events.
    pub(super) fn compact(&mut self) {
        if self.queue.len() <= 2 * self.live + MAX_HOLES {
            return;
        }
        self.queue.retain(Option::is_some);
        for state in &mut self.inputs {
            state.notices.forget_positions();
            if let InputKind::Source { positions, .. } = &mut state.kind {
                positions.clear();
            }
        }
        for (position, item) in (self.base..).zip(&self.queue) {
            if let Some(notice @ (Item::Failed { input, .. } | Item::Restarted { input, .. })) =
                item
                && let Some(state) = self.inputs.get_mut(*input)
            {
                state.notices.note_position(position, notice);
            }
            if let Some(Item::Message { input, .. }) = item
                && let Some(InputState { kind: InputKind::Source { queue, positions }, .. }) =
                    self.inputs.get_mut(*input)
                && queue.overflow == Overflow::DropOldest
            {
                positions.push_back(position);
            }
        }
    }

    /// [`Self::take`]; where there is nothing, none, and `receiver` waits.
    pub(super) fn take_or_wait(
        &mut self,
        max: Most,
        take: &mut impl FnMut(Item),
        receiver: Option<&Waker>,
    ) -> Option<(usize, Vec<Waker>)> {
        if self.live > 0 || self.finished {
            self.note_taking(receiver);
            return Some(self.take(max, take));
        }
        match (&mut self.receiver, receiver) {
            (Some(waker), Some(receiver)) => waker.clone_from(receiver),
            (none @ None, Some(receiver)) => *none = Some(receiver.clone()),
            (_, None) => {}
        }
        None
    }

    /// The node is at work: it takes something.
    pub(super) fn note_taking(&mut self, receiver: Option<&Waker>) {
        self.is_called = false;
        if receiver.is_some() {
            self.receiver = None;
        }
    }

    /// Moves events up to `max` out, and gives the senders for which there is room now.
    pub(super) fn take(&mut self, max: Most, take: &mut impl FnMut(Item)) -> (usize, Vec<Waker>) {
        let mut senders = Vec::new();
        let (mut taken, mut bytes) = (0, 0);
        while taken < max.events && bytes < max.bytes {
            if taken >= max.firm_beyond && !self.is_front_firm() {
                break;
            }
            let Some(slot) = self.queue.pop_front() else { break };
            self.base += 1;
            let Some(mut item) = slot else { continue };
            if let Item::Message { message, .. } = &item {
                bytes += message.size();
            }
            taken += 1;
            self.account(&mut item, &mut senders);
            take(item);
        }
        self.leave_total(bytes);
        (taken, senders)
    }

    /// Whether the first event, if there is one, is what it will be whenever it is taken.
    fn is_front_firm(&mut self) -> bool {
        match self.queue.iter().flatten().next() {
            Some(Item::Message { input, .. } | Item::Tick { input, .. }) => {
                let input = *input;
                self.input(input).is_firm()
            }
            Some(Item::Failed { input, .. } | Item::Restarted { input, .. }) => {
                let input = *input;
                self.input(input).is_notice_firm()
            }
            Some(Item::Closed { .. } | Item::Stop(_)) | None => true,
        }
    }

    /// Moves one event out of the middle. It must be the first of its input.
    pub(super) fn take_at(
        &mut self,
        position: usize,
        take: &mut impl FnMut(Item),
    ) -> (usize, Vec<Waker>) {
        let mut senders = Vec::new();
        let Some(mut item) = self.queue.get_mut(position).and_then(Option::take) else {
            return (0, senders);
        };
        self.account(&mut item, &mut senders);
        if let Item::Message { message, .. } = &item {
            self.leave_total(message.size());
        }
        take(item);
        while let Some(None) = self.queue.front() {
            self.queue.pop_front();
            self.base += 1;
        }
        self.compact();
        (1, senders)
    }

    /// Once for all that is taken: the senders of a whole dataflow share the total.
    pub(super) fn leave_total(&self, bytes: usize) {
        if let Some(state) = self.inputs.first() {
            state.total.subtract(bytes as u64);
        }
    }

    /// Counts one event as taken, but not yet in the total.
    pub(super) fn account(&mut self, item: &mut Item, senders: &mut Vec<Waker>) {
        self.live -= 1;
        self.delivered += 1;
        match item {
            Item::Message { input, message, .. } => {
                let state = self.input(*input);
                let is_firm = state.is_firm();
                state.note_gone(message.size() as u64);
                state.counts.delivered += 1;
                if let InputKind::Source { positions, .. } = &mut state.kind {
                    positions.pop_front();
                }
                senders.extend(state.sender.take());
                self.unsettled -= usize::from(!is_firm);
            }
            Item::Tick { input, timestamp, missed } => {
                self.unsettled -= 1;
                if let InputKind::Timer { queued } = &mut self.input(*input).kind
                    && let Some(tick) = queued.take()
                {
                    (*timestamp, *missed) = (tick.timestamp, tick.missed);
                }
            }
            Item::Failed { input, .. } | Item::Restarted { input, .. } => {
                self.unsettled -= 1;
                self.input(*input).notices.take_first();
            }
            Item::Closed { .. } => {}
            Item::Stop(_) => self.finished = true,
        }
    }

    pub(super) fn discard(&mut self) -> (VecDeque<Option<Item>>, Vec<Waker>) {
        for state in &mut self.inputs {
            state.counts.discarded += u64::from(state.waiting);
            state.total.subtract(state.waiting_bytes);
            state.waiting = 0;
            state.waiting_bytes = 0;
        }
        self.live = 0;
        self.unsettled = 0;
        self.is_drawn = false;
        let senders = self.inputs.iter_mut().filter_map(|state| state.sender.take()).collect();
        (std::mem::take(&mut self.queue), senders)
    }

    pub(super) fn close_input(&mut self, input: usize) -> [Option<Waker>; 3] {
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

    pub(super) fn close_timers(&mut self) {
        for input in 0..self.inputs.len() {
            let state = self.input(input);
            if state.is_timer() && !std::mem::replace(&mut state.closed, true) && !self.gone {
                self.append(Item::Closed { input, dropped: 0 });
            }
        }
    }

    /// Queues the last event when nothing more can come.
    pub(super) fn stop_if_due(&mut self) {
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

    pub(super) fn receiver_to_wake(&mut self) -> Option<Waker> {
        let receiver = if self.live > 0 { self.receiver.take() } else { None };
        self.is_called |= receiver.is_some();
        receiver
    }

    pub(super) fn all_waiting(&mut self) -> [Option<Waker>; 2] {
        let watcher = if self.stop.is_some() { self.stop_watcher.take() } else { None };
        [self.receiver_to_wake(), watcher]
    }
}
