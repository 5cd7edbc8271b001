//! The room at an output, as the node knows it. Only this node fills it, so it never becomes less but by
//! what the node sends.

/// What is known of one output.
#[derive(Debug, Default)]
pub(super) struct Credit {
    events: u32,
    bytes: u64,
    /// Whether an answer is on its way.
    asked: bool,
    /// Sent since it was asked for: the answer does not know of it.
    since: (u32, u64),
    /// What the last answer gave.
    given: u32,
    closed: bool,
}

/// Whether a message may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum May {
    Send,
    Wait,
    Never,
}

impl Credit {
    pub(super) fn may_send(&self, bytes: u64) -> May {
        if self.closed {
            May::Never
        } else if self.events > 0 && self.bytes >= bytes {
            May::Send
        } else {
            May::Wait
        }
    }

    /// A message was sent. True when it is time to ask for more room, before it is needed.
    pub(super) fn spend(&mut self, bytes: u64) -> bool {
        self.events = self.events.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.since = (self.since.0.saturating_add(1), self.since.1.saturating_add(bytes));
        self.events <= self.given / 2
    }

    /// Whether to ask now: not while an answer is on its way.
    pub(super) fn ask(&mut self) -> bool {
        if self.asked || self.closed {
            return false;
        }
        self.asked = true;
        self.since = (0, 0);
        true
    }

    pub(super) fn give(&mut self, events: u32, bytes: u64) {
        self.asked = false;
        self.given = events;
        self.events = events.saturating_sub(self.since.0);
        self.bytes = bytes.saturating_sub(self.since.1);
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_after_asking_counts_against_the_answer() {
        let mut credit = Credit::default();
        credit.give(4, 100);
        assert_eq!(credit.may_send(100), May::Send);
        assert!(!credit.spend(10));
        assert!(credit.spend(10));
        assert!(credit.ask());
        assert!(!credit.ask());
        credit.spend(10);
        credit.give(4, 100);
        assert_eq!((credit.events, credit.bytes), (3, 90));
    }

    #[test]
    fn without_room_it_waits_and_closed_is_for_ever() {
        let mut credit = Credit::default();
        assert_eq!(credit.may_send(0), May::Wait);
        credit.give(1, 8);
        assert_eq!(credit.may_send(9), May::Wait);
        credit.close();
        assert_eq!(credit.may_send(1), May::Never);
        assert!(!credit.ask());
    }
}
