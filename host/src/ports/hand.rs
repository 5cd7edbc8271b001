//! What the instances of a node took last, for the next one: kept only where the descriptor asks for it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::MAX_BATCH;
use crate::inbox::{Item, Most};

/// The events that are in hand: taken, and not yet followed by the wish for the next.
///
/// Shared by the ports of all instances of a node, of which one uses it at a time.
#[derive(Debug, Default)]
pub(crate) struct Hand {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Copies of what the present instance took last.
    held: Vec<Item>,
    /// What is held was given to a process that may not have seen it yet.
    in_flight: bool,
    /// What instances before it had in hand, and what will be given again, in the order of the first time.
    again: VecDeque<Item>,
}

/// The most that is held for a process that does not say what it has seen.
const MOST_IN_FLIGHT: usize = 8 * MAX_BATCH;

impl Inner {
    /// Takes out what the instance is done with when it asks for the next of these.
    fn done(&mut self, of_these: impl Fn(&Item) -> bool) -> Vec<Item> {
        if self.in_flight && self.held.len() < MOST_IN_FLIGHT {
            return Vec::new();
        }
        let (done, held) = std::mem::take(&mut self.held).into_iter().partition(of_these);
        self.held = held;
        done
    }
}

impl Hand {
    /// The instance wants the next events: it is done with those before. Moves those that are to be given
    /// again to `take`, at most `max`, and says how many.
    pub(super) fn next(&self, max: Most, take: &mut dyn FnMut(Item)) -> usize {
        let mut inner = self.lock();
        let done = inner.done(|_| true);
        let (mut taken, mut bytes) = (0, 0);
        while taken < max.events && bytes < max.bytes {
            let Some(item) = inner.again.pop_front() else { break };
            if let Item::Message { message, .. } = &item {
                bytes += message.size();
            }
            taken += 1;
            inner.held.push(item.clone());
            take(item);
        }
        drop(inner);
        drop(done); // Payloads may be large: freed after the lock.
        taken
    }

    /// Like [`Self::next`], for one event of one of `inputs`: the instance is done with those of them alone, for
    /// others that were given together with them may wait.
    pub(super) fn next_of(&self, inputs: &[usize]) -> Option<Item> {
        let wanted = |item: &Item| item.input().is_some_and(|input| inputs.contains(&input));
        let mut inner = self.lock();
        let done = inner.done(wanted);
        let item = inner.again.iter().position(wanted);
        let item = item.and_then(|position| inner.again.remove(position));
        inner.held.extend(item.clone());
        drop(inner);
        drop(done);
        item
    }

    /// See [`super::Ports::note_in_flight`].
    pub(super) fn note_in_flight(&self, in_flight: bool) {
        self.lock().in_flight = in_flight;
    }

    /// These were taken.
    pub(super) fn hold<'a>(&self, items: impl Iterator<Item = &'a Item>) {
        self.lock().held.extend(items.cloned());
    }

    /// The instance has ended: what it had in hand is given again, before what it did not come to.
    pub(super) fn give_again(&self) {
        let mut inner = self.lock();
        let Inner { held, again, in_flight } = &mut *inner;
        *in_flight = false;
        for item in held.drain(..).rev() {
            again.push_front(item);
        }
    }

    /// Nothing of it will be given again.
    pub(super) fn forget(&self) {
        let forgotten = std::mem::take(&mut *self.lock());
        drop(forgotten); // Payloads may be large: freed after the lock.
    }

    /// Whether another instance would be given something again.
    pub(super) fn is_empty(&self) -> bool {
        let inner = self.lock();
        inner.held.is_empty() && inner.again.is_empty()
    }

    /// Whether something waits to be given again.
    pub(super) fn has_waiting(&self) -> bool {
        !self.lock().again.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every method leaves it whole at each step.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[cfg(not(feature = "model"))]
mod tests {
    use super::*;

    fn tick(input: usize, timestamp: u64) -> Item {
        Item::Tick { input, timestamp, missed: 0 }
    }

    /// The times of what is given, at most so many.
    fn next(hand: &Hand, most: usize) -> Vec<u64> {
        let mut times = Vec::new();
        hand.next(Most::events(most), &mut |item| times.extend(time(&item)));
        times
    }

    fn time(item: &Item) -> Option<u64> {
        if let Item::Tick { timestamp, .. } = item { Some(*timestamp) } else { None }
    }

    #[test]
    fn what_is_given_again_comes_in_the_order_of_the_first_time() {
        let hand = Hand::default();
        hand.hold([tick(0, 1), tick(0, 2), tick(0, 3)].iter());
        hand.give_again();
        assert_eq!(next(&hand, 2), [1, 2]);
        hand.give_again(); // The next instance did not come further either.
        assert_eq!(next(&hand, 1), [1]);
        assert_eq!(next(&hand, 9), [2, 3]);
        assert!(!hand.is_empty() && !hand.has_waiting());
        assert!(next(&hand, 9).is_empty());
        hand.give_again();
        assert!(hand.is_empty());
    }

    #[test]
    fn what_may_not_have_been_seen_is_kept_within_bounds() {
        let hand = Hand::default();
        hand.hold([tick(0, 1)].iter());
        hand.note_in_flight(true);
        assert!(next(&hand, 9).is_empty());
        hand.hold([tick(0, 2)].iter());
        hand.give_again();
        assert_eq!(next(&hand, 9), [1, 2]);
        hand.note_in_flight(true);
        for _ in 0..2 * MOST_IN_FLIGHT {
            next(&hand, 9);
            hand.hold([tick(0, 3)].iter());
        }
        assert!(hand.lock().held.len() <= MOST_IN_FLIGHT);
    }

    #[test]
    fn who_asks_for_one_input_is_not_done_with_the_others() {
        let hand = Hand::default();
        hand.hold(
            [tick(0, 1), tick(1, 2), tick(0, 3), Item::Stop(crate::event::StopReason::Requested)]
                .iter(),
        );
        assert_eq!(hand.next_of(&[1]), None);
        hand.give_again();
        assert_eq!(hand.next_of(&[0]).as_ref().and_then(time), Some(1));
        hand.give_again();
        assert_eq!(next(&hand, 9), [1, 3]);
    }
}
