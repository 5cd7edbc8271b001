//! Why a process cannot start.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::digest::Digest;
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
    /// The script cannot be read, to see whether it is the one that was approved.
    #[error("cannot read it: {0}")]
    Unreadable(#[source] io::Error),
    /// The script is not the one that was approved.
    #[error(
        "its sha256 is {actual}, but the lock file has {locked}; if the change is meant, run `thalweg lock`"
    )]
    OtherThanLocked {
        /// What the lock file says.
        locked: Digest,
        /// What the file is.
        actual: Digest,
    },
    /// The operating system does not start it.
    #[error("cannot start `{}`: {source}", .program.display())]
    NotStarted {
        /// The interpreter.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The interpreter cannot import the package.
    #[error(
        "`{}` has no package `thalweg`: install it there (`{} -m pip install thalweg`), or name another Python under `interpreter`",
        .program.display(), .program.display()
    )]
    NoPackage {
        /// The interpreter.
        program: PathBuf,
    },
    /// The package does not fit this host.
    #[error("{0}")]
    OtherVersion(String),
    /// The script raised an exception before it had made its node.
    #[error("it failed before it made its `thalweg.Node`:\n{failure}")]
    Failed {
        /// The traceback.
        failure: String,
    },
    /// The process ended before the script had made its node.
    #[error("its process {exit} before it made its `thalweg.Node`{}", quoted(.stderr))]
    Ended {
        /// How.
        exit: String,
        /// The last that it wrote to standard error.
        stderr: String,
    },
    /// The script made no node in time.
    #[error("it did not make its `thalweg.Node` within {0:?}; `ready` gives it more time")]
    Silent(Duration),
    /// The process broke the rules of the link.
    #[error("its process broke the rules of the link: {0}")]
    Broken(String),
}

fn quoted(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!(":\n{}", stderr.trim_end()) }
}
