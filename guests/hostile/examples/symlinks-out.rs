//! Makes links inside its folder that lead out of it, and follows them.

use std::fs;

use hostile::refused;
use thalweg_guest::{Result, program};
use wasip2::filesystem::preopens::get_directories;

program!(run);

fn run() -> Result {
    let directories = get_directories();
    let found = directories.iter().find(|(_, path)| path == "/out");
    let (folder, _) = found.ok_or("there is no /out")?;
    for (number, target) in
        ["../secret", "/etc/hostname", "..", "self/../../secret"].iter().enumerate()
    {
        let link = format!("made{number}");
        if folder.symlink_at(target, &link).is_err() {
            continue; // An absolute one cannot even be made.
        }
        for path in [format!("/out/{link}"), format!("/out/{link}/"), format!("/out/{link}/secret")]
        {
            refused(format!("{path} to {target}"), fs::read(&path))?;
            refused(format!("{path} to {target}"), fs::write(&path, "changed"))?;
        }
    }
    Ok(())
}
