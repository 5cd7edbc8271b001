//! How others await: a future of Rust for each event. Built for `benches/awaiting.py` alone.

use std::future::poll_fn;

use pyo3::prelude::*;
use thalweg::Event;

use crate::bridge::awaitable;
use crate::event::to_python;
use crate::node::NodePorts;

/// The next event by `future_into_py`; `None` once there will be none.
#[pyfunction]
pub(crate) fn next_by_future(py: Python<'_>, ports: Py<NodePorts>) -> PyResult<Bound<'_, PyAny>> {
    awaitable(py, async move {
        let event = poll_fn(|context| ports.get().poll_next(context)).await?;
        Ok(event.map(Taken))
    })
}

struct Taken(Event);

impl<'py> IntoPyObject<'py> for Taken {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, self.0)
    }
}
