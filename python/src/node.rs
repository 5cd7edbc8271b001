//! A node's ports in Python: everything returns at once; who must wait is woken by a [`Readiness`].

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList};
use thalweg::{Ports, SendError};
use tokio::sync::oneshot;

use crate::event::to_python;
use crate::readiness::Readiness;
use crate::value::outgoing;

create_exception!(
    thalweg,
    ThalwegError,
    PyException,
    "What Thalweg raises; the base of the others."
);
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
}

/// What the node and the dataflow share: whoever ends first takes the ports away.
pub(crate) struct Shared {
    ports: Mutex<Option<Ports>>,
    done: Mutex<Option<oneshot::Sender<Result<(), String>>>>,
    waker: OnceLock<Waker>,
}

impl NodePorts {
    /// The ports, and what resolves when the node has ended.
    pub(crate) fn new(ports: Ports) -> (Self, NodeEnd) {
        let (done, ended) = oneshot::channel();
        let shared = Arc::new(Shared {
            ports: Mutex::new(Some(ports)),
            done: Mutex::new(Some(done)),
            waker: OnceLock::new(),
        });
        let node = Self { shared: Arc::clone(&shared) };
        (node, NodeEnd { shared, ended })
    }

    fn with_ports<R>(&self, use_ports: impl FnOnce(&mut Ports) -> PyResult<R>) -> PyResult<R> {
        match self.shared.lock().as_mut() {
            Some(ports) => use_ports(ports),
            None => Err(NodeClosed::new_err("the node has ended")),
        }
    }

    fn waker(&self) -> PyResult<&Waker> {
        let waker = self.shared.waker.get();
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
        // Whoever waits for an event is told that there will be none.
        if let Some(waker) = self.shared.waker.get() {
            waker.wake_by_ref();
        }
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
        let attached = self.shared.waker.set(readiness.waker(token));
        attached.map_err(|_| PyRuntimeError::new_err("the node belongs to another event loop"))
    }

    /// The next event; `None` once the stream has ended; `False` when there is none now: then the node is
    /// woken by the next one.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut context = Context::from_waker(self.waker()?);
        match self.with_ports(|ports| Ok(ports.poll_recv(&mut context)))? {
            Poll::Ready(Some(event)) => to_python(py, event),
            Poll::Ready(None) => Ok(py.None().into_bound(py)),
            Poll::Pending => Ok(nothing_now(py)),
        }
    }

    /// Like `next`, but of these inputs alone; `None` once all of them have closed. `inputs` are what
    /// `inputs()` gave for their names.
    fn next_of<'py>(&self, py: Python<'py>, inputs: Vec<usize>) -> PyResult<Bound<'py, PyAny>> {
        let mut context = Context::from_waker(self.waker()?);
        match self.with_ports(|ports| Ok(ports.poll_recv_of(&mut context, &inputs)))? {
            Poll::Ready(Some(event)) => to_python(py, event),
            Poll::Ready(None) => Ok(py.None().into_bound(py)),
            Poll::Pending => Ok(nothing_now(py)),
        }
    }

    /// The next events as a list, at most `max`; `None` once the stream has ended; `False` when there is
    /// none now.
    fn next_batch<'py>(&self, py: Python<'py>, max: usize) -> PyResult<Bound<'py, PyAny>> {
        let mut context = Context::from_waker(self.waker()?);
        let mut batch = Vec::new();
        let taken =
            self.with_ports(|ports| Ok(ports.poll_recv_batch(&mut context, &mut batch, max)))?;
        match taken {
            Poll::Ready(0) => Ok(py.None().into_bound(py)),
            Poll::Ready(_) => {
                let events = batch.into_iter().map(|event| to_python(py, event));
                Ok(PyList::new(py, events.collect::<PyResult<Vec<_>>>()?)?.into_any())
            }
            Poll::Pending => Ok(nothing_now(py)),
        }
    }

    /// The positions of these inputs, for `next_of`.
    fn inputs(&self, names: Vec<String>) -> PyResult<Vec<usize>> {
        self.with_ports(|ports| {
            let position = |name: &String| {
                let known = ports.inputs().iter().position(|input| input.as_str() == name);
                known.ok_or_else(|| {
                    let inputs: Vec<_> =
                        ports.inputs().iter().map(|input| format!("`{input}`")).collect();
                    let inputs = inputs.join(", ");
                    PyValueError::new_err(format!(
                        "the node has no input `{name}`; it has {}",
                        if inputs.is_empty() { "none" } else { &inputs }
                    ))
                })
            };
            names.iter().map(position).collect()
        })
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
        let message = outgoing(value, metadata)?;
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

/// What stands for "nothing now": neither an event nor the end.
pub(crate) fn nothing_now(py: Python<'_>) -> Bound<'_, PyAny> {
    PyBool::new(py, false).to_owned().into_any()
}

fn send_error(error: SendError) -> PyErr {
    let text = error.to_string();
    match error {
        SendError::Closed { .. } => OutputClosed::new_err(text),
        SendError::UnknownOutput { .. } | SendError::TooLarge { .. } => PyValueError::new_err(text),
    }
}
