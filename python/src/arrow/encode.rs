//! Arrow arrays to bytes, with one copy. Knows nothing of Python.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, RecordBatchOptions};
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_data::ArrayData;
use arrow_ipc::writer::StreamEncoder;
use arrow_schema::{ArrowError, DataType, Metadata, Schema};
use bytes::Bytes;
use thalweg::payload::{PayloadMut, SHARED_FROM};

use super::decode::{ARRAY_KEY, EMPTY_ROWS, MOST_DICTIONARIES, TypedArray, decode};

/// What the largest types need, and what Arrow asks for.
const ALIGNMENT: usize = 64;

/// The array as an Arrow IPC stream of one schema and one batch, which [`super::decode::decode`] reads.
/// Every buffer of the array begins at a multiple of 64 bytes, in the stream and in memory, so that a
/// reader in this process shares it, whatever its type.
///
/// # Errors
///
/// What the format cannot hold: a dictionary directly in a dictionary, or nulls where the field allows none.
/// And what would not be read: more dictionaries, or more rows without bytes.
pub(crate) fn encode(value: &TypedArray) -> Result<Bytes, ArrowError> {
    let batch = batch_of(value)?;
    if dictionaries(batch.schema_ref()) > MOST_DICTIONARIES {
        let text = format!("it has more than {MOST_DICTIONARIES} dictionaries");
        return Err(ArrowError::InvalidArgumentError(text));
    }
    let mut encoder = StreamEncoder::try_new(batch.schema_ref())?;
    let mut parts = encoder.encode(&batch)?;
    parts.extend(encoder.finish()?);
    let stream = joined(&parts);
    if rows(&value.array.to_data()) > EMPTY_ROWS {
        decode(stream.clone())
            .map_err(|problem| ArrowError::InvalidArgumentError(problem.to_string()))?;
    }
    Ok(stream)
}

/// Of all columns together, at whatever depth: as many at least as any message of the stream declares.
fn rows(array: &ArrayData) -> u64 {
    let own = array.len() as u64;
    array.child_data().iter().map(rows).fold(own, u64::saturating_add)
}

/// One behind the other: where another process can see them, if they are large.
fn joined(parts: &[Buffer]) -> Bytes {
    let len = parts.iter().map(Buffer::len).sum();
    if len >= SHARED_FROM {
        let mut stream = PayloadMut::new(len);
        // It is on the heap where there is no shared memory left, and aligned by chance at most.
        if stream.as_ptr().addr().is_multiple_of(ALIGNMENT) {
            let mut rest = &mut stream[..];
            for part in parts {
                let (begin, end) = rest.split_at_mut(part.len());
                begin.copy_from_slice(part);
                rest = end;
            }
            return stream.freeze();
        }
    }
    let mut stream = MutableBuffer::with_capacity(len);
    parts.iter().for_each(|part| stream.extend_from_slice(part));
    Buffer::from(stream).into()
}

fn dictionaries(schema: &Schema) -> usize {
    let fields = schema.flattened_fields();
    fields.iter().filter(|field| matches!(field.data_type(), DataType::Dictionary(..))).count()
}

/// Structs without nulls are a batch as they are; anything else is its only column.
fn batch_of(value: &TypedArray) -> Result<RecordBatch, ArrowError> {
    let TypedArray { field, array } = value;
    let structs = array.as_struct_opt().filter(|structs| structs.null_count() == 0);
    let (schema, columns) = match structs {
        Some(structs) => {
            let mut metadata = field.metadata().clone();
            metadata.remove(ARRAY_KEY);
            let schema = Schema::new_with_metadata(structs.fields().clone(), metadata);
            (schema, structs.columns().to_vec())
        }
        None => {
            let metadata = Metadata::new().with(ARRAY_KEY, "");
            (Schema::new_with_metadata(vec![field.clone()], metadata), vec![Arc::clone(array)])
        }
    };
    let rows = RecordBatchOptions::new().with_row_count(Some(array.len()));
    RecordBatch::try_new_with_options(Arc::new(schema), columns, &rows)
}
