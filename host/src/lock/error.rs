//! What is wrong with a lock file, or with a dataflow that is held to one.

use std::io;
use std::path::PathBuf;

use crate::digest::Digest;
use crate::id::NodeId;

/// Why a dataflow is not what its lock file says.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// There is no lock file.
    #[error("there is no lock file `{}`; `thalweg lock` writes it", .path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("cannot read the lock file `{}`: {source}", .path.display())]
    Unreadable {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no lock file.
    #[error("lock file `{}`, line {line}: {problem}", .path.display())]
    Malformed {
        /// The lock file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// It is of another version.
    #[error(
        "lock file `{}` is of version {version}, and this host knows version {known}; write it again by `thalweg lock`",
        .path.display()
    )]
    OtherVersion {
        /// The lock file.
        path: PathBuf,
        /// What it says.
        version: i64,
        /// What is known.
        known: i64,
    },
    /// The dataflow is not as approved.
    #[error("{}", .problems.iter().map(|problem| format!("lock file `{}`: {problem}", .path.display())).collect::<Vec<_>>().join("\n"))]
    Differs {
        /// The lock file.
        path: PathBuf,
        /// Everything that differs.
        problems: Vec<LockProblem>,
    },
}

/// What is not as it was approved.
#[derive(Debug, thiserror::Error)]
pub enum LockProblem {
    /// A node that was not there when the lock file was written.
    #[error("node `{node}`{} is not locked", .file.as_ref().map(|file| format!(" (`{file}`)")).unwrap_or_default())]
    NotLocked {
        /// The node.
        node: NodeId,
        /// What runs it, where a file does.
        file: Option<String>,
    },
    /// A node that is there no more.
    #[error("it has node `{node}`, and the dataflow has none of that name")]
    Gone {
        /// The node.
        node: String,
    },
    /// Something else runs the node.
    #[error("node `{node}`: it is locked as {locked}, and is {now}")]
    OtherCode {
        /// The node.
        node: NodeId,
        /// What was approved.
        locked: String,
        /// What it is.
        now: String,
    },
    /// The node is given something else.
    #[error("node `{node}`: what it is given is not what is locked{}{}", lines("now", .more), lines("locked", .less))]
    OtherGrants {
        /// The node.
        node: NodeId,
        /// What is not locked.
        more: Vec<String>,
        /// What is locked, and not given any more.
        less: Vec<String>,
    },
    /// The dataflow as a whole is given something else.
    #[error("what the dataflow is given is not what is locked{}{}", lines("now", .more), lines("locked", .less))]
    OtherWhole {
        /// What is not locked.
        more: Vec<String>,
        /// What is locked, and not given any more.
        less: Vec<String>,
    },
    /// A script is not the one that was approved.
    #[error("node `{node}`: script `{}`: its sha256 is {actual}, but {locked} is locked", .path.display())]
    OtherScript {
        /// The node.
        node: NodeId,
        /// The script.
        path: PathBuf,
        /// What was approved.
        locked: Digest,
        /// What it is.
        actual: Digest,
    },
    /// The descriptor and the lock file name different digests.
    #[error(
        "node `{node}`: component `{}`: the descriptor pins {pinned}, but {locked} is locked", .path.display()
    )]
    OtherPin {
        /// The node.
        node: NodeId,
        /// The component.
        path: PathBuf,
        /// What the descriptor says.
        pinned: Digest,
        /// What was approved.
        locked: Digest,
    },
    /// What should be locked is not what the descriptor pins.
    #[error(
        "node `{node}`: component `{}`: its sha256 is {actual}, but the descriptor pins {pinned}", .path.display()
    )]
    OtherThanPinned {
        /// The node.
        node: NodeId,
        /// The component.
        path: PathBuf,
        /// What the descriptor says.
        pinned: Digest,
        /// What the file is.
        actual: Digest,
    },
    /// A file cannot be read.
    #[error("node `{node}`: cannot read `{}`: {source}", .path.display())]
    Unreadable {
        /// The node.
        node: NodeId,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// One line each, indented.
fn lines(label: &str, given: &[String]) -> String {
    given.iter().map(|one| format!("\n  {label}: {one}")).collect()
}
