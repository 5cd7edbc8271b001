//! Sends for each number that it receives the sum of all so far, and how many there were, which both go on in
//! the component that takes its place. `tests/host/swap.rs` and `make proof-swap` run it.

use thalweg_guest::{Event, Handler, Result, Stateful, outputs, stateful_handler};

struct Sums {
    sum: u64,
    numbers: u64,
}

impl Handler for Sums {
    fn new() -> Result<Self> {
        Ok(Sums { sum: 0, numbers: 0 })
    }

    fn on_event(&mut self, event: Event) -> Result {
        let Event::Input { message, .. } = event else { return Ok(()) };
        self.sum += message.payload.text()?.parse::<u64>()?;
        self.numbers += 1;
        Ok(outputs::send("out", format!("{} {}", self.numbers, self.sum))?)
    }
}

impl Stateful for Sums {
    fn save(&self) -> Result<Vec<u8>> {
        Ok(format!("{} {}", self.numbers, self.sum).into())
    }

    fn restore(state: Vec<u8>) -> Result<Self> {
        let text = String::from_utf8(state)?;
        let (numbers, sum) = text.split_once(' ').ok_or("this is not the state of sums")?;
        Ok(Sums { sum: sum.parse()?, numbers: numbers.parse()? })
    }
}

stateful_handler!(Sums);
