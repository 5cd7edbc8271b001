//! What the ports of a node count, over all of its instances.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::id::InputId;
use crate::inbox::Item;

/// What the ports of a node count. Written by the node, read by the report.
#[derive(Debug)]
pub(crate) struct PortCounts {
    /// Messages sent, for each output: also the sequence of its next message.
    pub(super) sent: Box<[AtomicU64]>,
    /// When the node took its first event.
    first_event: OnceLock<Instant>,
    /// What the node took last: how many events, and what the first of them is. See [`Self::last_events`].
    last_len: AtomicU64,
    last_kind: AtomicU64,
    last_sequence: AtomicU64,
}

// Values of `PortCounts::last_kind`; a message is the number of its input beyond these.
const KIND_TICK: u64 = 0;
const KIND_CLOSED: u64 = 1;
const KIND_STOP: u64 = 2;
const KIND_FAILED: u64 = 3;
const KIND_RESTARTED: u64 = 4;
const KIND_MESSAGE: u64 = 5;

impl PortCounts {
    pub(crate) fn new(outputs: usize) -> Self {
        let sent = (0..outputs).map(|_| AtomicU64::new(0)).collect();
        Self {
            sent,
            first_event: OnceLock::new(),
            last_len: AtomicU64::new(0),
            last_kind: AtomicU64::new(0),
            last_sequence: AtomicU64::new(0),
        }
    }

    pub(super) fn note(&self, taken: usize, first: Option<&Item>) {
        if self.first_event.get().is_none() {
            self.first_event.get_or_init(Instant::now);
        }
        let (kind, sequence) = match first {
            None => return,
            Some(Item::Message { input, message, .. }) => {
                (KIND_MESSAGE + *input as u64, message.metadata.sequence)
            }
            Some(Item::Tick { .. }) => (KIND_TICK, 0),
            Some(Item::Failed { .. }) => (KIND_FAILED, 0),
            Some(Item::Restarted { .. }) => (KIND_RESTARTED, 0),
            Some(Item::Closed { .. }) => (KIND_CLOSED, 0),
            Some(Item::Stop(_)) => (KIND_STOP, 0),
        };
        self.last_len.store(taken as u64, Ordering::Relaxed);
        self.last_kind.store(kind, Ordering::Relaxed);
        self.last_sequence.store(sequence, Ordering::Relaxed);
    }

    /// What the node took last, in words; none if it took nothing.
    pub(crate) fn last_events(&self, ids: &[InputId]) -> Option<String> {
        let first = match self.last_kind.load(Ordering::Relaxed) {
            KIND_TICK => "a tick".into(),
            KIND_CLOSED => "the closing of an input".into(),
            KIND_STOP => "the stop".into(),
            KIND_FAILED => "the failure of a node that it reads".into(),
            KIND_RESTARTED => "the restart of a node that it reads".into(),
            message => {
                let input = ids.get(usize::try_from(message - KIND_MESSAGE).ok()?)?;
                let sequence = self.last_sequence.load(Ordering::Relaxed);
                format!("message {sequence} of input `{input}`")
            }
        };
        match self.last_len.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(first),
            len => Some(format!("{first}, first of a batch of {len}")),
        }
    }

    pub(crate) fn sent(&self) -> impl Iterator<Item = u64> {
        self.sent.iter().map(|sent| sent.load(Ordering::Relaxed))
    }

    pub(crate) fn first_event(&self) -> Option<Instant> {
        self.first_event.get().copied()
    }
}
