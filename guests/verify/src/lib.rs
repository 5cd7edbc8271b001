//! Fails unless each input brings the messages of `counts` complete and in order; with `drops:
//! true`, unless each gap is counted. `tests/host/delivery.rs` runs it.

use std::collections::BTreeMap;

use thalweg_guest::{Event, Handler, Message, Result, Value, handler, log, outputs, parameters};

struct Verify {
    drops: bool,
    inputs: BTreeMap<String, Seen>,
}

/// What an input brought so far.
#[derive(Default)]
struct Seen {
    messages: u64,
    dropped: u64,
    next_number: u64,
    closed: bool,
}

impl Handler for Verify {
    fn new() -> Result<Self> {
        Ok(Verify { drops: parameters::get_or("drops", false)?, inputs: BTreeMap::new() })
    }

    fn on_event(&mut self, event: Event) -> Result {
        match event {
            Event::Input { id, dropped, message } => {
                let seen = self.inputs.entry(id.clone()).or_default();
                seen.check(dropped, &message, self.drops)
                    .map_err(|error| error.context(format_args!("input `{id}`")))?;
            }
            Event::InputClosed { id, dropped } => {
                let seen = self.inputs.entry(id).or_default();
                seen.dropped += dropped;
                seen.closed = true;
            }
            Event::Stop(_) => self.summary()?,
            _ => {}
        }
        Ok(())
    }
}

handler!(Verify);

impl Seen {
    fn check(&mut self, dropped: u64, message: &Message, drops: bool) -> Result {
        self.dropped += dropped;
        let (sequence, due) = (message.metadata.sequence, self.messages + self.dropped);
        let number = number(message)?;
        ensure(!self.closed, || format!("message {sequence} came after the input closed"))?;
        ensure(sequence == due, || format!("sequence {sequence} came where {due} was due"))?;
        ensure(drops || dropped == 0, || format!("{dropped} dropped before message {sequence}"))?;
        ensure(number == self.next_number || (drops && number > self.next_number), || {
            format!("number {number} came where {} was due", self.next_number)
        })?;
        self.messages += 1;
        self.next_number = number + 1;
        Ok(())
    }
}

/// The number that `counts` gave a message, if all of the message agrees on it.
fn number(message: &Message) -> Result<u64> {
    let parameter = |name| match message.metadata.parameter(name) {
        Some(Value::Integer(value)) => Ok(*value as u64),
        other => Err(format!("parameter `{name}` is {other:?}")),
    };
    let (number, size) = (parameter("number")?, parameter("size")?);
    let bytes = message.payload.bytes();
    let (start, rest) = bytes.split_at(bytes.len().min(8));
    ensure(bytes.len() as u64 == size, || format!("{number} has {} bytes", bytes.len()))?;
    ensure(number.to_le_bytes().starts_with(start), || format!("{number} begins with {start:?}"))?;
    ensure(rest.iter().all(|byte| *byte == number as u8), || format!("{number} was changed"))?;
    Ok(number)
}

fn ensure(condition: bool, text: impl FnOnce() -> String) -> Result {
    if condition { Ok(()) } else { Err(text())? }
}

impl Verify {
    /// `messages` and `dropped` of each input, to the log and on `summary` where the descriptor
    /// gives that output.
    fn summary(&self) -> Result {
        let inputs = self.inputs.iter().map(|(id, seen)| {
            format!("{id}: {} messages, {} dropped", seen.messages, seen.dropped)
        });
        let summary = inputs.collect::<Vec<_>>().join("; ");
        log::info(&summary);
        match outputs::send("summary", summary) {
            Err(outputs::SendError::UnknownOutput { .. }) => Ok(()),
            sent => Ok(sent?),
        }
    }
}
