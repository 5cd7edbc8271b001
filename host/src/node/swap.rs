//! How a node that runs is given another component.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::NotReady;
use crate::component::{PreparedComponent, Rest, Wish};
use crate::dataflow;

/// A component that is to take the place of another.
pub(crate) struct Swap {
    pub(crate) component: Arc<PreparedComponent>,
    pub(crate) code: Arc<dataflow::Component>,
    /// Whether it begins anew, whatever the one before it has to hand on.
    pub(crate) fresh: bool,
    /// Told what came of it, with the number of the node.
    pub(crate) told: mpsc::UnboundedSender<(usize, Result<(), SwapProblem>)>,
    pub(crate) node: usize,
    /// Where the new instance waits until its readers are told of it.
    pub(crate) open: CancellationToken,
}

/// Why the instance before goes on.
#[derive(Debug)]
pub(crate) enum SwapProblem {
    NotReady(NotReady),
    NotSaved(String),
    StateTooLarge { bytes: u64, limit: u64 },
    NotRestored(String),
}

/// Where an instance finds the component that is to take its place.
#[derive(Clone, Default)]
pub(crate) struct Successor {
    pub(super) rest: Arc<Rest>,
    next: Arc<Mutex<Option<Swap>>>,
}

impl Successor {
    /// Asks the instance to make way when it is at rest.
    pub(crate) fn ask(&self, swap: Swap) {
        let mut next = self.lock();
        self.rest.set(swap.wish());
        *next = Some(swap);
        drop(next);
        self.rest.wake();
    }

    /// Takes back what was asked. False when the instance is about to follow.
    pub(crate) fn withdraw(&self) -> bool {
        let mut next = self.lock();
        let swap = next.take();
        if swap.is_some() {
            self.rest.set(Wish::GoOn);
        }
        drop(next);
        swap.is_some()
    }

    /// Whether the instance has yet to come to rest.
    pub(crate) fn is_waiting(&self) -> bool {
        self.lock().is_some()
    }

    /// The component that is to take the place of an instance that followed a wish. None where it was taken
    /// back, or where another one is there now that wishes more; then the instance is to go on.
    pub(super) fn take(&self, followed: Wish) -> Option<Swap> {
        self.lock().take_if(|swap| swap.wish() == followed)
    }

    /// The instance at rest is not needed any more, or goes on.
    pub(super) fn settle(&self) {
        self.rest.set(Wish::GoOn);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Swap>> {
        // What is in it is replaced in one step.
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Swap {
    fn wish(&self) -> Wish {
        if self.fresh { Wish::Rest } else { Wish::Save }
    }

    /// Says what came of it. A new instance goes on from here when its readers know of it.
    pub(super) async fn told(self, outcome: Result<(), SwapProblem>) {
        let is_new = outcome.is_ok();
        // Nobody listens where all nodes are being ended.
        let _ = self.told.send((self.node, outcome));
        if is_new {
            self.open.cancelled().await;
        }
    }
}
