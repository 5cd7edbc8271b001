//! The command `thalweg`, as the package installs it.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command to its end and gives its exit code. `arguments` begin with the name of the program.
///
/// While a dataflow runs it takes SIGINT and SIGTERM for itself: Python's own handlers must be out of the way.
#[pyfunction]
pub(crate) fn run_command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| thalweg::cli::main(arguments).code())
}
