//! The only part of the check that looks at the host: its files and its environment.

use std::path::Path;

use crate::descriptor::ProblemKind;

/// Checks that there is a component file. It is read later.
pub(super) fn component(path: &Path, written: &str) -> Result<(), ProblemKind> {
    let path_text = written.to_owned();
    match path.metadata() {
        Err(_) => Err(ProblemKind::NoComponentFile { path: path_text }),
        Ok(metadata) if !metadata.is_file() => {
            Err(ProblemKind::ComponentNotAFile { path: path_text })
        }
        Ok(_) => Ok(()),
    }
}

/// Checks that there is a folder to grant.
pub(super) fn folder(path: &Path, written: &str) -> Result<(), ProblemKind> {
    let path_text = written.to_owned();
    match path.metadata() {
        Err(_) => Err(ProblemKind::NoFolder { path: path_text }),
        Ok(metadata) if !metadata.is_dir() => Err(ProblemKind::NotAFolder { path: path_text }),
        Ok(_) => Ok(()),
    }
}

/// The value of a granted variable.
pub(super) fn variable(name: &str) -> Result<String, ProblemKind> {
    std::env::var(name).map_err(|_| ProblemKind::VariableNotSet { name: name.to_owned() })
}
