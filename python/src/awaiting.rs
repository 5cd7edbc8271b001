//! Awaiting the next event without a Python frame: where one is ready, the price is that of taking it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use pyo3::exceptions::{PyRuntimeError, PyStopAsyncIteration, PyStopIteration};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyTuple};

use crate::link::LinkPorts;
use crate::node::NodePorts;

/// Events that are taken before the other tasks of the loop have a turn.
const TURN: u32 = 256;

/// A node's events as an async iterator; the base of the class that people see.
#[pyclass(frozen, subclass)]
pub(crate) struct Events {
    ports: Ports,
    /// Positions of the inputs that count; all where there are none.
    inputs: Option<Vec<usize>>,
    /// A coroutine function that waits until `take` has something, and gives it.
    waited: Py<PyAny>,
    until_turn: AtomicU32,
    closed: AtomicBool,
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
}

#[pymethods]
impl Events {
    #[new]
    fn new(ports: Ports, inputs: Option<Vec<usize>>, waited: Py<PyAny>) -> Self {
        let (until_turn, closed) = (AtomicU32::new(TURN), AtomicBool::new(false));
        Self { ports, inputs, waited, until_turn, closed }
    }

    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __anext__(slf: Py<Self>) -> NextEvent {
        NextEvent { state: State::New(slf) }
    }

    /// The next event; `None` once there will be none; `False` when there is none now.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.closed.load(Ordering::Relaxed) {
            return Ok(py.None().into_bound(py));
        }
        let inputs = self.inputs.as_deref();
        match &self.ports {
            Ports::Embedded(ports) => ports.get().take(py, inputs),
            Ports::Linked(ports) => ports.get().take(py, inputs),
        }
    }

    /// From now on there is no event.
    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

/// The wait for one event, as a coroutine. It takes none before it gives it.
#[pyclass(freelist = 16)]
pub(crate) struct NextEvent {
    state: State,
}

enum State {
    New(Py<Events>),
    /// There was none: a coroutine waits for one.
    Waiting(Py<PyAny>),
    Done,
}

impl NextEvent {
    /// What the awaiting side sees of what the waiting coroutine did.
    fn stepped(&mut self, py: Python<'_>, step: PyResult<Bound<'_, PyAny>>) -> PyResult<Py<PyAny>> {
        let error = match step {
            Ok(future) => return Ok(future.unbind()),
            Err(error) => error,
        };
        self.state = State::Done;
        if !error.is_instance_of::<PyStopIteration>(py) {
            return Err(error);
        }
        let event = error.value(py).getattr(intern!(py, "value"))?;
        Err(given(event))
    }
}

#[pymethods]
impl NextEvent {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let events = match &self.state {
            State::New(events) => events,
            State::Waiting(coroutine) => {
                let step = coroutine.bind(py).call_method1(intern!(py, "send"), (py.None(),));
                return self.stepped(py, step);
            }
            State::Done => {
                return Err(PyRuntimeError::new_err("cannot reuse already awaited event"));
            }
        };
        if !events.get().may_take() {
            return Ok(py.None()); // Asyncio's way to give the other tasks a turn.
        }
        let taken = events.get().take(py);
        let taken = match taken {
            Ok(taken) if taken.is_instance_of::<PyBool>() => {
                events.get().until_turn.store(TURN, Ordering::Relaxed);
                let take = events.bind(py).getattr(intern!(py, "take"))?;
                let coroutine = events.get().waited.bind(py).call1((take,))?;
                let step = coroutine.call_method1(intern!(py, "send"), (py.None(),));
                self.state = State::Waiting(coroutine.unbind());
                return self.stepped(py, step);
            }
            taken => taken,
        };
        self.state = State::Done;
        Err(given(taken?))
    }

    #[pyo3(signature = (value, /))]
    fn send(&mut self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        match &self.state {
            State::Waiting(coroutine) => {
                let step = coroutine.bind(py).call_method1(intern!(py, "send"), (value,));
                self.stepped(py, step)
            }
            State::New(_) | State::Done => self.__next__(py),
        }
    }

    #[pyo3(signature = (*error))]
    fn throw(&mut self, py: Python<'_>, error: &Bound<'_, PyTuple>) -> PyResult<Py<PyAny>> {
        if let State::Waiting(coroutine) = &self.state {
            let step = coroutine.bind(py).call_method1(intern!(py, "throw"), error);
            return self.stepped(py, step);
        }
        self.state = State::Done;
        let error = match error.get_item(1) {
            Ok(value) if !value.is_none() => value,
            _ => error.get_item(0)?,
        };
        // A class is raised as an exception without arguments, as generators do.
        Err(PyErr::from_value(if error.is_callable() { error.call0()? } else { error }))
    }

    fn close(&mut self, py: Python<'_>) -> PyResult<()> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Waiting(coroutine) => {
                coroutine.bind(py).call_method0(intern!(py, "close")).map(drop)
            }
            State::New(_) | State::Done => Ok(()),
        }
    }
}

/// An event as the result of a coroutine; none is the end of the iteration.
fn given(event: Bound<'_, PyAny>) -> PyErr {
    if event.is_none() {
        PyStopAsyncIteration::new_err(())
    } else {
        PyStopIteration::new_err((event.unbind(),))
    }
}
