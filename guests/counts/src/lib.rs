//! Sends `count` numbered messages whose lengths repeat `sizes`, at once or `per-tick`. `verify`
//! checks them. `tests/host/delivery.rs` runs it.

use thalweg_guest::{Encoding, Event, Result, events, outputs, parameters, program};

program!(run);

/// Messages between two looks for a stop.
const BURST: usize = 64;

fn run() -> Result {
    let count: u64 = parameters::require("count")?;
    let per_tick: usize = parameters::get_or("per-tick", 0)?;
    let sizes = sizes(&parameters::get_or("sizes", "8".to_owned())?)?;
    let mut messages = (0..count).zip(sizes.into_iter().cycle()).peekable();
    if per_tick == 0 {
        return send_without_waiting(messages);
    }
    for event in events::iter() {
        if let Event::Tick { .. } = event {
            messages.by_ref().take(per_tick).try_for_each(send)?;
        }
        if messages.peek().is_none() {
            break;
        }
    }
    Ok(())
}

fn send_without_waiting(mut messages: impl Iterator<Item = (u64, usize)>) -> Result {
    while let Some(message) = messages.next() {
        send(message)?;
        messages.by_ref().take(BURST).try_for_each(send)?;
        if let Ok(Event::Stop(_)) = events::try_next() {
            break;
        }
    }
    Ok(())
}

/// `8,4096*3` is once 8, then three times 4096.
fn sizes(text: &str) -> Result<Vec<usize>> {
    let mut sizes = Vec::new();
    for part in text.split(',') {
        let (size, times) = part.split_once('*').unwrap_or((part, "1"));
        sizes.extend(std::iter::repeat_n(size.trim().parse::<usize>()?, times.trim().parse()?));
    }
    Ok(sizes)
}

/// Number in the first 8 bytes, its lowest byte in the others; number and length as parameters.
fn send((number, size): (u64, usize)) -> Result {
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.resize(size, number as u8);
    let parameters =
        [("number".into(), (number as i64).into()), ("size".into(), (bytes.len() as i64).into())];
    Ok(outputs::send_with("out", bytes, Encoding::Raw, &parameters)?)
}
