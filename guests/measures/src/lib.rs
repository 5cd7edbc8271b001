//! What came of the messages of `floods` or `paces`: how many, when the first was sent and the last taken,
//! and, with the parameter `delays: true`, how long each took. `read: true` copies each payload in. At the
//! stop it sends this as JSON. `tests/host/delivery.rs` runs it, and `benches/`.

use std::time::SystemTime;

use thalweg_guest::{Event, Handler, Message, Result, handler, outputs, parameters};

#[derive(Default)]
struct Measures {
    read: bool,
    takes_delays: bool,
    count: u64,
    first: u64,
    /// Keeps what was read from being left out as unused.
    sum: u64,
    delays: Vec<u64>,
}

impl Handler for Measures {
    fn new() -> Result<Self> {
        Ok(Measures {
            read: parameters::get_or("read", false)?,
            takes_delays: parameters::get_or("delays", false)?,
            ..Measures::default()
        })
    }

    fn on_event(&mut self, event: Event) -> Result {
        match event {
            Event::Input { message, .. } => self.take(&message),
            Event::Stop(_) => self.tell(),
            _ => Ok(()),
        }
    }
}

handler!(Measures);

impl Measures {
    fn take(&mut self, message: &Message) -> Result {
        if self.count == 0 {
            self.first = message.metadata.timestamp;
        }
        self.count += 1;
        if self.read {
            let bytes = message.payload.bytes();
            self.sum = self.sum.wrapping_add(bytes.last().copied().unwrap_or(0).into());
        }
        if self.takes_delays {
            let sent = number(&message.payload.read(0, 8));
            self.delays.push(now()?.saturating_sub(sent));
        }
        Ok(())
    }

    fn tell(&self) -> Result {
        let Measures { count, first, sum, delays, .. } = self;
        let last = now()?;
        let found = format!(
            r#"{{"count":{count},"first":{first},"last":{last},"sum":{sum},"delays":{delays:?}}}"#
        );
        Ok(outputs::send("found", found)?)
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn now() -> Result<u64> {
    Ok(SystemTime::UNIX_EPOCH.elapsed()?.as_nanos() as u64)
}
