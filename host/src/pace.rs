//! What a node may use so much of in a second. Beyond that it waits, and nothing is lost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// An even pace, from which use may deviate by a burst. The generic cell rate algorithm of ITU-T I.371: what
/// is kept is the moment at which all that was used would have been used at the even pace.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: f64,
    /// What may be used at once after a pause, as the time in which it comes at the even pace.
    burst: Duration,
    even: Mutex<Option<Instant>>,
    used: AtomicU64,
    waited: AtomicU64,
}

impl Pace {
    pub(crate) fn new(per_second: f64, burst: Duration) -> Self {
        let (even, used, waited) = Default::default();
        Self { per_second, burst, even, used, waited }
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.per_second
    }

    /// All that was used.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// How long it was waited for, in all.
    pub(crate) fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited.load(Ordering::Relaxed))
    }

    /// So much was used. That may be more than there was: then the next use waits for longer.
    pub(crate) fn spend(&self, amount: u64) {
        self.used.fetch_add(amount, Ordering::Relaxed);
        let now = Instant::now();
        let earliest = now.checked_sub(self.burst).unwrap_or(now);
        let takes = Duration::try_from_secs_f64(amount as f64 / self.per_second);
        let mut even = self.even.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = even.map_or(earliest, |even| even.max(earliest));
        *even = begins.checked_add(takes.unwrap_or(Duration::MAX));
    }

    /// When more may be used, where that is not now. Whoever waits for it says so by [`Self::note_wait`].
    pub(crate) fn due(&self) -> Option<Instant> {
        let even = *self.even.lock().unwrap_or_else(PoisonError::into_inner);
        even.filter(|even| *even > Instant::now())
    }

    pub(crate) fn note_wait(&self, until: Instant) {
        let time = until.saturating_duration_since(Instant::now());
        self.waited.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(0), Ordering::Relaxed);
    }

    /// Waits until more may be used.
    pub(crate) async fn wait(&self) {
        while let Some(due) = self.due() {
            self.note_wait(due);
            sleep_until(due).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_then_the_pace_is_even() {
        let began = Instant::now();
        let pace = Pace::new(10.0, Duration::from_millis(500));
        let mut at = Vec::new();
        for _ in 0..9 {
            pace.wait().await;
            at.push(began.elapsed().as_millis());
            pace.spend(1);
        }
        assert_eq!(at, [0, 0, 0, 0, 0, 0, 100, 200, 300]);
        assert_eq!((pace.used(), pace.waited().as_millis()), (9, 300));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_much_at_once_is_waited_for_afterwards() {
        let began = Instant::now();
        let pace = Pace::new(10.0, Duration::ZERO);
        pace.spend(30);
        pace.wait().await;
        assert_eq!(began.elapsed().as_secs(), 3);
        tokio::time::advance(Duration::from_secs(100)).await;
        pace.spend(1);
        assert_eq!(
            pace.due(),
            Some(Instant::now() + Duration::from_millis(100)),
            "a pause saves nothing up"
        );
    }

    #[test]
    fn no_amount_is_too_large() {
        let pace = Pace::new(0.01, Duration::ZERO);
        pace.spend(u64::MAX);
        pace.spend(u64::MAX);
        assert_eq!(pace.used(), u64::MAX.wrapping_mul(2));
    }
}
