//! Brings a file of a folder that it may only read into one that it may write, and back, without copying.

use std::fs;

use hostile::refused;
use thalweg_guest::{Result, program};

program!(run);

fn run() -> Result {
    refused("a hard link out of /in", fs::hard_link("/in/note", "/out/linked"))?;
    refused("a hard link into /in", fs::hard_link("/out/kept", "/in/linked"))?;
    refused("a rename out of /in", fs::rename("/in/note", "/out/renamed"))?;
    refused("a rename into /in", fs::rename("/out/kept", "/in/renamed"))?;
    refused("a rename over a file of /in", fs::rename("/out/kept", "/in/note"))?;
    refused("a rename out of the folder", fs::rename("/out/kept", "/out/../secret"))?;
    refused("a hard link to the outside", fs::hard_link("/out/link", "/out/linked/"))
}
