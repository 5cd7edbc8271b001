//! What comes due for single nodes: the end of a grace period, of a backoff, of
//! a watchdog's patience, of the time to come to rest.

use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep};

use crate::ports::Pulse;

/// How often a watchdog looks within the time that it allows. It ends nobody before that time, and at most by
/// a part of this number later.
const LOOKS: u32 = 4;

/// Something has come due for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alarm {
    pub(super) node: usize,
    pub(super) what: Due,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The node has done nothing for the whole of the grace period that began with the instance of this
    /// number.
    Grace { instance: u64 },
    /// The backoff is over that began behind the instance of this number.
    Backoff { instance: u64 },
    /// The instance of this number took no events.
    Silence { instance: u64 },
    /// The node had its time to come to rest for its swap of this number.
    Patience { swap: u64 },
}

/// Tasks that wait for what comes due.
#[derive(Default)]
pub(super) struct Alarms {
    set: JoinSet<Alarm>,
}

impl Alarms {
    /// The next that comes due; none while nothing will.
    pub(super) async fn next(&mut self) -> Option<Alarm> {
        loop {
            // What was called off is no alarm.
            if let Ok(alarm) = self.set.join_next().await? {
                return Some(alarm);
            }
        }
    }

    /// Due once `progress` stays the same for `grace`.
    pub(super) fn after_grace(
        &mut self,
        node: usize,
        instance: u64,
        grace: Duration,
        progress: impl Fn() -> u64 + Send + 'static,
    ) {
        self.set.spawn(async move {
            let mut last = progress();
            loop {
                sleep(grace).await;
                let now = progress();
                if now == std::mem::replace(&mut last, now) {
                    return Alarm { node, what: Due::Grace { instance } };
                }
            }
        });
    }

    pub(super) fn after_backoff(&mut self, node: usize, instance: u64, backoff: Duration) {
        self.set.spawn(async move {
            sleep(backoff).await;
            Alarm { node, what: Due::Backoff { instance } }
        });
    }

    pub(super) fn after_patience(&mut self, node: usize, swap: u64, patience: Duration) {
        self.set.spawn(async move {
            sleep(patience).await;
            Alarm { node, what: Due::Patience { swap } }
        });
    }

    /// Due once the node has been silent for `patience`. It is looked at, and does nothing for it.
    pub(super) fn on_silence(
        &mut self,
        node: usize,
        instance: u64,
        patience: Duration,
        pulse: Pulse,
    ) -> AbortHandle {
        self.set.spawn(async move {
            let (mut beats, mut since) = (pulse.beats(), Instant::now());
            loop {
                sleep(patience / LOOKS).await;
                let now = pulse.beats();
                if now != std::mem::replace(&mut beats, now) || !pulse.is_silent() {
                    since = Instant::now();
                } else if since.elapsed() >= patience {
                    return Alarm { node, what: Due::Silence { instance } };
                }
            }
        })
    }
}
