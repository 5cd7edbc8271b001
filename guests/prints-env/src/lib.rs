//! Prints its arguments and its environment, one a line. `tests/host/grants.rs` runs it.

use thalweg_guest::{Result, program};

program!(run);

fn run() -> Result {
    for argument in std::env::args() {
        println!("argument {argument}");
    }
    for (name, value) in std::env::vars() {
        println!("{name}={value}");
    }
    Ok(())
}
