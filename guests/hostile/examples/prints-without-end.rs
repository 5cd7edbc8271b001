//! Prints one line that does not end.

use std::io::Write;

use thalweg_guest::{Result, program};

program!(run);

fn run() -> Result {
    let mut stdout = std::io::stdout().lock();
    loop {
        stdout.write_all(&[b'x'; 64 << 10])?;
    }
}
