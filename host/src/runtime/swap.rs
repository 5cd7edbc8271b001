//! Another component in the place of one that runs.

mod pending;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::control::{Control, NodeAsk};
use crate::component::PrepareError;
use crate::node::NotReady;
use crate::prepare::Replacement;

pub(super) use pending::{PendingSwap, Swapped};

/// What becomes of the state of a component that another takes the place of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OldState {
    /// Where the old one hands it on, the new one takes it.
    #[default]
    Keep,
    /// The new one begins anew.
    Forget,
}

/// That a node is given another component, and where to say what came of it.
pub(super) struct SwapAsk {
    pub(super) node: usize,
    replacement: Replacement,
    old_state: OldState,
    answer: SwapAnswer,
    turn: Turn,
}

/// There is room for one instance beside those that run: swaps are made one after the other.
type Turn = OwnedSemaphorePermit;

impl std::fmt::Debug for SwapAsk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SwapAsk").field("node", &self.node).finish_non_exhaustive()
    }
}

type SwapAnswer = oneshot::Sender<Result<(), SwapError>>;

impl Control {
    /// Runs a node by the component of another file from now on; returns when its first instance is ready.
    ///
    /// No event is lost by it. The file is read, compiled and checked first, off the threads of the nodes, as
    /// before a start; the node goes on meanwhile. It is then stopped at rest, where nothing is in hand: a
    /// handler between two calls, a program while it asks for events, or behind a message while it holds no
    /// event. The old instance is kept until the new one is ready, and goes on if that cannot be. What is
    /// queued, who waits to send, outputs, sequences and counts stay, as in [`Self::restart`]; readers see
    /// [`crate::Event::InputRestarted`].
    ///
    /// The state of a handler that exports `thalweg:node/state` is handed on; any other begins anew. The worlds
    /// may differ: nobody outside can tell them apart. The node has the grants, limits, arguments and
    /// parameters that it had: with them the new component can do no more than the old one could. From
    /// now on restarts use the new file. A node that waits for its backoff is started by the new component
    /// at once.
    ///
    /// Swaps of a dataflow are made one after the other. Dropping the future takes nothing back once the file is
    /// checked.
    ///
    /// # Errors
    ///
    /// [`SwapError`]; the component that was there goes on, where it does not say otherwise.
    ///
    /// # Panics
    ///
    /// When the compiler panics: that is a bug of its own.
    pub async fn swap(
        &self,
        node: &str,
        path: impl Into<PathBuf>,
        old_state: OldState,
    ) -> Result<(), SwapError> {
        let path = path.into();
        let Some(position) = self.position(node) else {
            return Err(SwapError::UnknownNode { node: node.into() });
        };
        let ended = || SwapError::Ended { node: node.into() };
        let replacements = self.replacements.upgrade().ok_or_else(ended)?;
        if !replacements.has_component(position) {
            return Err(SwapError::NotComponent { node: node.into() });
        }
        let turn = Arc::clone(&self.swaps).acquire_owned().await.map_err(|_| ended())?;
        let prepared = tokio::task::spawn_blocking(move || replacements.prepare(position, &path));
        let prepared = match prepared.await {
            Ok(prepared) => prepared.ok_or_else(ended)?,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => return Err(ended()),
        };
        let replacement = prepared.map_err(|error| SwapError::Unfit(Arc::new(error)))?;
        let (answer, answered) = oneshot::channel();
        let ask = SwapAsk { node: position, replacement, old_state, answer, turn };
        self.ask(NodeAsk::Swap(ask)).await.ok_or_else(ended)?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// Why a node was not given another component.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SwapError {
    /// The dataflow has no such node.
    #[error("the dataflow has no node `{node}`")]
    UnknownNode {
        /// The name that was asked for.
        node: Box<str>,
    },
    /// The node is of another kind.
    #[error("node `{node}` is no component; `restart` starts its script or its code again")]
    NotComponent {
        /// The node.
        node: Box<str>,
    },
    /// The node has ended, by itself or by force, or it has taken its last event and is about to.
    #[error("node `{node}` has ended")]
    Ended {
        /// The node.
        node: Box<str>,
    },
    /// The node is being started again just now.
    #[error("node `{node}` is being started just now; try again")]
    Busy {
        /// The node.
        node: Box<str>,
    },
    /// A dataflow would not start with the file, its digest is not the one that was pinned or locked, or there is
    /// no room for it.
    #[error("{0}; the present component goes on")]
    Unfit(Arc<PrepareError>),
    /// The present component hands its state on, and the new one does not take it.
    #[error(
        "node `{node}`: the new component exports no `thalweg:node/state`, so the state that the present one hands on would be lost; `--fresh` (`OldState::Forget`) says that it may"
    )]
    StateLost {
        /// The node.
        node: Box<str>,
    },
    /// The present component was not without an event in hand in time.
    #[error(
        "node `{node}` did not come to rest within {patience:?}: it was in a call, waited for room, or held an event all the time; it goes on as it was"
    )]
    NotAtRest {
        /// The node.
        node: Box<str>,
        /// Its grace period.
        patience: Duration,
    },
    /// The instance ended before the new one took its place. What follows is what its policy says.
    #[error("node `{node}` was not swapped, because its instance ended meanwhile: {exit}")]
    InstanceEnded {
        /// The node.
        node: Box<str>,
        /// How.
        exit: Box<str>,
    },
    /// The present component refused to save its state, or saved too much.
    #[error("node `{node}`: its state was not saved: {reason}; the present component goes on")]
    NotSaved {
        /// The node.
        node: Box<str>,
        /// What it said, or how much it was.
        reason: Box<str>,
    },
    /// The new component did not take the state.
    #[error(
        "node `{node}`: the new component did not restore the state: {reason}; the present one goes on"
    )]
    NotRestored {
        /// The node.
        node: Box<str>,
        /// What it said, or how it ended.
        reason: Box<str>,
    },
    /// The new component could not be made ready.
    #[error("{0}; the present component goes on")]
    NotReady(Arc<NotReady>),
    /// The node waited to be started again, and the new component could not be made ready. That is a failure of the
    /// node, which its policy follows with the component that it had.
    #[error("{0}; the node goes on as its `restart` says, with the component that it had")]
    NotStarted(Arc<NotReady>),
}
