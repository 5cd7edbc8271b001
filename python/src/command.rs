//! The command `thalweg`, as the package installs it.

use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::prelude::*;

/// Runs the command to its end and gives its exit code. `arguments` begin with the name of the program;
/// `python` runs the scripts of nodes that name no interpreter.
///
/// While a dataflow runs it takes SIGINT and SIGTERM for itself: Python's own handlers must be out of the way.
#[pyfunction]
#[pyo3(signature = (arguments, python=None))]
pub(crate) fn run_command(py: Python<'_>, arguments: Vec<OsString>, python: Option<PathBuf>) -> u8 {
    py.detach(|| thalweg::cli::main(arguments, python).code())
}
