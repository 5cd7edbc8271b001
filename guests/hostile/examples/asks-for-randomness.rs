//! Asks for 4 GiB of random bytes at once.

use thalweg_guest::{Result, program};

program!(run);

fn run() -> Result {
    let bytes = wasip2::random::random::get_random_bytes(4 << 30);
    Err(format!("it got {} bytes", bytes.len()))?
}
