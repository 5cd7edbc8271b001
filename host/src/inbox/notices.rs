//! Failures and restarts of the nodes that feed the inputs. They take no room, so they must not pile up: of
//! those of one input that no message separates, only the last failure and the restart behind it stay.

use std::collections::VecDeque;
use std::ops::Range;

use super::Item;
use super::inner::{Inner, InputState};

/// The notices of one input that are in the queue.
#[derive(Debug, Default)]
pub(super) struct Notices {
    queued: VecDeque<Notice>,
    /// How many of them are behind the last message that waits.
    behind: usize,
}

#[derive(Clone, Copy, Debug)]
struct Notice {
    position: u64,
    is_failure: bool,
}

impl Notices {
    /// A message was queued behind them.
    pub(super) fn separate(&mut self) {
        self.behind = 0;
    }

    /// The first was taken.
    pub(super) fn take_first(&mut self) {
        self.queued.pop_front();
        self.behind = self.behind.min(self.queued.len());
    }

    /// The oldest message was removed: what was around it, up to the message at `next`, is joined. Gives the
    /// positions of those that are void.
    pub(super) fn join_before(&mut self, next: Option<u64>) -> Vec<u64> {
        let is_before = |notice: &Notice| next.is_none_or(|next| notice.position < next);
        let before = self.queued.partition_point(is_before);
        let void = self.join(0..before);
        if next.is_none() {
            self.behind = self.queued.len();
        }
        void
    }

    /// Every event is about to get another position; [`Self::note_position`] is called for each notice.
    pub(super) fn forget_positions(&mut self) {
        self.queued.clear();
    }

    pub(super) fn note_position(&mut self, position: u64, notice: &Item) {
        let is_failure = matches!(notice, Item::Failed { .. });
        self.queued.push_back(Notice { position, is_failure });
    }

    /// Puts another one behind the others. Gives the positions of those that are void.
    fn append(&mut self, position: u64, notice: &Item) -> Vec<u64> {
        let first = self.queued.len() - self.behind;
        self.note_position(position, notice);
        let void = self.join(first..self.queued.len());
        self.behind = self.queued.len() - first;
        void
    }

    fn join(&mut self, range: Range<usize>) -> Vec<u64> {
        let last = range.end.saturating_sub(1);
        let is_failure = |at: &usize| self.queued.get(*at).is_some_and(|notice| notice.is_failure);
        let failure = range.clone().rev().find(is_failure);
        let void = range.rev().filter(|at| *at != last && Some(*at) != failure);
        // From behind, so that the others keep their places until it is their turn.
        void.filter_map(|at| Some(self.queued.remove(at)?.position)).collect()
    }
}

impl InputState {
    /// Whether the first notice is what it will be whenever it is taken: none can come behind it without a
    /// message between, and that message stays.
    pub(super) fn is_notice_firm(&self) -> bool {
        let Notices { queued, behind } = &self.notices;
        self.closed || (self.is_firm() && queued.len() > *behind)
    }
}

impl Inner {
    /// Queues a notice. Gives those that it makes void.
    pub(super) fn append_notice(&mut self, input: usize, notice: Item) -> Vec<Item> {
        let position = self.base + self.queue.len() as u64;
        let void = self.input(input).notices.append(position, &notice);
        self.unsettled += 1;
        self.append(notice);
        let void = void.into_iter().filter_map(|position| self.remove(position)).collect();
        self.compact();
        void
    }
}
