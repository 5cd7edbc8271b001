//! Events that the receiver has moved out of the queue, to hand them out without the lock that its senders take.

use std::collections::VecDeque;

use super::{Inner, Item, Most};

/// A queue of fewer is taken under its lock, which is one lock instead of two. A model has no more than a few.
#[cfg(not(feature = "model"))]
pub(super) const WORTH_DRAWING: usize = 8;
#[cfg(feature = "model")]
pub(super) const WORTH_DRAWING: usize = 1;

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

    pub(super) fn first(&mut self, count: usize) -> impl Iterator<Item = &mut Item> {
        self.events.iter_mut().flatten().take(count)
    }

    pub(super) fn hand_out(&mut self, count: usize, take: &mut impl FnMut(Item)) {
        self.events.drain(..count).flatten().for_each(take);
    }
}

impl Inner {
    /// Moves the whole queue to `drawn`, which must be empty, where that is worth it and no event in it may still
    /// change. Says whether it did.
    pub(super) fn draw(&mut self, drawn: &mut Drawn) -> bool {
        let has_holes = self.queue.len() != self.live;
        if has_holes || self.unsettled > 0 || self.live <= WORTH_DRAWING {
            return false;
        }
        self.base += self.queue.len() as u64;
        std::mem::swap(&mut self.queue, &mut drawn.events);
        true
    }

    /// Puts what is left of `drawn` back to where it was.
    pub(super) fn put_back(&mut self, drawn: &mut Drawn) {
        if drawn.is_empty() {
            return; // The queue may be long.
        }
        self.base -= drawn.events.len() as u64;
        drawn.events.append(&mut self.queue);
        std::mem::swap(&mut self.queue, &mut drawn.events);
    }
}
