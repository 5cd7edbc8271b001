//! CPU time of a node: counted while its future runs, bounded for each event.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::{Sleep, sleep_until};

use crate::dataflow::Limits;
use crate::exit::Limit;
use crate::pace::Pace;
use crate::turn;

/// How long a component that was idle may use its core alone before its share counts, and may log as fast
/// as it can.
const BURST: Duration = Duration::from_secs(1);

/// The same for what it sends, for its readers see single messages; and for what a process logs, for its burst
/// keeps a core of its own busy and one of the host's.
const SHORT_BURST: Duration = Duration::from_millis(100);

/// What a node has used, over all of its instances. Written by the thread that runs the node, read by the
/// report.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// CPU time in nanoseconds, up to the end of the last turn.
    cpu: AtomicU64,
    /// CPU clock of the thread when the present turn began.
    turn_began: AtomicU64,
    /// Bytes of linear memory, the most at any time.
    peak_memory: AtomicU64,
    /// Bytes that its handles held, the most at any time.
    peak_buffers: AtomicU64,
    /// Bytes of the largest message that it sent.
    largest_message: AtomicU64,
    /// CPU time in nanoseconds, where its share is limited.
    pub(crate) cpu_share: Option<Pace>,
    /// Messages that it sends, where they are limited.
    pub(crate) rate: Option<Pace>,
    /// Bytes that it logs; none for what is neither a component nor a process that was started.
    pub(crate) log: Option<Arc<Pace>>,
}

impl Usage {
    /// That of a component.
    pub(crate) fn new(limits: &Limits) -> Self {
        let share = |percent| Pace::new(percent as f64 * 1e7, BURST);
        Self {
            cpu_share: limits.cpu_share.map(share),
            rate: limits.rate.map(|rate| Pace::new(rate as f64, SHORT_BURST)),
            log: Some(log_pace(limits.log, BURST)),
            ..Self::default()
        }
    }

    /// That of a process, which may log so many bytes in a second.
    pub(crate) fn of_process(log: u64) -> Self {
        Self { log: Some(log_pace(log, SHORT_BURST)), ..Self::default() }
    }

    pub(crate) fn cpu(&self) -> Duration {
        Duration::from_nanos(self.cpu.load(Ordering::Relaxed))
    }

    pub(crate) fn peak_memory(&self) -> u64 {
        self.peak_memory.load(Ordering::Relaxed)
    }

    pub(crate) fn peak_buffers(&self) -> u64 {
        self.peak_buffers.load(Ordering::Relaxed)
    }

    pub(crate) fn largest_message(&self) -> u64 {
        self.largest_message.load(Ordering::Relaxed)
    }

    pub(crate) fn note_memory(&self, bytes: u64) {
        self.peak_memory.fetch_max(bytes, Ordering::Relaxed);
    }

    pub(crate) fn note_buffers(&self, bytes: u64) {
        // To lock the place for each handle would cost more than this load.
        if bytes > self.peak_buffers.load(Ordering::Relaxed) {
            self.peak_buffers.fetch_max(bytes, Ordering::Relaxed);
        }
    }

    /// A message of so many bytes was sent.
    pub(crate) fn note_message(&self, bytes: u64) {
        // A store for each message would cost more than this load.
        if bytes > self.largest_message.load(Ordering::Relaxed) {
            self.largest_message.store(bytes, Ordering::Relaxed);
        }
        if let Some(rate) = &self.rate {
            rate.spend(1);
        }
    }

    /// Waits until it may send.
    pub(crate) async fn rate_wait(&self) {
        if let Some(rate) = &self.rate {
            rate.wait().await;
        }
    }

    /// So many bytes were written to the log.
    pub(crate) fn note_log(&self, bytes: usize) {
        if let Some(log) = &self.log {
            log.spend(bytes as u64);
        }
    }

    /// Waits until more may be written to the log.
    pub(crate) async fn log_wait(&self) {
        if let Some(log) = &self.log {
            log.wait().await;
        }
    }

    /// CPU time up to now and CPU time of this turn. Only right on the thread that runs the node.
    fn cpu_at(&self, now: Instant) -> (u64, u64) {
        let turn = thread_cpu(now).saturating_sub(self.turn_began.load(Ordering::Relaxed));
        (self.cpu.load(Ordering::Relaxed) + turn, turn)
    }
}

fn log_pace(bytes_per_second: u64, burst: Duration) -> Arc<Pace> {
    Arc::new(Pace::new(bytes_per_second as f64, burst))
}

/// A future whose CPU time is counted. Where its share is used up, it goes on when that is due.
pub(crate) struct Metered<F> {
    future: Pin<Box<F>>,
    usage: Arc<Usage>,
    held_back: Option<Pin<Box<Sleep>>>,
}

impl<F: Future> Metered<F> {
    pub(crate) fn new(future: F, usage: Arc<Usage>) -> Self {
        Self { future: Box::pin(future), usage, held_back: None }
    }

    fn poll_share(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(share) = &self.usage.cpu_share else { return Poll::Ready(()) };
        loop {
            if let Some(held_back) = &mut self.held_back {
                ready!(held_back.as_mut().poll(context));
                self.held_back = None;
            }
            let Some(due) = share.due() else { return Poll::Ready(()) };
            share.note_wait(due);
            self.held_back = Some(Box::pin(sleep_until(due)));
        }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        ready!(self.poll_share(context));
        let began = Instant::now();
        self.usage.turn_began.store(thread_cpu(began), Ordering::Relaxed);
        let polled = self.future.as_mut().poll(context);
        let ended = Instant::now();
        let (cpu, turn) = self.usage.cpu_at(ended);
        self.usage.cpu.store(cpu, Ordering::Relaxed);
        if let Some(share) = &self.usage.cpu_share {
            share.spend(turn);
        }
        turn::end(context, began, ended);
        polled
    }
}

/// The CPU time that a component may use for the events that it was given last.
///
/// The clock is read only when an epoch ends while the component runs, so that the usual short call pays
/// nothing; time counts from there, hence up to two epochs late.
#[derive(Debug)]
pub(crate) struct Budget {
    usage: Arc<Usage>,
    limit: Duration,
    events: u64,
    /// A message that was sent begins a new budget: for programs, which may send for ever without taking
    /// an event. A handler has the time of its events, whatever it sends.
    pub(crate) renewed_by_sending: bool,
    counted_from: Option<u64>,
}

/// A turn shorter than this goes on at the end of an epoch; a longer one lets other nodes have the thread.
const SHORT_TURN: Duration = Duration::from_millis(1);

/// What a component does at the end of an epoch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Continue,
    Yield,
}

impl Budget {
    pub(crate) fn new(usage: Arc<Usage>, limit: Duration) -> Self {
        Self { usage, limit, events: 0, renewed_by_sending: false, counted_from: None }
    }

    /// The component has been given `events` more events and is done with those before.
    pub(crate) fn begin(&mut self, events: usize) {
        self.events = events as u64;
        self.counted_from = None;
    }

    /// The component has sent a message.
    pub(crate) fn sent(&mut self) {
        if self.renewed_by_sending {
            self.counted_from = None;
        }
    }

    /// An epoch has ended while the component runs.
    pub(crate) fn epoch_ended(&mut self) -> Result<Turn, Limit> {
        let (cpu, turn) = self.usage.cpu_at(Instant::now());
        let used = cpu.saturating_sub(*self.counted_from.get_or_insert(cpu));
        let allowed = self.limit.as_nanos().saturating_mul(u128::from(self.events.max(1)));
        if u128::from(used) > allowed {
            return Err(Limit::Cpu { limit: self.limit, events: self.events });
        }
        Ok(if u128::from(turn) < SHORT_TURN.as_nanos() { Turn::Continue } else { Turn::Yield })
    }
}

/// How long a reading of the clock stands for the time after it. Whoever takes a thread off its core
/// mostly does so for longer, and is not counted then.
const FRESH: Duration = Duration::from_millis(1);

thread_local! {
    static READING: Cell<Option<(Instant, u64)>> = const { Cell::new(None) };
}

/// CPU time of this thread in nanoseconds. The clock is a system call, which is as dear as a short turn:
/// within [`FRESH`] of a reading the thread is taken to have run.
fn thread_cpu(now: Instant) -> u64 {
    if let Some((at, cpu)) = READING.get() {
        let since = now.saturating_duration_since(at);
        if since < FRESH {
            return cpu + u64::try_from(since.as_nanos()).unwrap_or(0);
        }
    }
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let cpu = u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0);
    READING.set(Some((now, cpu)));
    cpu
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_sleeps_uses_no_cpu_time() {
        let before = thread_cpu(Instant::now());
        std::thread::sleep(50 * FRESH);
        let used = thread_cpu(Instant::now()).saturating_sub(before);
        assert!(u128::from(used) < (25 * FRESH).as_nanos(), "{used} ns");
    }

    #[test]
    fn a_thread_that_works_uses_cpu_time_between_readings_and_over_them() {
        let before = thread_cpu(Instant::now());
        let began = Instant::now();
        while began.elapsed() < FRESH / 2 {}
        let within = thread_cpu(Instant::now());
        assert!(within > before);
        while thread_cpu(Instant::now()) < before + 1_000_000 {}
    }
}
