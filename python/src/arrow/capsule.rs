//! Arrow arrays by the C data interface, in capsules of Python: shared, not copied.

use std::ffi::CStr;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi_and_data_type};
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::{Array, ArrayReader, ArrayRef, make_array, new_empty_array};
use arrow_schema::{ArrowError, Field};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use super::decode::TypedArray;

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";
const STREAM: &CStr = c"arrow_array_stream";

/// The array of an object that has `__arrow_c_array__` or, without it, `__arrow_c_stream__`, whose parts
/// are joined. None for other objects. Shares the memory of the object, unless there are several parts.
///
/// Trusts the object to keep the contract of the C data interface, as every reader of it does.
pub(crate) fn import(value: &Bound<'_, PyAny>) -> PyResult<Option<TypedArray>> {
    if value.hasattr("__arrow_c_array__")? {
        import_array(value).map(Some)
    } else if value.hasattr("__arrow_c_stream__")? {
        import_stream(value).map(Some)
    } else {
        Ok(None)
    }
}

fn import_array(value: &Bound<'_, PyAny>) -> PyResult<TypedArray> {
    let capsules = value.call_method0("__arrow_c_array__")?;
    let capsules: (Bound<'_, PyAny>, Bound<'_, PyAny>) =
        capsules.extract().map_err(|_| no_capsule("__arrow_c_array__", ARRAY))?;
    let schema = pointer::<FFI_ArrowSchema>(&capsules.0, "__arrow_c_array__", SCHEMA)?;
    let array = pointer::<FFI_ArrowArray>(&capsules.1, "__arrow_c_array__", ARRAY)?;
    #[expect(unsafe_code, reason = "the C data interface is made of pointers")]
    // SAFETY: the capsules bear the names that the interface gives to structs of these types, and live as
    // long as `capsules`. The array is moved out of its capsule, which frees nothing from then on.
    let (schema, array) =
        unsafe { ((*schema).release().map(|_| &*schema), FFI_ArrowArray::from_raw(array)) };
    let schema = schema.filter(|_| !array.is_released()).ok_or_else(already_taken)?;
    let field = Field::try_from(schema).map_err(|error| refused(value, &error))?;
    #[expect(unsafe_code, reason = "the C data interface is made of pointers")]
    // SAFETY: by the contract of the interface the array is of the type that comes with it.
    let data = unsafe { from_ffi_and_data_type(array, field.data_type().clone()) };
    let array = make_array(data.map_err(|error| refused(value, &error))?);
    Ok(TypedArray { field, array })
}

fn import_stream(value: &Bound<'_, PyAny>) -> PyResult<TypedArray> {
    let capsule = value.call_method0("__arrow_c_stream__")?;
    let stream = pointer::<FFI_ArrowArrayStream>(&capsule, "__arrow_c_stream__", STREAM)?;
    #[expect(unsafe_code, reason = "the C stream interface is made of pointers")]
    // SAFETY: the capsule bears the name that the interface gives to structs of this type, and lives as
    // long as `capsule`. The stream is moved out of it.
    let stream = unsafe { FFI_ArrowArrayStream::from_raw(stream) };
    if stream.release().is_none() {
        return Err(already_taken());
    }
    let mut reader = ArrayStreamReader::try_new(stream).map_err(|error| refused(value, &error))?;
    let parts = reader.by_ref().collect::<Result<Vec<_>, _>>();
    let field = (**reader.field()).clone();
    let array = parts.and_then(|parts| join(&field, parts));
    Ok(TypedArray { field, array: array.map_err(|error| refused(value, &error))? })
}

fn join(field: &Field, mut parts: Vec<ArrayRef>) -> Result<ArrayRef, ArrowError> {
    match parts.len() {
        0 => Ok(new_empty_array(field.data_type())),
        1 => Ok(parts.swap_remove(0)),
        _ => {
            let parts: Vec<_> = parts.iter().map(|part| &**part as &dyn Array).collect();
            arrow_select::concat::concat(&parts)
        }
    }
}

/// What the capsule holds, if it bears this name.
fn pointer<T>(capsule: &Bound<'_, PyAny>, method: &str, name: &CStr) -> PyResult<*mut T> {
    let capsule = capsule.cast::<PyCapsule>().map_err(|_| no_capsule(method, name))?;
    let pointer = capsule.pointer_checked(Some(name)).map_err(|_| no_capsule(method, name))?;
    Ok(pointer.cast::<T>().as_ptr())
}

fn no_capsule(method: &str, name: &CStr) -> PyErr {
    let name = name.to_string_lossy();
    PyTypeError::new_err(format!("cannot send: `{method}` gave no capsule named `{name}`"))
}

fn already_taken() -> PyErr {
    PyValueError::new_err("cannot send: the Arrow capsule was used before")
}

pub(super) fn refused(value: &Bound<'_, PyAny>, error: &ArrowError) -> PyErr {
    let kind = value.get_type().name().map(|name| name.to_string()).unwrap_or_default();
    PyValueError::new_err(format!("cannot send a value of type `{kind}` as Arrow: {error}"))
}

/// The type of the array as a capsule.
pub(crate) fn export_schema<'py>(
    py: Python<'py>,
    value: &TypedArray,
) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(&value.field);
    let schema = schema.map_err(|error| PyValueError::new_err(error.to_string()))?;
    PyCapsule::new_with_value(py, schema, SCHEMA)
}

/// The array as a capsule. It keeps the bytes of the message until it is released.
pub(crate) fn export_array<'py>(
    py: Python<'py>,
    value: &TypedArray,
) -> PyResult<Bound<'py, PyCapsule>> {
    PyCapsule::new_with_value(py, FFI_ArrowArray::new(&value.array.to_data()), ARRAY)
}
