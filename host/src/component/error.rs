//! Why a component cannot run, told before anything starts.

use std::path::PathBuf;

use super::compiler::MAX_COMPONENT_BYTES;
use crate::digest::Digest;
use crate::id::NodeId;

/// Why the component of a node cannot run.
#[derive(Debug, thiserror::Error)]
#[error("node `{node}`: component `{}`: {problem}", .path.display())]
pub struct PrepareError {
    /// The node.
    pub node: NodeId,
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: ComponentProblem,
}

/// What is wrong with a component.
#[derive(Debug, thiserror::Error)]
pub enum ComponentProblem {
    /// The file cannot be read.
    #[error("cannot read it: {0}")]
    Unreadable(#[source] std::io::Error),
    /// The file is larger than [`MAX_COMPONENT_BYTES`].
    #[error("it is larger than {MAX_COMPONENT_BYTES} bytes, the most that a component may have")]
    TooLarge,
    /// The file is not the one that the descriptor pins.
    #[error(
        "its sha256 is {actual}, but the descriptor pins {pinned}; if the change is meant, write the new digest under `sha256`"
    )]
    OtherDigest {
        /// What the descriptor says.
        pinned: Digest,
        /// What the file is.
        actual: Digest,
    },
    /// The file is not the one that was approved.
    #[error(
        "its sha256 is {actual}, but the lock file has {locked}; if the change is meant, run `thalweg lock`"
    )]
    OtherThanLocked {
        /// What the lock file says.
        locked: Digest,
        /// What the file is.
        actual: Digest,
    },
    /// The file begins like nothing that can be run.
    #[error("it is no WebAssembly: it does not begin with `\\0asm`")]
    NotWasm,
    /// The file is a core module.
    #[error(
        "it is a core module, not a component; build it for `wasm32-wasip2`, or wrap it by `wasm-tools component new`"
    )]
    CoreModule,
    /// The file is damaged, cut short, or uses what is switched off.
    #[error("it is not valid, or cut short: {0}")]
    Invalid(String),
    /// It exports neither function by which worlds are told apart.
    #[error(
        "it is of another world: it exports {exports}, but a node exports `on-events` (world `handler`) or `run` (world `program`) of thalweg:node@0.1.0"
    )]
    NoWorld {
        /// What it does export.
        exports: String,
    },
    /// It exports both.
    #[error("it exports both `on-events` and `run`; a node is of one world")]
    TwoWorlds,
    /// It is built for another version of our package.
    #[error(
        "it is built for `{import}`, and this host offers thalweg:node@0.1.0; build it with the WIT package of this host"
    )]
    OtherVersion {
        /// The import that says so.
        import: String,
    },
    /// It imports something that no node has.
    #[error(
        "it imports `{import}`, which this host does not offer; it offers thalweg:node@0.1.0, wasi:logging@0.1.0-draft and wasi:cli/imports@0.2"
    )]
    UnknownImport {
        /// The import.
        import: String,
    },
    /// A function that it imports or exports has another type.
    #[error("it does not fit its world: {0}")]
    OtherType(String),
    /// It asks for more than its limits before it begins.
    #[error("it cannot be made ready within its limits: {0}")]
    OverLimit(String),
    /// It needs more memories, tables or room at its start than the dataflow was started with.
    #[error(
        "the dataflow was started without room for it beside the components that run: try again when no other swap is under way, or start the dataflow with it"
    )]
    NoRoom,
    /// A granted folder cannot be opened, or the machine has no more room.
    #[error("cannot make it ready: {0}")]
    NotReady(String),
}
