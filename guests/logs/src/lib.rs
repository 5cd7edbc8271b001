//! A line on stdout, one on stderr, one to the log, and an unfinished one. `tests/host/logging.rs`
//! runs it.

use thalweg_guest::{Result, log, program};

program!(run);

fn run() -> Result {
    println!("a line on stdout");
    eprintln!("a line on stderr");
    log::info("a line in the log");
    print!("no newline at the end");
    Ok(())
}
