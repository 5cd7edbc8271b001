//! Waits on the clock for as long as one can say.

use thalweg_guest::{Result, program};

program!(run);

fn run() -> Result {
    loop {
        wasip2::clocks::monotonic_clock::subscribe_duration(u64::MAX).block();
    }
}
