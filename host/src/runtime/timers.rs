//! The timers of a dataflow.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::dataflow::{Dataflow, Feed};
use crate::inbox::Inbox;
use crate::ports;
use crate::router::Router;

/// A task for each input that is fed by a timer. They tick until the set is dropped.
pub(super) fn start(dataflow: &Dataflow, router: &Router) -> JoinSet<()> {
    let mut timers = JoinSet::new();
    for (position, node) in dataflow.nodes().iter().enumerate() {
        for (index, input) in node.inputs.iter().enumerate() {
            if let Feed::Timer(period) = input.feed {
                timers.spawn(tick(Arc::clone(router.inbox(position)), index, period));
            }
        }
    }
    timers
}

async fn tick(inbox: Arc<Inbox>, input: usize, period: Duration) {
    let mut due = interval_at(Instant::now() + period, period);
    // Each tick that was missed is counted, so each must be made.
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        due.tick().await;
        if !inbox.tick(input, ports::now()) {
            return;
        }
    }
}
