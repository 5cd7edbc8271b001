//! The only part of the check that looks at the host: its files and its environment.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

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

/// Checks that there is a script. It is read by its interpreter alone.
pub(super) fn script(path: &Path, written: &str) -> Result<(), ProblemKind> {
    let path_text = written.to_owned();
    match path.metadata() {
        Err(_) => Err(ProblemKind::NoScript { path: path_text }),
        Ok(metadata) if !metadata.is_file() => Err(ProblemKind::ScriptNotAFile { path: path_text }),
        Ok(_) => Ok(()),
    }
}

/// Checks that there is an interpreter that can be run.
pub(super) fn interpreter(path: &Path, written: &str) -> Result<(), ProblemKind> {
    if is_program(path) {
        return Ok(());
    }
    let path_text = written.to_owned();
    Err(match path.metadata() {
        Err(_) => ProblemKind::NoInterpreter { path: path_text },
        Ok(_) => ProblemKind::InterpreterNotExecutable { path: path_text },
    })
}

/// The file of a command.
pub(super) fn command(name: &str) -> Result<PathBuf, ProblemKind> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    on_path(name, &path, is_program)
        .ok_or_else(|| ProblemKind::InterpreterNotOnPath { name: name.to_owned() })
}

/// The first program of this name in the folders of `path`, which is written like the variable. A folder
/// without a name, which shells take for the working directory, is left out.
pub(crate) fn on_path(
    name: &str,
    path: &OsStr,
    is_program: impl Fn(&Path) -> bool,
) -> Option<PathBuf> {
    let folders = std::env::split_paths(path).filter(|folder| !folder.as_os_str().is_empty());
    folders.map(|folder| folder.join(name)).find(|file| is_program(file))
}

/// Whether there is a file that this user may run.
pub(crate) fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
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
