//! Waits for what somebody types into the terminal of the host.

use std::io::Read;

use thalweg_guest::{Result, program};

program!(run);

fn run() -> Result {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    if text.is_empty() { Ok(()) } else { Err(format!("it read {text}"))? }
}
