//! Looks for what the host did not give it: variables, arguments, a working directory.

use thalweg_guest::{Result, program};

program!(run);

fn run() -> Result {
    let variables: Vec<_> = std::env::vars().collect();
    let arguments: Vec<_> = std::env::args().collect();
    let directory = wasip2::cli::environment::initial_cwd();
    if variables.is_empty() && arguments == ["bad"] && directory.is_none() {
        return Ok(());
    }
    Err(format!("it sees {variables:?}, {arguments:?}, {directory:?}"))?
}
