//! Where an instance lays down its ports when it is at rest, so that another can take them up.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

use crate::ports::Ports;

/// Asks an instance to come to rest, and holds its ports while it is.
///
/// Both instances are of one task, which looks here after each turn of the one that runs.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    /// A [`Wish`].
    wish: AtomicU8,
    waiting: AtomicWaker,
    laid: Mutex<Option<Laid>>,
    back: Mutex<Option<Ports>>,
}

/// What is wished of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Wish {
    GoOn,
    /// That it comes to rest.
    Rest,
    /// The same, and that it saves its state before.
    Save,
}

/// What an instance at rest has laid down.
#[derive(Debug)]
pub(crate) struct Laid {
    pub(crate) ports: Ports,
    /// What it saved, or why it did not; none where it has no state, or was not asked to save it.
    pub(crate) saved: Option<Result<Vec<u8>, String>>,
    /// What it followed.
    pub(crate) wish: Wish,
}

impl Rest {
    /// To be followed by [`Self::wake`].
    pub(crate) fn set(&self, wish: Wish) {
        self.wish.store(wish as u8, Ordering::Release);
    }

    /// Wakes an instance that waits for events.
    pub(crate) fn wake(&self) {
        self.waiting.wake();
    }

    pub(super) fn wish(&self) -> Wish {
        const REST: u8 = Wish::Rest as u8;
        const SAVE: u8 = Wish::Save as u8;
        match self.wish.load(Ordering::Acquire) {
            REST => Wish::Rest,
            SAVE => Wish::Save,
            _ => Wish::GoOn,
        }
    }

    pub(super) fn is_wished(&self) -> bool {
        self.wish() != Wish::GoOn
    }

    /// Ready once the instance is to rest.
    pub(super) fn poll_wish(&self, context: &mut Context<'_>) -> Poll<()> {
        self.waiting.register(context.waker());
        if self.is_wished() { Poll::Ready(()) } else { Poll::Pending }
    }

    pub(super) fn lay_down(&self, laid: Laid) {
        *lock(&self.laid) = Some(laid);
    }

    /// What was laid down.
    pub(super) fn take(&self) -> Option<Laid> {
        lock(&self.laid).take()
    }

    /// Gives the ports back to the instance that laid them down.
    pub(super) fn put_back(&self, ports: Ports) {
        *lock(&self.back) = Some(ports);
    }

    /// Nothing is woken for it: whoever puts the ports back polls the instance after that.
    pub(super) fn poll_back(&self) -> Poll<Ports> {
        lock(&self.back).take().map_or(Poll::Pending, Poll::Ready)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is in it is replaced in one step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
