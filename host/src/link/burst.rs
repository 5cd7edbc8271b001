//! Which messages of a node leave at once, and which wait a moment for those behind them: to write costs
//! several times what a message does, however many are written.

use std::time::{Duration, Instant};

/// A message that comes so soon after the one before belongs to its burst. A node that sends as fast as it
/// can needs a few microseconds for each.
const GAP: Duration = Duration::from_micros(20);

/// So many messages of a burst leave one by one: a node that has a few to send makes nobody wait for them.
const PROMPT: u32 = 4;

/// How many are held, and how much of payload: then most of what holding saves is saved.
const MOST: u32 = 64;
const MOST_BYTES: u64 = 64 << 10;

/// The burst that a node is in.
#[derive(Debug, Default)]
pub(super) struct Burst {
    /// When the last message was sent.
    last: Option<Instant>,
    len: u32,
    /// Whether the next message belongs to it, whenever it comes.
    goes_on: bool,
    held: Option<Held>,
}

/// Messages that wait to be written.
#[derive(Debug)]
struct Held {
    since: Instant,
    messages: u32,
    bytes: u64,
}

impl Burst {
    /// A message of this size waits to be written. True when all that wait are to be written now; then
    /// [`Self::note_sent`] follows.
    pub(super) fn put(&mut self, now: Instant, bytes: u64) -> bool {
        let is_near = self.last.is_some_and(|last| now.saturating_duration_since(last) < GAP);
        let goes_on = std::mem::take(&mut self.goes_on) || is_near;
        self.len = if goes_on { self.len.saturating_add(1) } else { 1 };
        self.last = Some(now);
        let held = self.held.get_or_insert(Held { since: now, messages: 0, bytes: 0 });
        held.messages += 1;
        held.bytes = held.bytes.saturating_add(bytes);
        self.len <= PROMPT || held.messages >= MOST || held.bytes >= MOST_BYTES
    }

    /// What waited was written, which took until `now`: the node could not send meanwhile.
    pub(super) fn note_sent(&mut self, now: Instant) {
        self.last = Some(now);
    }

    /// Nothing waits any more.
    pub(super) fn note_written(&mut self) {
        self.held = None;
    }

    /// The node waits for room: its readers have not even taken what they have, and what it sends next is not
    /// the first that they see.
    pub(super) fn note_full(&mut self) {
        self.goes_on = true;
    }

    /// Since when the oldest message waits to be written.
    pub(super) fn held_since(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends messages of a byte, each so many microseconds after the one before. Which of them were written at
    /// once.
    fn sent(burst: &mut Burst, now: &mut Instant, gaps: &[u64]) -> Vec<bool> {
        let send = |gap: &u64| {
            *now += Duration::from_micros(*gap);
            let writes = burst.put(*now, 1);
            if writes {
                burst.note_written();
                burst.note_sent(*now);
            }
            writes
        };
        gaps.iter().map(send).collect()
    }

    #[test]
    fn a_few_messages_leave_at_once_and_those_behind_them_wait() {
        let (mut burst, mut now) = (Burst::default(), Instant::now());
        assert_eq!(
            sent(&mut burst, &mut now, &[0, 1, 1, 1, 1, 1]),
            [true, true, true, true, false, false]
        );
        assert_eq!(burst.held_since(), Some(now - Duration::from_micros(1)));
    }

    #[test]
    fn a_pause_ends_a_burst_and_takes_along_what_waits() {
        let (mut burst, mut now) = (Burst::default(), Instant::now());
        sent(&mut burst, &mut now, &[1; 6]);
        assert_eq!(sent(&mut burst, &mut now, &[21, 1, 1, 1, 19]), [true, true, true, true, false]);
    }

    #[test]
    fn so_many_are_written_together() {
        let (mut burst, mut now) = (Burst::default(), Instant::now());
        sent(&mut burst, &mut now, &[1; 4]);
        let writes = sent(&mut burst, &mut now, &[1; 128]);
        let positions: Vec<_> = (0..128).filter(|position| writes[*position]).collect();
        assert_eq!(positions, [63, 127]);
    }

    #[test]
    fn much_is_not_held() {
        let (mut burst, mut now) = (Burst::default(), Instant::now());
        sent(&mut burst, &mut now, &[1; 5]);
        assert!(!burst.put(now, MOST_BYTES - 2));
        assert!(burst.put(now, 1));
        burst.note_written();
        assert!(burst.put(now, MOST_BYTES));
    }

    #[test]
    fn a_burst_goes_on_behind_a_wait_for_room() {
        let (mut burst, mut now) = (Burst::default(), Instant::now());
        sent(&mut burst, &mut now, &[1; 5]);
        burst.note_full();
        assert_eq!(sent(&mut burst, &mut now, &[1000, 1000]), [false, true]);
    }
}
