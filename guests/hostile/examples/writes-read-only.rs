//! Changes a folder that it may only read, in every way.

use std::fs;

use hostile::refused;
use thalweg_guest::{Result, program};

program!(run);

fn run() -> Result {
    refused("write", fs::write("/in/note", "changed"))?;
    refused("create", fs::write("/in/fresh", "changed"))?;
    refused("append", fs::OpenOptions::new().append(true).open("/in/note"))?;
    refused("truncate", fs::OpenOptions::new().write(true).truncate(true).open("/in/note"))?;
    refused("remove a file", fs::remove_file("/in/note"))?;
    refused("make a folder", fs::create_dir("/in/folder"))?;
    refused("remove a folder", fs::remove_dir("/in/inner"))?;
    refused("rename", fs::rename("/in/note", "/in/renamed"))?;
    refused("link", fs::hard_link("/in/note", "/in/linked"))?;
    let note = fs::File::open("/in/note")?;
    refused("set the length", note.set_len(0))?;
    refused("set the time", note.set_modified(std::time::SystemTime::UNIX_EPOCH))
}
