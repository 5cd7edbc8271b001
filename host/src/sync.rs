//! The locks of everything that is model-checked: those of parking_lot, or loom's with the feature `model`, which a
//! test turns on to run every interleaving. A panic of one holder does not reach the next: what is behind such a lock
//! must be whole at each step.

#[cfg(not(feature = "model"))]
mod locks {
    // Those of the standard library put a thread to sleep once another waits, and what is behind these is held for a
    // few microseconds at most: to be woken takes ten times that.
    pub(crate) use parking_lot::{Mutex, MutexGuard};

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock()
    }
}

#[cfg(feature = "model")]
mod locks {
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

pub(crate) use locks::{Mutex, MutexGuard, lock};
