//! Smooths each input and tells of values far from it. The quick start, which
//! `tests/host/quickstart.rs` runs.

use std::collections::BTreeMap;

use thalweg_guest::{Encoding, Event, Handler, Result, handler, outputs, parameters};

/// So many values of an input are needed before one can be far from the others.
const WARM_UP: u32 = 10;

struct Anomaly {
    /// The weight of the newest value, from 0 to 1.
    alpha: f64,
    /// How many standard deviations are far.
    threshold: f64,
    inputs: BTreeMap<String, Smoothed>,
}

#[derive(Default)]
struct Smoothed {
    values: u32,
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
        let Event::Input { id, message, .. } = event else { return Ok(()) };
        let value: f64 = message.payload.text()?.trim().parse()?;
        let smoothed = self.inputs.entry(id.clone()).or_default();
        let distance = smoothed.add(value, self.alpha);
        let (mean, mut parameters) = (smoothed.mean, message.metadata.parameters);
        parameters.push(("input".into(), id.as_str().into()));
        outputs::send_with("smooth", format!("{mean:.1}"), Encoding::Raw, &parameters)?;
        if distance.abs() > self.threshold {
            let alert =
                format!("{id} is {value}, {distance:+.1} standard deviations from {mean:.1}");
            outputs::send_with("alert", alert, Encoding::Raw, &[("input".into(), id.into())])?;
        }
        Ok(())
    }
}

handler!(Anomaly);

impl Smoothed {
    /// Takes a value in and gives its distance from those before it, in standard deviations.
    fn add(&mut self, value: f64, alpha: f64) -> f64 {
        let alpha = if self.values == 0 { 1.0 } else { alpha };
        let difference = value - self.mean;
        let deviation = self.variance.sqrt();
        let known = self.values >= WARM_UP && deviation > 0.0;
        self.values = self.values.saturating_add(1);
        self.mean += alpha * difference;
        self.variance = (1.0 - alpha) * (self.variance + alpha * difference * difference);
        if known { difference / deviation } else { 0.0 }
    }
}
