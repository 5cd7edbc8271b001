//! `thalweg completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Arguments, Exit, print};

/// What completions are asked for.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  thalweg completions bash > ~/.local/share/bash-completion/completions/thalweg
  thalweg completions fish > ~/.config/fish/completions/thalweg.fish")]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}

/// Prints the completions of a shell.
///
/// # Errors
///
/// When they cannot be written.
pub fn completions(completions: &Completions) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Arguments::command(), "thalweg", &mut script);
    print(&String::from_utf8(script)?)?;
    Ok(Exit::Well)
}
