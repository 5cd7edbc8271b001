//! Opens a file that it was granted until it has no more handles.

use std::fs::File;

use thalweg_guest::{Result, program};

program!(run);

fn run() -> Result {
    let mut held = Vec::new();
    loop {
        held.push(File::open("/in/note")?);
    }
}
