//! Makes the threads of tokio share what there is to do.

use std::future::poll_fn;
use std::sync::OnceLock;
use std::task::{Poll, Waker};

/// A task that does nothing, and is woken behind another.
///
/// A task that a worker of tokio wakes waits in a slot of that worker, where no other worker finds it, until
/// the task that runs there makes a pause: best where that is soon, for what it looks at is still in the caches
/// of the core. A task that has much to do makes none for long. Waking another behind it moves the first to the
/// queue of the worker, which idle workers are told of and take from.
#[derive(Debug, Default)]
pub(crate) struct Nudge {
    idle: OnceLock<Waker>,
}

impl Nudge {
    /// The task; never ends. While nobody runs it, [`Self::give`] does nothing.
    pub(crate) async fn idle(&self) {
        poll_fn(|context| {
            // It is one task, whose waker stays the same.
            let _ = self.idle.set(context.waker().clone());
            Poll::<()>::Pending
        })
        .await;
    }

    /// Lets an idle worker have what this one woke last. Does nothing on a thread that is no worker: what is
    /// woken there is in nobody's slot.
    pub(crate) fn give(&self) {
        if let Some(idle) = self.idle.get()
            && tokio::task::try_id().is_some()
        {
            idle.wake_by_ref();
        }
    }
}
