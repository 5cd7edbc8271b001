//! Sends `count` messages of `size` bytes as fast as they are taken, each with its number in its first 8
//! bytes. `measures` counts them. `tests/host/delivery.rs` runs it, and `benches/` to see how many pass.

use thalweg_guest::{Payload, Result, outputs, parameters, program};

program!(run);

/// Beyond this a payload is copied to the host straight from where it is; one by value would be copied
/// into a list first.
const INLINE: usize = 8 << 10;

fn run() -> Result {
    let count: u64 = parameters::require("count")?;
    let size: usize = parameters::get_or("size", 8)?;
    let mut bytes = vec![7; size.max(8)];
    for number in 0..count {
        for (byte, new) in bytes.iter_mut().zip(number.to_le_bytes()) {
            *byte = new;
        }
        let payload = if size > INLINE { Payload::shared(&bytes) } else { Payload::from(&*bytes) };
        outputs::send("out", payload)?;
    }
    Ok(())
}
