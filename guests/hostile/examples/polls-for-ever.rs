//! Asks without end whether no time has passed: every call is answered at once.

use thalweg_guest::{Event, Handler, Result, handler};
use wasip2::clocks::monotonic_clock;

struct PollsForEver;

impl Handler for PollsForEver {
    fn new() -> Result<Self> {
        Ok(PollsForEver)
    }

    fn on_event(&mut self, _: Event) -> Result {
        loop {
            monotonic_clock::subscribe_duration(0).block();
        }
    }
}

handler!(PollsForEver);
