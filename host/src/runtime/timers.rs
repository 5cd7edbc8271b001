//! The timers of a dataflow.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until};

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

/// Each tick that was missed is counted, so each is made.
async fn tick(inbox: Arc<Inbox>, input: usize, period: Duration) {
    let mut at = Instant::now() + period;
    let mut due = registered(at);
    // Two are registered at any time: tokio wakes the thread that registers one while there is no other.
    at += period;
    let mut next = registered(at);
    loop {
        due.as_mut().await;
        if !inbox.tick(input, ports::now()) {
            return;
        }
        at += period;
        due.as_mut().reset(at);
        std::mem::swap(&mut due, &mut next);
    }
}

fn registered(at: Instant) -> Pin<Box<Sleep>> {
    let mut sleep = Box::pin(sleep_until(at));
    sleep.as_mut().reset(at);
    sleep
}
