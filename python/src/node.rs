//! A node's ports in Python: everything returns at once; who must wait is woken by a [`Readiness`].

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList};
use thalweg::{InputId, Outgoing, Parameters, Ports, SendError, TrySendError};
use tokio::sync::oneshot;

use crate::event::{parameter_dict, to_python};
use crate::fork::Origin;
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
    parameters: Parameters,
    origin: Origin,
}

/// What the node and the dataflow share: whoever ends first takes the ports away.
pub(crate) struct Shared {
    ports: Mutex<Option<Ports>>,
    done: Mutex<Option<oneshot::Sender<Result<(), String>>>>,
    waker: OnceLock<Waker>,
}

impl NodePorts {
    /// The ports, and what resolves when the node has ended.
    pub(crate) fn new(ports: Ports, parameters: Parameters) -> (Self, NodeEnd) {
        let (done, ended) = oneshot::channel();
        let shared = Arc::new(Shared {
            ports: Mutex::new(Some(ports)),
            done: Mutex::new(Some(done)),
            waker: OnceLock::new(),
        });
        let node = Self { shared: Arc::clone(&shared), parameters, origin: Origin::here() };
        (node, NodeEnd { shared, ended })
    }

    fn with_ports<R>(&self, use_ports: impl FnOnce(&mut Ports) -> PyResult<R>) -> PyResult<R> {
        self.origin.check()?;
        match self.shared.lock().as_mut() {
            Some(ports) => use_ports(ports),
            None => Err(NodeClosed::new_err("the node has ended")),
        }
    }

    /// [`Ports::poll_recv`], for who waits by the waker of a future.
    #[cfg(feature = "bench")]
    pub(crate) fn poll_next(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<PyResult<Option<thalweg::Event>>> {
        match self.with_ports(|ports| Ok(ports.poll_recv(context))) {
            Ok(polled) => polled.map(Ok),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// The next event, of these inputs or of all; `None` once there will be none, `False` when there is none
    /// now.
    pub(crate) fn take<'py>(
        &self,
        py: Python<'py>,
        inputs: Option<&[usize]>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let waker = self.waker()?;
        let taken = self.with_ports(|ports| {
            let mut context = Context::from_waker(waker);
            Ok(match inputs {
                // Where there is an event, that there might be none costs nothing.
                None => match ports.try_recv() {
                    Ok(event) => Poll::Ready(Some(event)),
                    Err(_) => ports.poll_recv(&mut context),
                },
                Some(inputs) => ports.poll_recv_of(&mut context, inputs),
            })
        })?;
        match taken {
            Poll::Ready(Some(event)) => to_python(py, event),
            Poll::Ready(None) => Ok(py.None().into_bound(py)),
            Poll::Pending => Ok(nothing_now(py)),
        }
    }

    /// Gives the message back where there is no room: the node is woken once there is.
    fn sent(&self, output: &str, message: Outgoing) -> PyResult<Option<Outgoing>> {
        let waker = self.waker()?;
        self.with_ports(|ports| {
            // Where there is room, that there might be none costs nothing.
            let message = match ports.try_send(output, message) {
                Ok(()) => return Ok(None),
                Err(TrySendError::Refused(error)) => return Err(send_error(error)),
                Err(TrySendError::Full(message)) => message,
            };
            let mut context = Context::from_waker(waker);
            match ports.poll_send(&mut context, output, message.clone()) {
                Poll::Ready(sent) => sent.map(|()| None).map_err(send_error),
                Poll::Pending => Ok(Some(message)),
            }
        })
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
    /// What the descriptor gives the node.
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        parameter_dict(py, &self.parameters)
    }

    /// From now on the node is woken by `readiness`, with this token.
    fn attach(&self, readiness: &Readiness, token: u64) -> PyResult<()> {
        let attached = self.shared.waker.set(readiness.waker(token));
        attached.map_err(|_| PyRuntimeError::new_err("the node belongs to another event loop"))
    }

    /// The next event; `None` once the stream has ended; `False` when there is none now: then the node is
    /// woken by the next one.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.take(py, None)
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
    #[expect(clippy::needless_pass_by_value, reason = "how arguments come from Python")]
    fn inputs(&self, names: Vec<String>) -> PyResult<Vec<usize>> {
        self.with_ports(|ports| positions(ports.inputs(), &names))
    }

    /// Sends a message. `None` when it was sent; otherwise an input that blocks is full, the node is woken
    /// once there is room, and what is given is for `send_again`.
    #[pyo3(signature = (output, value, metadata=None))]
    fn send(
        &self,
        output: &str,
        value: &Bound<'_, PyAny>,
        metadata: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Option<Unsent>> {
        let message = outgoing(value, metadata)?;
        Ok(self.sent(output, message)?.map(Unsent::new))
    }

    /// Sends what `send` gave back. False as long as there is no room.
    fn send_again(&self, output: &str, unsent: &Unsent) -> PyResult<bool> {
        Ok(self.sent(output, unsent.message())?.is_none())
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

/// A message for which there was no room. What it was made of may change meanwhile; it does not.
#[pyclass(frozen)]
pub(crate) struct Unsent {
    message: Outgoing,
}

impl Unsent {
    pub(crate) fn new(message: Outgoing) -> Self {
        Self { message }
    }

    pub(crate) fn message(&self) -> Outgoing {
        self.message.clone()
    }
}

/// The positions of the inputs with these names.
pub(crate) fn positions(inputs: &[InputId], names: &[String]) -> PyResult<Vec<usize>> {
    let position = |name: &String| {
        let known = inputs.iter().position(|input| input.as_str() == name);
        known.ok_or_else(|| {
            let inputs: Vec<_> = inputs.iter().map(|input| format!("`{input}`")).collect();
            let inputs = inputs.join(", ");
            PyValueError::new_err(format!(
                "the node has no input `{name}`; it has {}",
                if inputs.is_empty() { "none" } else { &inputs }
            ))
        })
    };
    names.iter().map(position).collect()
}

/// What stands for "nothing now": neither an event nor the end.
pub(crate) fn nothing_now(py: Python<'_>) -> Bound<'_, PyAny> {
    PyBool::new(py, false).to_owned().into_any()
}

pub(crate) fn send_error(error: SendError) -> PyErr {
    let text = error.to_string();
    match error {
        SendError::Closed { .. } => OutputClosed::new_err(text),
        SendError::UnknownOutput { .. } | SendError::TooLarge { .. } => PyValueError::new_err(text),
    }
}
