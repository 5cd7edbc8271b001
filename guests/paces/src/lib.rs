//! Sends a message of `size` bytes at each tick, `count` in all, with the time in its first 8 bytes.
//! `measures` takes the difference. `tests/host/delivery.rs` runs it, and `benches/` to see how long a
//! message takes.

use std::time::SystemTime;

use thalweg_guest::{Event, Handler, Payload, Result, handler, lifecycle, outputs, parameters};

struct Paces {
    left: u64,
    bytes: Vec<u8>,
}

impl Handler for Paces {
    fn new() -> Result<Self> {
        let size: usize = parameters::get_or("size", 8)?;
        Ok(Paces { left: parameters::require("count")?, bytes: vec![7; size.max(8)] })
    }

    fn on_event(&mut self, event: Event) -> Result {
        if !matches!(event, Event::Tick { .. }) || self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        let now = SystemTime::UNIX_EPOCH.elapsed()?.as_nanos() as u64;
        for (byte, new) in self.bytes.iter_mut().zip(now.to_le_bytes()) {
            *byte = new;
        }
        outputs::send("out", self.payload())?;
        if self.left == 0 {
            lifecycle::finish();
        }
        Ok(())
    }
}

handler!(Paces);

impl Paces {
    /// By value where that is how a component is given it, too; else straight from where it is.
    fn payload(&self) -> Payload {
        const INLINE: usize = 8 << 10;
        if self.bytes.len() > INLINE {
            Payload::shared(&self.bytes)
        } else {
            Payload::from(&*self.bytes)
        }
    }
}
