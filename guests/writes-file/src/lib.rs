//! Writes `text` to the file `path`, or fails with the reason. `tests/host/grants.rs` runs it.

use std::fs;

use thalweg_guest::{Error, Result, parameters, program};

program!(run);

fn run() -> Result {
    let path: String = parameters::require("path")?;
    fs::write(&path, parameters::require::<String>("text")?)
        .map_err(|error| Error::from(error).context(format_args!("cannot write `{path}`")))
}
