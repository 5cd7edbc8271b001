//! Has 100,000 timers run at once.

use thalweg_guest::{Result, program};
use wasip2::clocks::monotonic_clock::subscribe_duration;

program!(run);

fn run() -> Result {
    let timers: Vec<_> = (0..100_000).map(|_| subscribe_duration(u64::MAX)).collect();
    wasip2::io::poll::poll(&timers.iter().collect::<Vec<_>>());
    Ok(())
}
