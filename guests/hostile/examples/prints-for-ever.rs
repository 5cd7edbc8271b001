//! Prints lines without end.

use thalweg_guest::{Result, program};

program!(run);

fn run() -> Result {
    for number in 0_u64.. {
        println!("line {number}");
    }
    Ok(())
}
