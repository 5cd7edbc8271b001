//! The command line: what can be asked, and what is shown.
//!
//! Standard output holds what was asked for, standard error what is told besides. Both are written
//! with colours, which `anstream` takes out where they are not wanted or cannot be shown.

mod awake;
mod check;
mod completions;
mod grants;
mod graph;
mod inspect;
mod lock;
mod logs;
mod open;
pub mod problems;
mod progress;
mod report;
mod restart;
mod run;
mod running;
mod schema;
mod status;
mod stop;
mod swap;
mod text;
mod trace;
mod watch;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use check::{Check, check};
pub use completions::{Completions, completions};
pub use graph::{Graph, graph};
pub use inspect::{Inspect, inspect};
pub use lock::{Lock, lock};
pub use restart::{Restart, restart};
pub use run::{Run, run};
pub use schema::schema;
pub use status::{Status, status};
pub use stop::{Stop, stop};
pub use swap::{Swap, swap};
pub use trace::trace;

use open::Rejection;
use text::error_text;

/// Run dataflows of sandboxed WebAssembly components
#[derive(Debug, Parser)]
#[command(name = "thalweg", version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub struct Arguments {
    /// What is asked for.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a dataflow to its end, or until Ctrl-C
    Run(Run),
    /// Check descriptors and the components that they name
    Check(Check),
    /// Write down what a dataflow runs and hands out, to hold it to that
    Lock(Lock),
    /// Draw a dataflow
    Graph(Graph),
    /// Show what a component is, what it imports and what it may need
    Inspect(Inspect),
    /// Show which dataflows run, and how they are doing
    Status(Status),
    /// Stop a dataflow that runs
    Stop(Stop),
    /// Start a node of a dataflow that runs again
    Restart(Restart),
    /// Run a node of a dataflow that runs by another component
    Swap(Swap),
    /// Print the JSON Schema of descriptors, for editors
    Schema,
    /// Print completions for a shell
    Completions(Completions),
}

const AFTER_HELP: &str = "\
Examples:
  thalweg run dataflow.yaml
  thalweg check --grants dataflow.yaml
  thalweg lock dataflow.yaml
  thalweg graph dataflow.yaml --format svg -o dataflow.svg
  thalweg inspect node.wasm
  thalweg status

Exit codes:
  0    every node ended well
  1    a node did not end well
  2    the descriptor, a component or the command line is wrong; nothing was started
  130  the dataflow was ended at once by a second Ctrl-C

Set THALWEG_LOG=debug to see what the host does, NO_COLOR=1 for plain text.";

/// The command, as a function: reads the arguments, does what they ask for, and tells what is wrong on
/// standard error. `arguments` begin with the name of the program; `python` runs the scripts of nodes that
/// name no interpreter, unless the arguments name one.
///
/// Blocks until it is done. While a dataflow runs it takes SIGINT and SIGTERM of the process for itself.
pub fn main(arguments: impl IntoIterator<Item = OsString>, python: Option<PathBuf>) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(shown) => return show(&shown),
    };
    let outcome = trace().and_then(|()| match &arguments.command {
        Command::Run(arguments) => run(arguments, python),
        Command::Check(arguments) => check(arguments, python.as_deref()),
        Command::Lock(arguments) => lock(arguments),
        Command::Graph(arguments) => graph(arguments),
        Command::Inspect(arguments) => inspect(arguments),
        Command::Status(arguments) => status(arguments),
        Command::Stop(arguments) => stop(arguments),
        Command::Restart(arguments) => restart(arguments),
        Command::Swap(arguments) => swap(arguments),
        Command::Schema => schema(),
        Command::Completions(arguments) => completions(arguments),
    });
    outcome.unwrap_or_else(|error| tell(&error))
}

/// What is asked for by `--help` and `--version`, or what is wrong with the arguments.
fn show(shown: &clap::Error) -> Exit {
    // Nobody can be told if it cannot be written.
    let _ = shown.print();
    if shown.use_stderr() { Exit::Wrong } else { Exit::Well }
}

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every node ended well, or what was asked for was given.
    Well,
    /// A node did not end well.
    NodeFailed,
    /// What was given to the command is wrong; nothing was started.
    Wrong,
    /// The dataflow was ended at once by a second Ctrl-C.
    Killed,
}

impl Exit {
    /// The exit code of the process.
    pub fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::NodeFailed => 1,
            Self::Wrong => 2,
            // What a shell reports of a program that Ctrl-C ended: 128 + SIGINT.
            Self::Killed => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Says why the command could not do what was asked.
fn tell(error: &anyhow::Error) -> Exit {
    if is_closed_pipe(error) {
        // Whoever read has seen enough, as in `thalweg graph file | head`.
        return Exit::Well;
    }
    let text = match error.downcast_ref::<Rejection>() {
        Some(rejection) => rejection.to_string(),
        None => error_text(&format!("{error:#}")),
    };
    eprint(&text);
    Exit::Wrong
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let kind =
        error.chain().find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    kind == Some(io::ErrorKind::BrokenPipe)
}

/// Writes what was asked for to standard output.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Writes to standard error, in one piece among the lines of nodes. Nobody can be told if that fails.
fn eprint(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}
