//! The locks of everything that is model-checked: those of the standard library, or loom's with the
//! feature `model`, which a test turns on to run every interleaving.

#[cfg(not(feature = "model"))]
pub(crate) use std::sync::{Mutex, MutexGuard};

#[cfg(feature = "model")]
pub(crate) use loom::sync::{Mutex, MutexGuard};
