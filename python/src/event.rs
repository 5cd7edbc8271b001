//! Events as Python sees them: frozen classes, one for each kind, for `match`.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyMemoryView};
use thalweg::{Encoding, Event, Parameters, StopReason, Value};

use crate::arrow::ArrowValue;
use crate::value::{Payload, encoding_name};

/// A message that another node sent.
///
/// ```python
/// >>> await camera.send("image", b"pixels", width=6)
/// >>> match await view.next_event():
/// ...     case thalweg.Input("image", value) as event:
/// ...         print(bytes(value), event.metadata["width"], event.sequence)
/// b'pixels' 6 0
/// ```
#[pyclass(frozen)]
pub(crate) struct Input {
    message: thalweg::Input,
    /// Read when it is first asked for.
    arrow: PyOnceLock<Py<ArrowValue>>,
}

impl Input {
    fn arrow(&self, py: Python<'_>) -> PyResult<Py<ArrowValue>> {
        let value = ArrowValue::read(py, self.message.message.payload.clone());
        let value = value.map_err(|problem| {
            let id = self.id();
            PyValueError::new_err(format!(
                "the message of input `{id}` is no valid Arrow value: {problem}"
            ))
        })?;
        Py::new(py, value)
    }
}

#[pymethods]
impl Input {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("id", "value")
    }

    /// The input that it came by.
    #[getter]
    fn id(&self) -> &str {
        self.message.id.as_str()
    }

    /// How many messages of this input were dropped directly before this one.
    #[getter]
    fn dropped(&self) -> u64 {
        self.message.dropped
    }

    /// What was sent, without a copy: a read-only view of the bytes, or an `ArrowValue` where the encoding
    /// is `arrow`. It may outlive the event. Raises `ValueError` where the sender's Arrow is not valid.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.message.message.metadata.encoding {
            Encoding::Raw => {
                let payload = Bound::new(py, self.payload())?;
                Ok(PyMemoryView::from(payload.as_any())?.into_any())
            }
            Encoding::Arrow => {
                let value = self.arrow.get_or_try_init(py, || self.arrow(py))?;
                Ok(value.bind(py).clone().into_any())
            }
        }
    }

    /// The payload as text.
    fn text(&self) -> PyResult<String> {
        let text = std::str::from_utf8(&self.message.message.payload);
        Ok(text.map_err(|error| PyValueError::new_err(error.to_string()))?.to_owned())
    }

    /// The payload in any encoding: its bytes as they travelled, to be viewed, or sent on as it came.
    #[getter]
    fn payload(&self) -> Payload {
        let message = &self.message.message;
        Payload::new(message.payload.clone(), message.metadata.encoding)
    }

    /// Nanoseconds since the Unix epoch by the clock of the sending host.
    #[getter]
    fn timestamp(&self) -> u64 {
        self.message.message.metadata.timestamp
    }

    /// Counts the messages of the output, from 0.
    #[getter]
    fn sequence(&self) -> u64 {
        self.message.message.metadata.sequence
    }

    /// `raw` or `arrow`.
    #[getter]
    fn encoding(&self) -> &'static str {
        encoding_name(self.message.message.metadata.encoding)
    }

    /// The values that travel with it, by name; of equal names the last.
    #[getter]
    fn metadata<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        parameter_dict(py, &self.message.message.metadata.parameters)
    }

    fn __repr__(&self) -> String {
        let message = &self.message.message;
        format!(
            "Input(id={:?}, sequence={}, {} bytes)",
            self.id(),
            message.metadata.sequence,
            message.payload.len()
        )
    }
}

/// A timer that came due.
///
/// ```python
/// >>> match await clock.next_event():
/// ...     case thalweg.Tick(id, missed):
/// ...         print(id)
/// tick
/// ```
#[pyclass(frozen, get_all)]
pub(crate) struct Tick {
    /// The input that the timer feeds.
    id: String,
    /// When it came due: nanoseconds since the Unix epoch.
    timestamp: u64,
    /// How many earlier ticks nobody took.
    missed: u64,
}

#[pymethods]
impl Tick {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("id", "missed")
    }

    fn __repr__(&self) -> String {
        format!("Tick(id={:?}, missed={})", self.id, self.missed)
    }
}

/// The node that feeds an input ended badly, after all that it sent. Of failures and restarts that no message
/// of the input separates, only the last failure and the restart behind it are given.
///
/// ```python
/// >>> try:
/// ...     with camera:
/// ...         raise ValueError("no light")
/// ... except ValueError:
/// ...     print("the camera fails")
/// the camera fails
/// >>> match await view.next_event():
/// ...     case thalweg.InputFailed(id, reason, restarts=False):
/// ...         print(id, "is lost:", reason)
/// image is lost: failed
/// ```
#[pyclass(frozen, get_all)]
pub(crate) struct InputFailed {
    /// The input.
    id: String,
    /// The name of its end, as in the report: `failed`, `killed`, ...
    reason: String,
    /// Whether another instance is to follow. If none does, `InputClosed` is the next event of this input.
    restarts: bool,
}

#[pymethods]
impl InputFailed {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("id", "reason", "restarts")
    }

    fn __repr__(&self) -> String {
        let restarts = if self.restarts { "True" } else { "False" };
        format!("InputFailed(id={:?}, reason={:?}, restarts={restarts})", self.id, self.reason)
    }
}

/// Another instance feeds an input from here on: what it keeps in memory began anew, the sequences of its
/// messages go on.
///
/// ```python
/// >>> await run.restart("camera")
/// >>> await view.next_event()
/// InputRestarted(id="image", count=1)
/// ```
#[pyclass(frozen, get_all)]
pub(crate) struct InputRestarted {
    /// The input.
    id: String,
    /// How many times the node has been started again so far, those included that no event told of.
    count: u64,
}

#[pymethods]
impl InputRestarted {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("id", "count")
    }

    fn __repr__(&self) -> String {
        format!("InputRestarted(id={:?}, count={})", self.id, self.count)
    }
}

/// The last event of an input.
///
/// ```python
/// >>> camera.close()
/// >>> await view.next_event()
/// InputClosed(id="image", dropped=0)
/// ```
#[pyclass(frozen, get_all)]
pub(crate) struct InputClosed {
    /// The input.
    id: String,
    /// How many messages were dropped after the last one that was delivered.
    dropped: u64,
}

#[pymethods]
impl InputClosed {
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("id",)
    }

    fn __repr__(&self) -> String {
        format!("InputClosed(id={:?}, dropped={})", self.id, self.dropped)
    }
}

/// The last event of all.
///
/// ```python
/// >>> run.stop()
/// >>> await camera.next_event()
/// Stop(reason="requested")
/// ```
#[pyclass(frozen, get_all)]
pub(crate) struct Stop {
    /// `requested` or `inputs-closed`.
    reason: &'static str,
}

#[pymethods]
impl Stop {
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("reason",)
    }

    fn __repr__(&self) -> String {
        format!("Stop(reason={:?})", self.reason)
    }
}

/// The event as an object of its class.
pub(crate) fn to_python(py: Python<'_>, event: Event) -> PyResult<Bound<'_, PyAny>> {
    Ok(match event {
        Event::Input(message) => {
            Bound::new(py, Input { message, arrow: PyOnceLock::new() })?.into_any()
        }
        Event::Tick(tick) => {
            let thalweg::Tick { id, timestamp, missed } = tick;
            Bound::new(py, Tick { id: id.to_string(), timestamp, missed })?.into_any()
        }
        Event::InputFailed(failed) => {
            let thalweg::InputFailed { id, reason, restarts } = failed;
            let (id, reason) = (id.to_string(), reason.to_string());
            Bound::new(py, InputFailed { id, reason, restarts })?.into_any()
        }
        Event::InputRestarted(restarted) => {
            let thalweg::InputRestarted { id, count } = restarted;
            Bound::new(py, InputRestarted { id: id.to_string(), count })?.into_any()
        }
        Event::InputClosed(closed) => {
            let thalweg::InputClosed { id, dropped } = closed;
            Bound::new(py, InputClosed { id: id.to_string(), dropped })?.into_any()
        }
        Event::Stop(reason) => {
            let reason = match reason {
                StopReason::Requested => "requested",
                StopReason::InputsClosed => "inputs-closed",
            };
            Bound::new(py, Stop { reason })?.into_any()
        }
    })
}

/// The values by name; of equal names the last.
pub(crate) fn parameter_dict<'py>(
    py: Python<'py>,
    parameters: &Parameters,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in parameters.iter() {
        match value {
            Value::Boolean(value) => dict.set_item(&**name, value)?,
            Value::Integer(value) => dict.set_item(&**name, value)?,
            Value::Float(value) => dict.set_item(&**name, value)?,
            Value::Text(value) => dict.set_item(&**name, &**value)?,
            Value::Bytes(value) => dict.set_item(&**name, PyBytes::new(py, value))?,
        }
    }
    Ok(dict)
}

/// Keyword arguments as parameters of a message, with their types.
pub(crate) fn parameters(metadata: Option<&Bound<'_, PyDict>>) -> PyResult<Parameters> {
    let Some(metadata) = metadata.filter(|metadata| !metadata.is_empty()) else {
        return Ok(Parameters::default());
    };
    let parameter = |(name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        let name: String = name.extract()?;
        Ok((Arc::from(name.as_str()), parameter_value(&name, &value)?))
    };
    metadata.iter().map(parameter).collect::<PyResult<Vec<_>>>().map(Parameters::from_iter)
}

fn parameter_value(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Value> {
    use pyo3::types::{PyBool, PyFloat, PyInt, PyString};
    // A bool is an int in Python: it must be asked for first.
    if let Ok(value) = value.cast::<PyBool>() {
        Ok(Value::Boolean(value.is_true()))
    } else if let Ok(value) = value.cast::<PyInt>() {
        Ok(Value::Integer(value.extract()?))
    } else if let Ok(value) = value.cast::<PyFloat>() {
        Ok(Value::Float(value.value()))
    } else if let Ok(value) = value.cast::<PyString>() {
        Ok(Value::Text(Arc::from(value.to_str()?)))
    } else if let Ok(value) = value.cast::<PyBytes>() {
        Ok(Value::Bytes(bytes::Bytes::copy_from_slice(value.as_bytes())))
    } else {
        let kind = value.get_type().name()?;
        Err(pyo3::exceptions::PyTypeError::new_err(format!(
            "metadata `{name}` is of type `{kind}`; it must be a bool, int, float, str or bytes"
        )))
    }
}
