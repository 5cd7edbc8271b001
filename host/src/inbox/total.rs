//! What waits in all inboxes of a dataflow together, and its bound.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that wait in the inboxes that share it.
///
/// An input that is empty may always take one message, so that whatever waits for room waits for somebody
/// who has something to take. The bound may be passed by that, and by one message of each output that looked
/// for room at the same moment.
#[derive(Debug)]
pub(crate) struct Total {
    limit: u64,
    waiting: AtomicU64,
    peak: AtomicU64,
}

impl Total {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, waiting: AtomicU64::new(0), peak: AtomicU64::new(0) }
    }

    /// The bound, in bytes.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// The most that waited at any time, in bytes.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// How many bytes fit in now.
    pub(super) fn free(&self) -> u64 {
        self.limit.saturating_sub(self.waiting.load(Ordering::Relaxed))
    }

    pub(super) fn add(&self, bytes: u64) {
        let waiting = self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes;
        // A load is cheap while the peak is not passed; a store for each message is not.
        if waiting > self.peak.load(Ordering::Relaxed) {
            self.peak.fetch_max(waiting, Ordering::Relaxed);
        }
    }

    pub(super) fn subtract(&self, bytes: u64) {
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }
}
