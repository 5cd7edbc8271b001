//! What wakes an event loop: one file descriptor for all nodes of the loop.

use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;

/// The nodes of one event loop that have something to do.
///
/// Its descriptor becomes readable when the first of them is woken and stays so until [`Self::drain`].
#[pyclass(frozen)]
pub(crate) struct Readiness {
    shared: Arc<Shared>,
}

struct Shared {
    fd: OwnedFd,
    woken: Mutex<Vec<u64>>,
}

/// Wakes one node of the loop, from any thread and without the interpreter.
struct NodeWaker {
    shared: Arc<Shared>,
    token: u64,
}

impl Wake for NodeWaker {
    fn wake(self: Arc<Self>) {
        let mut woken = self.shared.woken.lock().unwrap_or_else(PoisonError::into_inner);
        woken.push(self.token);
        let is_first = woken.len() == 1;
        drop(woken);
        if is_first {
            // A counter that is full is readable, which is all that matters.
            let _ = rustix::io::write(&self.shared.fd, &1_u64.to_ne_bytes());
        }
    }
}

impl Readiness {
    /// A waker that puts `token` into the next [`Self::drain`].
    pub(crate) fn waker(&self, token: u64) -> Waker {
        Waker::from(Arc::new(NodeWaker { shared: Arc::clone(&self.shared), token }))
    }
}

#[pymethods]
impl Readiness {
    #[new]
    fn new() -> PyResult<Self> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let fd = fd.map_err(|error| PyOSError::new_err(error.raw_os_error()))?;
        Ok(Self { shared: Arc::new(Shared { fd, woken: Mutex::default() }) })
    }

    /// For `loop.add_reader`.
    fn fileno(&self) -> i32 {
        self.shared.fd.as_raw_fd()
    }

    /// The tokens of the nodes that were woken since the last call. The descriptor is not readable
    /// afterwards, until another is woken.
    fn drain(&self) -> Vec<u64> {
        // The descriptor first: what is woken in between is in the list, and at worst wakes once more.
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.shared.fd, &mut count);
        std::mem::take(&mut *self.shared.woken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
