//! A node's ports in Python: everything returns at once; who must wait is woken by a [`Readiness`].

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use thalweg::{Outgoing, Ports, SendError};
use tokio::sync::oneshot;

use crate::event::{parameters, to_python};
use crate::readiness::Readiness;
use crate::value::bytes_of;

create_exception!(thalweg, ThalwegError, PyException, "What Thalweg raises; the base of the others.");
create_exception!(thalweg, DataflowError, ThalwegError, "The descriptor is wrong.");
create_exception!(thalweg, StartError, ThalwegError, "A dataflow could not start; nothing runs.");
create_exception!(thalweg, NodeClosed, ThalwegError, "The node has ended.");
create_exception!(
    thalweg,
    OutputClosed,
    ThalwegError,
    "Every node that read the output has ended. It will not open again."
);

/// One node's side of a dataflow that runs in this process.
#[pyclass(frozen)]
pub(crate) struct NodePorts {
    shared: Arc<Shared>,
    waker: OnceLock<Waker>,
}

/// What the node and the dataflow share: whoever ends first takes the ports away.
pub(crate) struct Shared {
    ports: Mutex<Option<Ports>>,
    done: Mutex<Option<oneshot::Sender<Result<(), String>>>>,
}

impl NodePorts {
    /// The ports, and what resolves when the node has ended.
    pub(crate) fn new(ports: Ports) -> (Self, NodeEnd) {
        let (done, ended) = oneshot::channel();
        let shared =
            Arc::new(Shared { ports: Mutex::new(Some(ports)), done: Mutex::new(Some(done)) });
        let node = Self { shared: Arc::clone(&shared), waker: OnceLock::new() };
        (node, NodeEnd { shared, ended })
    }

    fn with_ports<R>(&self, use_ports: impl FnOnce(&mut Ports) -> PyResult<R>) -> PyResult<R> {
        match self.shared.lock().as_mut() {
            Some(ports) => use_ports(ports),
            None => Err(NodeClosed::new_err("the node has ended")),
        }
    }

    fn waker(&self) -> PyResult<&Waker> {
        let waker = self.waker.get();
        waker.ok_or_else(|| PyRuntimeError::new_err("the node is not attached to an event loop"))
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Ports>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a node as the dataflow waits for it. Dropping it ends the node: its next call says so.
pub(crate) struct NodeEnd {
    shared: Arc<Shared>,
    ended: oneshot::Receiver<Result<(), String>>,
}

impl NodeEnd {
    pub(crate) async fn wait(mut self) -> Result<(), String> {
        let ended = (&mut self.ended).await;
        ended.unwrap_or_else(|_| Err("the node was dropped before it ended".into()))
    }
}

impl Drop for NodeEnd {
    fn drop(&mut self) {
        drop(self.shared.lock().take());
    }
}

impl Drop for NodePorts {
    fn drop(&mut self) {
        drop(self.shared.lock().take());
    }
}

#[pymethods]
impl NodePorts {
    /// From now on the node is woken by `readiness`, with this token.
    fn attach(&self, readiness: &Readiness, token: u64) -> PyResult<()> {
        let attached = self.waker.set(readiness.waker(token));
        attached.map_err(|_| PyRuntimeError::new_err("the node belongs to another event loop"))
    }

    /// The next event; `None` once the stream has ended; `False` when there is none now: then the node is
    /// woken by the next one.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut context = Context::from_waker(self.waker()?);
        match self.with_ports(|ports| Ok(ports.poll_recv(&mut context)))? {
            Poll::Ready(Some(event)) => to_python(py, event),
            Poll::Ready(None) => Ok(py.None().into_bound(py)),
            Poll::Pending => Ok(pyo3::types::PyBool::new(py, false).to_owned().into_any()),
        }
    }

    /// Sends a message. `False` when an input that blocks is full: then the node is woken once there is
    /// room.
    #[pyo3(signature = (output, value, metadata=None))]
    fn send(
        &self,
        output: &str,
        value: &Bound<'_, PyAny>,
        metadata: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<bool> {
        let message = Outgoing {
            payload: bytes_of(value)?,
            parameters: parameters(metadata)?,
            ..Outgoing::default()
        };
        let mut context = Context::from_waker(self.waker()?);
        self.with_ports(|ports| match ports.poll_send(&mut context, output, message) {
            Poll::Ready(sent) => sent.map(|()| true).map_err(send_error),
            Poll::Pending => Ok(false),
        })
    }

    /// Ends the node: well, or as failed with this text. The second call does nothing.
    #[pyo3(signature = (failure=None))]
    fn end(&self, failure: Option<String>) {
        drop(self.shared.lock().take());
        let done = self.shared.done.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(done) = done {
            // The dataflow may have ended the node before.
            let _ = done.send(failure.map_or(Ok(()), Err));
        }
    }
}

fn send_error(error: SendError) -> PyErr {
    let text = error.to_string();
    match error {
        SendError::Closed { .. } => OutputClosed::new_err(text),
        SendError::UnknownOutput { .. } | SendError::TooLarge { .. } => {
            PyValueError::new_err(text)
        }
    }
}
