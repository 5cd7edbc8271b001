//! A node in a process of its own: its ports, over the link to the host. Everything returns at once; who
//! must wait watches the descriptor.

mod writer;

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::create_exception;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, getpid, kill_process};
use thalweg::link::{AttachError as LinkAttachError, LinkError, NodeLink, Taken};

use self::writer::Linked;
use crate::event::{parameter_dict, to_python};
use crate::fork::Origin;
use crate::node::{NodeClosed, ThalwegError, Unsent, nothing_now, positions, send_error};
use crate::value::outgoing;

create_exception!(
    thalweg,
    AttachError,
    ThalwegError,
    "The process cannot be that node: no dataflow answers, or it has no such node for it."
);

/// How long a process may go on after its host has died: first it is asked to end, then it is ended.
const AFTER_HOST: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// One node's side of the dataflow that it is linked to.
#[pyclass(frozen)]
pub(crate) struct LinkPorts {
    linked: Arc<Linked>,
    /// How often something has come.
    came: AtomicU64,
    /// Wakes those who wait, where some may.
    wake: Mutex<Option<Py<PyAny>>>,
    origin: Origin,
}

impl LinkPorts {
    fn new(link: NodeLink) -> Self {
        let (linked, origin) = (Arc::new(Linked::new(link)), Origin::here());
        Self { linked, came: AtomicU64::new(0), wake: Mutex::default(), origin }
    }

    fn with_link<R>(
        &self,
        use_link: impl FnOnce(&mut NodeLink) -> Result<R, LinkError>,
    ) -> PyResult<R> {
        // Before the lock: a thread of the process before the fork may have it for ever.
        self.origin.check()?;
        let mut state = self.linked.lock();
        let Some(link) = &mut state.link else {
            return Err(NodeClosed::new_err("the node has ended"));
        };
        let used = use_link(link);
        self.linked.write_later(state);
        used.map_err(|error| NodeClosed::new_err(error.to_string()))
    }

    /// Like [`Self::with_link`], where others may wait for what has come with it.
    fn use_link<R>(
        &self,
        py: Python<'_>,
        use_link: impl FnOnce(&mut NodeLink) -> Result<R, LinkError>,
    ) -> PyResult<R> {
        let mut news = false;
        let used = self.with_link(|link| {
            let used = use_link(link);
            news = link.take_news();
            used
        });
        if news {
            self.came.fetch_add(1, Ordering::AcqRel);
            self.wake(py)?;
        }
        used
    }

    /// The link, to end it; none where that was done, or where it belongs to the process before the fork.
    fn take_link(&self) -> Option<NodeLink> {
        self.origin.check().ok().and_then(|()| self.linked.take())
    }

    fn wake(&self, py: Python<'_>) -> PyResult<()> {
        let wake = {
            let wake = self.wake.lock().unwrap_or_else(PoisonError::into_inner);
            wake.as_ref().map(|wake| wake.clone_ref(py))
        };
        wake.map_or(Ok(()), |wake| wake.call0(py).map(drop))
    }

    /// See `NodePorts::take`.
    pub(crate) fn take<'py>(
        &self,
        py: Python<'py>,
        inputs: Option<&[usize]>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self.use_link(py, |link| link.take(inputs))? {
            Taken::Event(event) => to_python(py, event),
            Taken::Ended => Ok(py.None().into_bound(py)),
            Taken::Nothing => Ok(nothing_now(py)),
        }
    }
}

impl Drop for LinkPorts {
    fn drop(&mut self) {
        if let Some(mut link) = self.take_link() {
            // A host that is gone takes nothing.
            let _ = link.flush();
        }
    }
}

#[pymethods]
impl LinkPorts {
    /// The link of a process that the host started, by the descriptor that it inherited. The process ends
    /// with its host. Blocks until the host has greeted.
    #[staticmethod]
    fn inherited(py: Python<'_>, descriptor: RawFd) -> PyResult<Self> {
        #[expect(unsafe_code, reason = "a descriptor is inherited as a number")]
        // SAFETY: the host passed it to this process for this link, and it is used here alone.
        let socket = unsafe { OwnedFd::from_raw_fd(descriptor) };
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)
            .map_err(|error| PyOSError::new_err(error.raw_os_error()))?;
        let watched = socket.try_clone()?;
        let link = py.detach(|| NodeLink::over(socket, None)).map_err(attach_error)?;
        std::thread::Builder::new()
            .name("thalweg host".into())
            .spawn(move || end_after(&watched))?;
        Ok(Self::new(link))
    }

    /// The link to the dataflow that listens at `path`, as its node `node`. Blocks until it has greeted.
    #[staticmethod]
    fn attach(py: Python<'_>, path: PathBuf, node: &str) -> PyResult<Self> {
        let link = py.detach(|| NodeLink::attach(&path, node)).map_err(attach_error)?;
        Ok(Self::new(link))
    }

    /// The name of the node.
    fn id(&self) -> PyResult<String> {
        self.with_link(|link| Ok(link.id().to_owned()))
    }

    /// What the descriptor gives it.
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let parameters = self.with_link(|link| Ok(link.parameters().clone()))?;
        parameter_dict(py, &parameters)
    }

    /// Tells the host that the node is ready.
    fn ready(&self) -> PyResult<()> {
        self.with_link(NodeLink::ready)
    }

    /// Whether events may flow.
    fn is_open(&self) -> PyResult<bool> {
        self.with_link(|link| Ok(link.is_open()))
    }

    /// What to watch.
    fn fileno(&self) -> PyResult<RawFd> {
        self.with_link(|link| Ok(link.socket().as_raw_fd()))
    }

    /// Whether the descriptor is to be watched for room to write, too.
    fn wants_to_write(&self) -> bool {
        self.with_link(|link| Ok(link.wants_to_write())).unwrap_or(false)
    }

    /// Reads what has come and writes what waits. To be called when the descriptor is ready. Whether
    /// something still waits to be written.
    fn pump(&self, py: Python<'_>) -> PyResult<bool> {
        self.use_link(py, |link| link.pump().map(|()| link.wants_to_write()))
    }

    /// Writes what a burst of messages has left. Does nothing once the node has ended.
    fn flush(&self) {
        // Whoever uses the node next finds out that the host is gone.
        let _ = self.with_link(NodeLink::flush);
    }

    /// How often something has come: whoever has looked since a number was given need not wait while it is
    /// the same.
    fn came(&self) -> u64 {
        self.came.load(Ordering::Acquire)
    }

    /// `wake` is called when something has come, by whatever call; none where nobody waits.
    fn wake_by(&self, wake: Option<Py<PyAny>>) {
        let mut known = self.wake.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *known, wake);
        drop(known); // What the one before drops may come back here.
        drop(before);
    }

    /// Nobody waits for an event any more.
    fn withdraw(&self) -> PyResult<()> {
        self.with_link(NodeLink::withdraw)
    }

    /// See `NodePorts.next`.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.take(py, None)
    }

    /// See `NodePorts.next_batch`.
    fn next_batch<'py>(&self, py: Python<'py>, max: usize) -> PyResult<Bound<'py, PyAny>> {
        let (batch, ended) = self.use_link(py, |link| {
            let mut batch = Vec::new();
            while batch.len() < max.min(thalweg::MAX_BATCH) {
                match link.take(None) {
                    Ok(Taken::Event(event)) => batch.push(event),
                    Ok(Taken::Nothing) => return Ok((batch, false)),
                    Ok(Taken::Ended) => return Ok((batch, true)),
                    // Told by the next call: what came before is given first.
                    Err(_) if !batch.is_empty() => return Ok((batch, false)),
                    Err(error) => return Err(error),
                }
            }
            Ok((batch, false))
        })?;
        match (batch.is_empty(), ended) {
            (true, true) => Ok(py.None().into_bound(py)),
            (true, false) => Ok(nothing_now(py)),
            (false, _) => {
                let events = batch.into_iter().map(|event| to_python(py, event));
                Ok(PyList::new(py, events.collect::<PyResult<Vec<_>>>()?)?.into_any())
            }
        }
    }

    /// See `NodePorts.inputs`.
    #[expect(clippy::needless_pass_by_value, reason = "how arguments come from Python")]
    fn inputs(&self, names: Vec<String>) -> PyResult<Vec<usize>> {
        let inputs = self.with_link(|link| Ok(link.inputs().to_vec()))?;
        positions(&inputs, &names)
    }

    /// See `NodePorts.send`.
    #[pyo3(signature = (output, value, metadata=None))]
    fn send(
        &self,
        output: &str,
        value: &Bound<'_, PyAny>,
        metadata: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Option<Unsent>> {
        let message = outgoing(value, metadata)?;
        let back = self.use_link(value.py(), |link| link.try_send(output, message))?;
        Ok(back.map_err(send_error)?.map(Unsent::new))
    }

    /// See `NodePorts.send_again`.
    fn send_again(&self, py: Python<'_>, output: &str, unsent: &Unsent) -> PyResult<bool> {
        let back = self.use_link(py, |link| link.try_send(output, unsent.message()))?;
        Ok(back.map_err(send_error)?.is_none())
    }

    /// Ends the node: well, or as failed with this text. Blocks until the host has what was sent. The
    /// second call does nothing.
    #[pyo3(signature = (failure=None))]
    fn end(&self, py: Python<'_>, failure: Option<&str>) {
        if let Some(mut link) = self.take_link() {
            py.detach(|| link.end(failure));
        }
    }

    /// The same, but leaves it to the end of the process to say how the node ended.
    fn leave(&self, py: Python<'_>) {
        if let Some(mut link) = self.take_link() {
            py.detach(|| link.leave());
        }
    }
}

fn attach_error(error: LinkAttachError) -> PyErr {
    AttachError::new_err(error.to_string())
}

/// Waits until the host is gone, and ends this process then: nobody else would.
fn end_after(host: &OwnedFd) {
    let gone = || {
        let mut host = [PollFd::new(host, PollFlags::RDHUP)];
        poll(&mut host, None).is_ok_and(|ready| ready > 0)
    };
    while !gone() {}
    for (signal, after) in [Signal::TERM, Signal::KILL].into_iter().zip(AFTER_HOST) {
        std::thread::sleep(after);
        let _ = kill_process(getpid(), signal);
    }
}
