//! Sends the sum of the first column of each Arrow value, as an Arrow array of one value, with the number
//! of `rows` and `nulls` beside it. `tests/python/test_arrow.py` runs it.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use thalweg_guest::{Encoding, Event, Handler, Message, Result, handler, outputs};

struct ArrowSum;

impl Handler for ArrowSum {
    fn new() -> Result<Self> {
        Ok(ArrowSum)
    }

    fn on_event(&mut self, event: Event) -> Result {
        let Event::Input { message, .. } = event else { return Ok(()) };
        let batch = batch(message)?;
        let column = batch.columns().first().ok_or("the batch has no column")?;
        let count = |count: usize| i64::try_from(count);
        let parameters = [
            ("rows".into(), count(column.len())?.into()),
            ("nulls".into(), count(column.null_count())?.into()),
        ];
        Ok(outputs::send_with("out", array(sum(column)?)?, Encoding::Arrow, &parameters)?)
    }
}

handler!(ArrowSum);

fn batch(message: Message) -> Result<RecordBatch> {
    if message.metadata.encoding != Encoding::Arrow {
        return Err("the message is not of the encoding `arrow`".into());
    }
    let bytes = message.payload.into_bytes();
    let batch = StreamReader::try_new(bytes.as_slice(), None)?.next();
    Ok(batch.ok_or("the stream has no batch")??)
}

fn sum(column: &dyn Array) -> Result<ArrayRef> {
    if let Some(integers) = column.as_primitive_opt::<Int64Type>() {
        Ok(Arc::new(Int64Array::from(vec![integers.iter().flatten().sum::<i64>()])))
    } else if let Some(floats) = column.as_primitive_opt::<Float64Type>() {
        Ok(Arc::new(Float64Array::from(vec![floats.iter().flatten().sum::<f64>()])))
    } else {
        Err(format!("the column is of type {}, not Int64 or Float64", column.data_type()).into())
    }
}

/// The bytes of an array rather than of a batch: the key says that its only column is the value.
fn array(array: ArrayRef) -> Result<Vec<u8>> {
    let mut batch = RecordBatch::try_from_iter([("sum", array)])?;
    batch.schema_metadata_mut().insert("thalweg:array", "");
    let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref())?;
    writer.write(&batch)?;
    Ok(writer.into_inner()?)
}
