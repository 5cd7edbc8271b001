//! The healthy pair: `ping` sends a message a millisecond to the component `echo`, and `pong` sees when it
//! comes back.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thalweg::{Event, Ports, PreparedDataflow};
use tokio::sync::oneshot;

const PERIOD: Duration = Duration::from_millis(1);

/// Its lines of the descriptor.
pub(crate) const NODES: &str = "
nodes:
  - { id: ping, embedded: true, outputs: [out] }
  - { id: echo, component: guests/echo.wasm, inputs: { in: ping/out }, outputs: [out] }
  - { id: pong, embedded: true, inputs: { in: echo/out } }
";

/// How long 99 of 100 of its messages took at most, in microseconds, and how many never came back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Latency {
    pub(crate) p99: u64,
    pub(crate) lost: usize,
}

/// What the nodes of a pair share with whoever waits for them.
#[derive(Default)]
struct Shared {
    may_end: AtomicBool,
    sent: AtomicUsize,
    micros: Mutex<Vec<u64>>,
}

/// A pair that runs.
pub(crate) struct Pair {
    shared: Arc<Shared>,
    done: oneshot::Receiver<()>,
}

impl Pair {
    /// Supplies the pair's nodes. It ends after so many messages, and not before [`Self::end`] lets it.
    pub(crate) fn supply(prepared: &mut PreparedDataflow, least: usize) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::default());
        let began = Instant::now();
        let (say_done, done) = oneshot::channel();
        let of_ping = Arc::clone(&shared);
        prepared.embed("ping", move |ports| ping(ports, of_ping, began, least))?;
        let of_pong = Arc::clone(&shared);
        prepared.embed("pong", move |ports| async move {
            pong(ports, &of_pong, began).await;
            // The only error is that nobody waits any more.
            let _ = say_done.send(());
            Ok(())
        })?;
        Ok(Self { shared, done })
    }

    /// Lets the pair end once it has sent enough, and waits for it.
    pub(crate) async fn end(self) -> anyhow::Result<Latency> {
        self.shared.may_end.store(true, Ordering::Relaxed);
        self.done.await?;
        let mut micros = std::mem::take(&mut *lock(&self.shared.micros));
        let lost = self.shared.sent.load(Ordering::Relaxed) - micros.len();
        micros.sort_unstable();
        let p99 = micros.get(micros.len() * 99 / 100).copied().unwrap_or(u64::MAX);
        Ok(Latency { p99, lost })
    }
}

async fn ping(
    mut ports: Ports,
    shared: Arc<Shared>,
    began: Instant,
    least: usize,
) -> Result<(), String> {
    let mut due = tokio::time::interval(PERIOD);
    let mut sent = 0;
    while sent < least || !shared.may_end.load(Ordering::Relaxed) {
        due.tick().await;
        let now = micros_since(began).to_le_bytes().to_vec();
        ports.send("out", now).await.map_err(|error| error.to_string())?;
        sent += 1;
        shared.sent.store(sent, Ordering::Relaxed);
    }
    Ok(())
}

async fn pong(mut ports: Ports, shared: &Shared, began: Instant) {
    while let Some(event) = ports.recv().await {
        if let Event::Input(input) = event {
            let sent = input.message.payload.as_ref().try_into().map_or(0, u64::from_le_bytes);
            lock(&shared.micros).push(micros_since(began).saturating_sub(sent));
        }
    }
}

fn micros_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
