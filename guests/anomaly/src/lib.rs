//! Smooths each input on `smooth`, beside the range of usual values (`low`, `high`), and tells on `alert` of
//! values outside. The quick start, which `tests/host/quickstart.rs` runs.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use thalweg_guest::{
    Encoding, Event, Handler, Result, Stateful, outputs, parameters, stateful_handler,
};

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
        let Event::Input { id, message, .. } = event else { return Ok(()) };
        let value: f64 = message.payload.text()?.trim().parse()?;
        let new = Usual { values: 0, mean: value, variance: 0.0 };
        let usual = self.inputs.entry(id.clone()).or_insert(new);
        if usual.range(self.threshold).is_some_and(|range| !range.contains(&value)) {
            let alert = format!("{id} is {value}, usually {usual}");
            let parameters = [("of".into(), id.clone().into()), ("value".into(), value.into())];
            outputs::send_with("alert", alert, Encoding::Raw, &parameters)?;
        }
        usual.take(value, self.alpha);
        let mut parameters = message.metadata.parameters;
        parameters.push(("input".into(), id.into()));
        if let Some(range) = usual.range(self.threshold) {
            parameters.push(("low".into(), (*range.start()).into()));
            parameters.push(("high".into(), (*range.end()).into()));
        }
        let smooth = format!("{:.1}", usual.mean);
        Ok(outputs::send_with("smooth", smooth, Encoding::Raw, &parameters)?)
    }
}

/// What is usual goes on in the component that takes the place of this one: a line for each input.
impl Stateful for Anomaly {
    fn save(&self) -> Result<Vec<u8>> {
        let line = |(id, usual): (&String, &Usual)| {
            let Usual { values, mean, variance } = usual;
            format!("{id} {values} {mean} {variance}\n")
        };
        Ok(self.inputs.iter().map(line).collect::<String>().into())
    }

    fn restore(state: Vec<u8>) -> Result<Self> {
        let mut anomaly = Self::new()?;
        for line in String::from_utf8(state)?.lines() {
            let [id, values, mean, variance] = line.split(' ').collect::<Vec<_>>()[..] else {
                return Err(format!("this is no state of an input: {line:?}").into());
            };
            let (values, mean) = (values.parse()?, mean.parse()?);
            let usual = Usual { values, mean, variance: variance.parse()? };
            anomaly.inputs.insert(id.to_owned(), usual);
        }
        Ok(anomaly)
    }
}

impl Usual {
    /// From where to where the next value is not far; none before enough of them are known.
    fn range(&self, threshold: f64) -> Option<RangeInclusive<f64>> {
        let far = threshold * self.deviation();
        (self.values >= WARM_UP).then_some(self.mean - far..=self.mean + far)
    }

    fn deviation(&self) -> f64 {
        self.variance.sqrt().max(LEAST_DEVIATION)
    }

    fn take(&mut self, value: f64, alpha: f64) {
        let difference = value - self.mean;
        self.values += 1;
        self.mean += alpha * difference;
        self.variance += alpha * (difference * difference - self.variance);
    }
}

impl fmt::Display for Usual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ± {:.1}", self.mean, self.deviation())
    }
}

stateful_handler!(Anomaly);
