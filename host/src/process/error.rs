//! Why a process cannot start.

use std::io;
use std::path::PathBuf;

use crate::id::NodeId;

/// Why the process of a node cannot start.
#[derive(Debug, thiserror::Error)]
#[error("node `{node}`: script `{}`: {problem}", .script.display())]
pub struct ProcessError {
    /// The node.
    pub node: NodeId,
    /// The script that it should run.
    pub script: PathBuf,
    /// What is in the way.
    pub problem: ProcessProblem,
}

/// What is in the way of a process.
#[derive(Debug, thiserror::Error)]
pub enum ProcessProblem {
    /// No interpreter is where one is looked for.
    #[error(
        "there is no Python to run it: neither `bin/python` of an active venv, nor `.venv/bin/python` in `{}` or above, nor `python3` or `python` on PATH; make a venv beside it, or name its Python under `interpreter`",
        .folder.display()
    )]
    NoPython {
        /// The folder of the script.
        folder: PathBuf,
    },
    /// `interpreter: uv` without uv.
    #[error("`interpreter` names `uv`, and there is no such command on PATH: install it")]
    NoUv,
    /// The operating system does not start it.
    #[error("cannot start `{}`: {source}", .program.display())]
    NotStarted {
        /// The interpreter.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
}
