//! Reads, lists and asks about the `path` that its folder `/in` does not have.

use std::fs;

use hostile::refused;
use thalweg_guest::{Result, parameters, program};

program!(run);

fn run() -> Result {
    let path: String = parameters::require("path")?;
    refused(format!("read {path}"), fs::read(&path))?;
    refused(format!("list {path}"), fs::read_dir(&path))?;
    refused(format!("metadata of {path}"), fs::metadata(&path))?;
    refused(format!("write {path}"), fs::write(&path, "changed"))
}
