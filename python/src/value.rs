//! Payloads in Python: bytes that are shared, not copied.

use std::ffi::{c_int, c_void};

use bytes::Bytes;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PyString};

/// The bytes of a message. Supports the buffer protocol, read only: `memoryview(payload)` and whatever
/// takes a buffer share the bytes, which live as long as any view of them.
#[pyclass(frozen)]
pub(crate) struct Payload {
    bytes: Bytes,
}

impl Payload {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { bytes }
    }
}

#[pymethods]
impl Payload {
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

/// The bytes of a value that is to be sent: a `str`, a payload that was received, or anything with the
/// buffer protocol. A received payload is shared; the others are copied once.
pub(crate) fn bytes_of(value: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    if let Ok(payload) = value.cast::<Payload>() {
        return Ok(payload.get().bytes.clone());
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Bytes::copy_from_slice(text.to_str()?.as_bytes()));
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Bytes::copy_from_slice(bytes.as_bytes()));
    }
    let buffer = PyUntypedBuffer::get(value).map_err(|_| {
        let kind = value.get_type().name().map(|name| name.to_string()).unwrap_or_default();
        PyTypeError::new_err(format!(
            "cannot send a value of type `{kind}`: send a `str`, `bytes`, or anything with the buffer protocol"
        ))
    })?;
    if buffer.len_bytes() == 0 {
        return Ok(Bytes::new());
    }
    if buffer.is_c_contiguous() {
        #[expect(unsafe_code, reason = "the buffer protocol is made of pointers")]
        // SAFETY: the view keeps its bytes in place while it lives, and holding the interpreter keeps
        // Python code from changing them while they are copied.
        let bytes = unsafe {
            std::slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), buffer.len_bytes())
        };
        return Ok(Bytes::copy_from_slice(bytes));
    }
    let packed = PyMemoryView::from(value)?.call_method0("tobytes")?;
    Ok(Bytes::copy_from_slice(packed.cast::<PyBytes>()?.as_bytes()))
}
