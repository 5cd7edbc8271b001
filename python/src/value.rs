//! Values in Python: what a message carries, shared where it can be, and what can be sent.

use std::ffi::{c_int, c_void};

use bytes::Bytes;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyMemoryView, PyString};
use thalweg::{Encoding, Outgoing, payload};

use crate::arrow::{self, ArrowValue, LONG_WORK};
use crate::event::parameters;

/// The bytes of a message and how to read them: of one that was received, or made of a value to send it
/// more than once without copying it again.
///
/// Supports the buffer protocol, read only: `memoryview(payload)` and whatever takes a buffer share the
/// bytes, which live as long as any view of them.
///
/// ```python
/// >>> payload = thalweg.Payload(b"pixels")
/// >>> payload.encoding, len(payload), bytes(payload)
/// ('raw', 6, b'pixels')
/// >>> await camera.send("image", payload)
/// >>> (await view.next_event()).payload
/// <...Payload object at ...>
/// ```
#[pyclass(frozen)]
pub(crate) struct Payload {
    bytes: Bytes,
    encoding: Encoding,
}

impl Payload {
    pub(crate) fn new(bytes: Bytes, encoding: Encoding) -> Self {
        Self { bytes, encoding }
    }
}

#[pymethods]
impl Payload {
    /// What `Node.send` would send of the value, as it is now. Raises as it does.
    #[new]
    fn of(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (bytes, encoding) = payload_of(value)?;
        Ok(Self { bytes, encoding })
    }

    /// `raw` or `arrow`.
    #[getter]
    fn encoding(&self) -> &'static str {
        encoding_name(self.encoding)
    }

    fn __len__(&self) -> usize {
        self.bytes.len()
    }

    #[expect(unsafe_code, reason = "the buffer protocol is made of pointers")]
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let bytes = &slf.get().bytes;
        // SAFETY: `view` is the interpreter's; the view keeps `slf` alive, and `slf` the bytes, which
        // nothing changes: they are filled in as read only.
        let filled = unsafe {
            ffi::PyBuffer_FillInfo(
                view,
                slf.as_ptr(),
                bytes.as_ptr().cast_mut().cast::<c_void>(),
                ffi::Py_ssize_t::try_from(bytes.len())?,
                1,
                flags,
            )
        };
        if filled == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }
}

/// As Python knows it.
pub(crate) fn encoding_name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Raw => "raw",
        Encoding::Arrow => "arrow",
    }
}

/// A value and the keyword arguments beside it as a message to be sent.
///
/// What was received is shared and keeps its encoding. A `str`, `bytes`, or anything with the buffer
/// protocol is sent raw; anything with the Arrow `PyCapsule` interface, which goes first, as Arrow. These
/// are copied once, and a table of several chunks twice.
///
/// # Errors
///
/// `TypeError` for a value of any other type, `ValueError` for one that Arrow cannot carry, and what the
/// value itself raises.
pub(crate) fn outgoing(
    value: &Bound<'_, PyAny>,
    metadata: Option<&Bound<'_, PyDict>>,
) -> PyResult<Outgoing> {
    let parameters = parameters(metadata)?;
    let (payload, encoding) = payload_of(value)?;
    Ok(Outgoing { payload, encoding, parameters })
}

/// Types that are often sent come first, by what costs least to ask: to ask for an attribute that is not there, as
/// that of Arrow mostly is, costs more than the rest of a small message.
fn payload_of(value: &Bound<'_, PyAny>) -> PyResult<(Bytes, Encoding)> {
    if let Ok(bytes) = value.cast_exact::<PyByteArray>() {
        Ok((bytes_of_array(bytes), Encoding::Raw))
    } else if value.is_exact_instance_of::<PyMemoryView>() {
        Ok((bytes_of_buffer(value)?, Encoding::Raw))
    } else if let Ok(bytes) = value.cast::<PyBytes>() {
        Ok((copied(value.py(), bytes.as_bytes()), Encoding::Raw))
    } else if let Ok(text) = value.cast::<PyString>() {
        Ok((copied(value.py(), text.to_str()?.as_bytes()), Encoding::Raw))
    } else if let Ok(payload) = value.cast_exact::<Payload>() {
        Ok((payload.get().bytes.clone(), payload.get().encoding))
    } else if let Ok(received) = value.cast_exact::<ArrowValue>() {
        Ok((received.get().payload().clone(), Encoding::Arrow))
    } else if let Some(payload) = arrow::payload_of(value)? {
        Ok((payload, Encoding::Arrow))
    } else {
        Ok((bytes_of_buffer(value)?, Encoding::Raw))
    }
}

/// A copy of bytes that nothing changes: other threads of Python may go on meanwhile.
fn copied(py: Python<'_>, bytes: &[u8]) -> Bytes {
    if bytes.len() < LONG_WORK { payload::copy(bytes) } else { py.detach(|| payload::copy(bytes)) }
}

/// Holds the interpreter meanwhile, as [`bytes_of_buffer`].
fn bytes_of_array(array: &Bound<'_, PyByteArray>) -> Bytes {
    #[expect(unsafe_code, reason = "a `bytearray` may be changed by whoever has it")]
    // SAFETY: no Python code runs while the bytes are copied, for the interpreter is held.
    payload::copy(unsafe { array.as_bytes() })
}

/// The bytes of an object with the buffer protocol: shared where they are those of a received payload,
/// else copied once. Holds the interpreter meanwhile: whoever else holds the object may change its bytes.
fn bytes_of_buffer(value: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    let buffer = PyUntypedBuffer::get(value).map_err(|error| not_sendable(value, error))?;
    if buffer.len_bytes() == 0 {
        return Ok(Bytes::new());
    }
    if !buffer.is_c_contiguous() {
        let packed = PyMemoryView::from(value)?.call_method0("tobytes")?;
        return Ok(payload::copy(packed.cast::<PyBytes>()?.as_bytes()));
    }
    #[expect(unsafe_code, reason = "the buffer protocol is made of pointers")]
    // SAFETY: the view keeps its bytes in place while it lives, and holding the interpreter keeps
    // Python code from changing them while they are copied.
    let bytes =
        unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), buffer.len_bytes()) };
    Ok(received_bytes(value, bytes).unwrap_or_else(|| payload::copy(bytes)))
}

/// What a view of a received payload views, without a copy.
fn received_bytes(value: &Bound<'_, PyAny>, viewed: &[u8]) -> Option<Bytes> {
    let view = value.cast::<PyMemoryView>().ok()?;
    let owner = view.getattr("obj").ok()?;
    let whole = &owner.cast::<Payload>().ok()?.get().bytes;
    whole.as_ptr_range().contains(&viewed.as_ptr()).then(|| whole.slice_ref(viewed))
}

fn not_sendable(value: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyTypeError>(value.py()) {
        return error;
    }
    let kind = value.get_type().name().map(|name| name.to_string()).unwrap_or_default();
    PyTypeError::new_err(format!(
        "cannot send a value of type `{kind}`: send a `str`, `bytes`, anything with the buffer protocol, \
         or anything with the Arrow PyCapsule interface"
    ))
}
