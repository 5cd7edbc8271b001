//! Arrow values: read from messages and written into them, given to Python and taken from it.

mod capsule;
mod contained;
mod decode;
mod encode;

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule};

use self::decode::{ArrowProblem, TypedArray};

/// Beyond so many bytes, other threads of Python go on while they are copied or validated.
pub(crate) const LONG_WORK: usize = 256 << 10;

/// An Arrow array or record batch that was received, with the Arrow `PyCapsule` interface: `pyarrow.array`,
/// `pyarrow.record_batch`, `polars.DataFrame`, `nanoarrow.Array` and others take it, and share its bytes,
/// which live as long as anything that shares them.
///
/// ```python
/// >>> import nanoarrow
/// >>> await camera.send("image", nanoarrow.c_array([1, 2, 3], nanoarrow.int64()))
/// >>> value = (await view.next_event()).value
/// >>> value
/// ArrowValue(Int64, 3 rows)
/// >>> nanoarrow.Array(value).to_pylist()
/// [1, 2, 3]
/// ```
#[pyclass(frozen)]
pub(crate) struct ArrowValue {
    payload: Bytes,
    value: TypedArray,
}

impl ArrowValue {
    /// Reads and validates the payload of a message.
    ///
    /// # Errors
    ///
    /// [`ArrowProblem`] where it is no valid Arrow stream.
    pub(crate) fn read(py: Python<'_>, payload: Bytes) -> Result<Self, ArrowProblem> {
        let bytes = payload.clone();
        let value = if bytes.len() < LONG_WORK {
            decode::decode(bytes)
        } else {
            py.detach(|| decode::decode(bytes))
        };
        value.map(|value| Self { payload, value })
    }

    /// The payload that it was read from.
    pub(crate) fn payload(&self) -> &Bytes {
        &self.payload
    }
}

#[pymethods]
impl ArrowValue {
    /// The type, as a capsule.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        capsule::export_schema(py, &self.value)
    }

    /// The type and the data, as capsules. What is requested of the type is ignored: no value is cast.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        drop(requested_schema);
        Ok((capsule::export_schema(py, &self.value)?, capsule::export_array(py, &self.value)?))
    }

    /// How many values or rows.
    fn __len__(&self) -> usize {
        self.value.array.len()
    }

    /// The payload as it travelled: an Arrow IPC stream.
    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.payload)
    }

    fn __repr__(&self) -> String {
        let TypedArray { field, array } = &self.value;
        format!("ArrowValue({}, {} rows)", field.data_type(), array.len())
    }
}

/// The value of an object with the Arrow `PyCapsule` interface as a payload; none for other objects.
///
/// # Errors
///
/// `TypeError` where the interface gives something else than its capsules, `ValueError` where the value
/// cannot be sent, and what the object raises.
pub(crate) fn payload_of(value: &Bound<'_, PyAny>) -> PyResult<Option<Bytes>> {
    let Some(array) = capsule::import(value)? else { return Ok(None) };
    let encoded = if array.array.get_buffer_memory_size() < LONG_WORK {
        encode::encode(&array)
    } else {
        value.py().detach(|| encode::encode(&array))
    };
    match encoded {
        Ok(payload) => Ok(Some(payload)),
        Err(error) => Err(capsule::refused(value, &error)),
    }
}
