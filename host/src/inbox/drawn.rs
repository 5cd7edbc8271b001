//! Events that the receiver has moved out of the queue, to hand them out without the lock that its senders take.

use std::collections::VecDeque;
use std::task::Waker;

use super::{Inner, Item, Most};

/// Fewer are taken under the lock of the queue: one lock instead of three. A model has no more than a few.
#[cfg(not(feature = "model"))]
pub(super) const WORTH_DRAWING: usize = 8;
#[cfg(feature = "model")]
pub(super) const WORTH_DRAWING: usize = 2;

/// What comes before everything in the queue. Another core has just written these events, so to read the first
/// word of each takes longer than all the rest of taking it: senders must not wait for that.
///
/// Until they are handed out, the events count as waiting: the bounds of their inputs are as if they were in the
/// queue. None of them is one that may still change there.
///
/// Aligned, as the senders write what is beside it, and only the receiver uses this.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Drawn {
    events: VecDeque<Option<Item>>,
}

impl Drawn {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// How many of the first events, and how many bytes with them, are within `max`.
    pub(super) fn measure(&self, max: Most) -> (usize, usize) {
        let (mut count, mut bytes) = (0, 0);
        for item in self.events.iter().flatten().take(max.events) {
            if bytes >= max.bytes {
                break;
            }
            count += 1;
            if let Item::Message { message, .. } = item {
                bytes += message.size();
            }
        }
        (count, bytes)
    }

    pub(super) fn hand_out(&mut self, count: usize, take: &mut impl FnMut(Item)) {
        self.events.drain(..count).flatten().for_each(take);
    }
}

impl Inner {
    /// Whether [`Self::draw`] is faster than to take up to `max` from the queue, and possible.
    pub(super) fn is_worth_drawing(&self, max: Most) -> bool {
        let has_holes = || self.queue.len() != self.live;
        self.live.min(max.events) >= WORTH_DRAWING && self.unsettled == 0 && !has_holes()
    }

    /// Moves the whole queue to `drawn`, which must be empty, where that is worth it and no event in it may still
    /// change. Says whether it did.
    pub(super) fn draw(&mut self, max: Most, drawn: &mut Drawn) -> bool {
        if !self.is_worth_drawing(max) {
            return false;
        }
        self.base += self.queue.len() as u64;
        std::mem::swap(&mut self.queue, &mut drawn.events);
        self.is_drawn = true;
        true
    }

    /// Counts the first `count` events of `drawn`, of `bytes` together, as taken, and gives the senders for which
    /// there is room now. They must be handed out before anything else.
    pub(super) fn count_off(
        &mut self,
        drawn: &mut Drawn,
        count: usize,
        bytes: usize,
    ) -> Vec<Waker> {
        let mut senders = Vec::new();
        for item in drawn.events.iter_mut().take(count).flatten() {
            self.account(item, &mut senders);
        }
        self.leave_total(bytes);
        self.is_drawn = count < drawn.events.len();
        senders
    }

    /// Puts what is left of `drawn` back to where it was.
    pub(super) fn put_back(&mut self, drawn: &mut Drawn) {
        if drawn.is_empty() {
            return; // The queue may be long.
        }
        self.base -= drawn.events.len() as u64;
        drawn.events.append(&mut self.queue);
        std::mem::swap(&mut self.queue, &mut drawn.events);
        self.is_drawn = false;
    }
}
