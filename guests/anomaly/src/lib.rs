//! Smooths each input on `smooth` and tells on `alert` of values far from it. The quick start, which
//! `tests/host/quickstart.rs` runs.

use std::collections::BTreeMap;

use thalweg_guest::{Encoding, Event, Handler, Result, handler, outputs, parameters};

/// An input is known after so many values.
const WARM_UP: u64 = 10;
/// A value that hardly ever changes is not far when it changes a little.
const LEAST_DEVIATION: f64 = 0.5;

struct Anomaly {
    /// The weight of the newest value, from 0 to 1.
    alpha: f64,
    /// How many standard deviations are far.
    threshold: f64,
    inputs: BTreeMap<String, Usual>,
}

struct Usual {
    values: u64,
    mean: f64,
    variance: f64,
}

impl Handler for Anomaly {
    fn new() -> Result<Self> {
        let alpha = parameters::get_or("alpha", 0.2)?;
        let threshold = parameters::get_or("threshold", 3.0)?;
        Ok(Anomaly { alpha, threshold, inputs: BTreeMap::new() })
    }

    fn on_event(&mut self, event: Event) -> Result {
        let Event::Input { id, mut message, .. } = event else { return Ok(()) };
        let value: f64 = message.payload.text()?.trim().parse()?;
        let new = Usual { values: 0, mean: value, variance: 0.0 };
        let usual = self.inputs.entry(id.clone()).or_insert(new);
        let difference = value - usual.mean;
        let deviation = usual.variance.sqrt().max(LEAST_DEVIATION);
        if usual.values >= WARM_UP && difference.abs() > self.threshold * deviation {
            let alert = format!("{id} is {value}, usually {:.1} ± {deviation:.1}", usual.mean);
            outputs::send("alert", alert)?;
        }
        usual.values += 1;
        usual.mean += self.alpha * difference;
        usual.variance += self.alpha * (difference * difference - usual.variance);
        message.metadata.parameters.push(("input".into(), id.into()));
        let smooth = format!("{:.1}", usual.mean);
        Ok(outputs::send_with("smooth", smooth, Encoding::Raw, &message.metadata.parameters)?)
    }
}

handler!(Anomaly);
