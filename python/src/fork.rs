//! What belongs to one process is refused in those that are forked from it: both would read from one
//! socket, and the threads of the runtime are in the first alone.

use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

static FORKS: AtomicU32 = AtomicU32::new(0);

/// Called in a process that was forked, which the package registers with `os.register_at_fork`.
#[pyfunction]
pub(crate) fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    crate::bridge::forget_tasks();
}

/// The process in which something was made.
#[derive(Clone, Copy)]
pub(crate) struct Origin(u32);

impl Origin {
    /// This process.
    pub(crate) fn here() -> Self {
        Self(FORKS.load(Ordering::Relaxed))
    }

    /// Raises `RuntimeError` in a process that was forked since.
    pub(crate) fn check(self) -> PyResult<()> {
        if FORKS.load(Ordering::Relaxed) == self.0 {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(
            "a node and its dataflow belong to the process before the fork; use the `spawn` method of \
             multiprocessing, or `subprocess`",
        ))
    }
}
