//! Sends what is in the file `path`, or fails with the reason. `tests/host/grants.rs` runs it.

use std::fs;

use thalweg_guest::{Error, Result, outputs, parameters, program};

program!(run);

fn run() -> Result {
    let path: String = parameters::require("path")?;
    let bytes = fs::read(&path)
        .map_err(|error| Error::from(error).context(format_args!("cannot read `{path}`")))?;
    Ok(outputs::send("out", bytes)?)
}
