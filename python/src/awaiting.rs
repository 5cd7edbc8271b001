//! Awaiting the next event without a Python frame: where one is ready, the price is that of taking it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use pyo3::exceptions::PyStopAsyncIteration;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyIterator, PyTuple};

use crate::link::LinkPorts;
use crate::node::NodePorts;

/// Events that are taken before the other tasks of the loop have a turn.
const TURN: u32 = 256;

/// Events of a node, for `async for`. Several may run over one node; each event goes to one of them.
///
/// Cancelling `anext` loses no event and does not end the iteration.
// It is also the coroutine of each wait, for a wait has no state: it takes an event if there is one, and
// otherwise waits for a future and begins anew. Any number of them may be under way.
#[pyclass(frozen, module = "thalweg")]
pub(crate) struct Events {
    ports: Ports,
    /// Positions of the inputs that count; all where there are none.
    inputs: Option<Vec<usize>>,
    /// Gives a future that is done when it is worth another look.
    waiting: Py<PyAny>,
    /// Is told that a wait was given up.
    given_up: Py<PyAny>,
    until_turn: AtomicU32,
    ended: AtomicBool,
}

#[derive(FromPyObject)]
enum Ports {
    Embedded(Py<NodePorts>),
    Linked(Py<LinkPorts>),
}

impl Events {
    /// False when the other tasks of the loop must have a turn first.
    fn may_take(&self) -> bool {
        let left = self.until_turn.load(Ordering::Relaxed);
        self.until_turn.store(left.checked_sub(1).unwrap_or(TURN), Ordering::Relaxed);
        left > 0
    }

    /// The next event; `None` once there will be none; `False` when there is none now.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.ended.load(Ordering::Relaxed) {
            return Ok(py.None().into_bound(py));
        }
        let inputs = self.inputs.as_deref();
        match &self.ports {
            Ports::Embedded(ports) => ports.get().take(py, inputs),
            Ports::Linked(ports) => ports.get().take(py, inputs),
        }
    }
}

#[pymethods]
impl Events {
    #[new]
    fn new(
        ports: Ports,
        inputs: Option<Vec<usize>>,
        waiting: Py<PyAny>,
        given_up: Py<PyAny>,
    ) -> Self {
        let (until_turn, ended) = (AtomicU32::new(TURN), AtomicBool::new(false));
        Self { ports, inputs, waiting, given_up, until_turn, ended }
    }

    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __anext__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// One step of a wait: gives what the task waits for, or raises the event as its result.
    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if !self.may_take() {
            return Ok(Some(py.None().into_bound(py))); // Asyncio's way to give the others a turn.
        }
        let taken = self.take(py)?;
        if taken.is_exact_instance_of::<PyBool>() {
            self.until_turn.store(TURN, Ordering::Relaxed);
            return self.waiting.bind(py).call0().map(Some);
        }
        if taken.is_none() {
            return Err(PyStopAsyncIteration::new_err(()));
        }
        #[expect(
            unsafe_code,
            reason = "an exception as a value of Rust costs as much as the event"
        )]
        // SAFETY: both are objects that live, and the interpreter is held. `None` says to the slot that the
        // step has no result, which it hands on with the exception that is set here.
        unsafe {
            ffi::PyErr_SetObject(ffi::PyExc_StopIteration, taken.as_ptr());
        }
        Ok(None)
    }

    /// For tasks, which see a coroutine.
    #[pyo3(signature = (_value, /))]
    fn send<'py>(
        &self,
        py: Python<'py>,
        _value: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        // `None` is an exception that is set.
        self.__next__(py)?.ok_or_else(|| PyErr::fetch(py))
    }

    /// Gives a wait up: nothing was taken for it.
    #[pyo3(signature = (*error))]
    fn throw(&self, py: Python<'_>, error: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.given_up.bind(py).call0()?;
        let error = match error.get_item(1) {
            Ok(value) if !value.is_none() => value,
            _ => error.get_item(0)?,
        };
        // A class is raised as an exception without arguments, as generators do.
        Err(PyErr::from_value(if error.is_callable() { error.call0()? } else { error }))
    }

    /// For tasks, which close a coroutine that they do not run to its end: there is nothing to do.
    #[expect(clippy::unused_self, reason = "a method of coroutines")]
    fn close(&self) {}

    /// Ends the iteration; the events that are left stay with the node.
    fn aclose(&self) -> Done {
        self.ended.store(true, Ordering::Relaxed);
        Done
    }
}

/// What is awaited and done already.
#[pyclass(frozen)]
pub(crate) struct Done;

#[pymethods]
impl Done {
    #[expect(clippy::unused_self, reason = "a method of awaitables")]
    fn __await__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyTuple::empty(py).try_iter()
    }
}
