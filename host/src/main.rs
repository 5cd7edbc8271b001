//! The command `thalweg`.

use std::process::ExitCode;

use clap::Parser as _;
use thalweg::cli::{self, Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = cli::trace().and_then(|()| match &arguments.command {
        Command::Run(run) => cli::run(run),
        Command::Check(check) => cli::check(check),
        Command::Graph(graph) => cli::graph(graph),
        Command::Inspect(inspect) => cli::inspect(inspect),
        Command::Schema => cli::schema(),
        Command::Completions(completions) => cli::completions(completions),
    });
    outcome.unwrap_or_else(|error| cli::tell(&error)).into()
}
