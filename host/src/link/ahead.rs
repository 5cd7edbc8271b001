//! When a node asks for its next events while it still has some: a batch is then on its way while the node works on
//! the one before, and it does not wait as long as others are faster.

use crate::ports::MAX_BATCH;

/// So many are left of a batch when the next one is asked for.
const LEFT: usize = MAX_BATCH / 2;

/// What was asked for ahead, and whether it may be.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// The host allows it.
    is_allowed: bool,
    /// The last batch was as large as one may be: there are more where it came from.
    is_full: bool,
    /// An answer is on its way.
    is_asked: bool,
}

impl Ahead {
    pub(super) fn new(is_allowed: bool) -> Self {
        Self { is_allowed, ..Self::default() }
    }

    /// A batch of so many events is coming, and is the answer where one is on its way.
    pub(super) fn note_batch(&mut self, events: usize) {
        self.is_full = events == MAX_BATCH;
        self.is_asked = false;
    }

    /// An event was taken. Whether it is time to ask, with so many that are left.
    pub(super) fn may_ask(&self, left: usize) -> bool {
        self.is_allowed && self.is_full && left == LEFT && !self.is_asked
    }

    pub(super) fn note_asked(&mut self) {
        self.is_asked = true;
    }

    pub(super) fn is_asked(&self) -> bool {
        self.is_asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it asks while it takes a batch of this size.
    fn asks(ahead: &mut Ahead, batch: usize) -> bool {
        ahead.note_batch(batch);
        (0..batch).rev().any(|left| ahead.may_ask(left))
    }

    #[test]
    fn half_a_full_batch_before_its_end() {
        let mut ahead = Ahead::new(true);
        assert!(asks(&mut ahead, MAX_BATCH));
        assert!(!asks(&mut ahead, MAX_BATCH - 1), "there was no more than that");
    }

    #[test]
    fn not_twice() {
        let mut ahead = Ahead::new(true);
        ahead.note_batch(MAX_BATCH);
        ahead.note_asked();
        assert!(!ahead.may_ask(LEFT));
    }

    #[test]
    fn not_where_the_host_does_not_allow_it() {
        assert!(!asks(&mut Ahead::new(false), MAX_BATCH));
    }
}
