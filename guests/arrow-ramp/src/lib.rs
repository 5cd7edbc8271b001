//! On each event an Arrow batch of `rows` rows: `index`, which counts from 0, and `value`, half of it.
//! `tests/python/test_arrow.py` runs it.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow_ipc::writer::StreamWriter;
use thalweg_guest::{Encoding, Event, Handler, Result, handler, outputs, parameters};

struct ArrowRamp {
    rows: u32,
}

impl Handler for ArrowRamp {
    fn new() -> Result<Self> {
        Ok(ArrowRamp { rows: parameters::require("rows")? })
    }

    fn on_event(&mut self, event: Event) -> Result {
        if let Event::Tick { .. } | Event::Input { .. } = event {
            outputs::send_with("out", stream(&ramp(self.rows)?)?, Encoding::Arrow, &[])?;
        }
        Ok(())
    }
}

handler!(ArrowRamp);

fn ramp(rows: u32) -> Result<RecordBatch> {
    let index: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(i64::from)));
    let value = Float64Array::from_iter_values((0..rows).map(|row| f64::from(row) / 2.0));
    Ok(RecordBatch::try_from_iter([("index", index), ("value", Arc::new(value))])?)
}

fn stream(batch: &RecordBatch) -> Result<Vec<u8>> {
    let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref())?;
    writer.write(batch)?;
    Ok(writer.into_inner()?)
}
