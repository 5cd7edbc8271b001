//! What can be asked of a running dataflow.

use std::sync::{Arc, Weak};

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::status::Board;
use super::swap::SwapAsk;
use crate::dataflow::Dataflow;
use crate::id::NodeId;
use crate::node;
use crate::prepare::Replacements;

/// Restarts and swaps that may be asked for before whoever asks for more waits.
const WAITING_ASKS: usize = 16;

/// Asks things of a running dataflow. Clones speak to the same dataflow; when it has ended, [`Self::stop`]
/// and [`Self::kill`] do nothing.
#[derive(Clone, Debug)]
pub struct Control {
    pub(super) stop: CancellationToken,
    pub(super) kill: CancellationToken,
    pub(super) board: Arc<Board>,
    nodes: Arc<[NodeId]>,
    asks: mpsc::Sender<NodeAsk>,
    /// There for as long as the dataflow runs, so that who keeps this does not keep its engine.
    pub(super) replacements: Weak<Replacements>,
    /// Swaps take turns.
    pub(super) swaps: Arc<Semaphore>,
}

/// What is asked about one node.
#[derive(Debug)]
pub(super) enum NodeAsk {
    Restart(RestartAsk),
    Swap(SwapAsk),
}

/// That a node is started again, and where to say what came of it.
#[derive(Debug)]
pub(super) struct RestartAsk {
    pub(super) node: usize,
    pub(super) answer: RestartAnswer,
}

pub(super) type RestartAnswer = oneshot::Sender<Result<(), RestartError>>;

impl Control {
    pub(super) fn new(
        dataflow: &Dataflow,
        board: Arc<Board>,
        replacements: Weak<Replacements>,
    ) -> (Self, mpsc::Receiver<NodeAsk>) {
        let (asks, asked) = mpsc::channel(WAITING_ASKS);
        let nodes = dataflow.nodes().iter().map(|node| node.id.clone()).collect();
        let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
        let swaps = Arc::new(Semaphore::new(1));
        (Self { stop, kill, board, nodes, asks, replacements, swaps }, asked)
    }

    /// Asks the sources to end. What was sent is delivered, and closings ripple downstream. What has not
    /// ended within the grace period is ended by force.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Ends every node at once.
    pub fn kill(&self) {
        self.kill.cancel();
    }

    pub(super) fn is_asked_to_end(&self) -> bool {
        self.stop.is_cancelled() || self.kill.is_cancelled()
    }

    /// Ends the instance that runs a node, at its next await, and starts another in its place; returns when
    /// that one is ready.
    ///
    /// The others see nothing of it. What is queued for the node stays queued, senders that wait for room
    /// stay waiting, its outputs stay open, and their sequences go on. What the instance had taken and not
    /// finished is lost with it, and counted as delivered, or given again, as [`crate::InHand`] says. A node
    /// that waits for its backoff is started at once. CPU time, peak memory and the numbers of events go
    /// on in the report, which counts the restarts.
    ///
    /// Asked again while the new instance is being made ready, it joins that restart. Dropping the future
    /// does not take back what was asked. A node may ask for its own restart.
    ///
    /// # Errors
    ///
    /// [`RestartError`]; the node is then as it was, but for [`RestartError::NotReady`].
    pub async fn restart(&self, node: &str) -> Result<(), RestartError> {
        let Some(position) = self.position(node) else {
            return Err(RestartError::UnknownNode { node: node.into() });
        };
        let (answer, answered) = oneshot::channel();
        let ended = || RestartError::Ended { node: node.into() };
        self.ask(NodeAsk::Restart(RestartAsk { node: position, answer }))
            .await
            .ok_or_else(ended)?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    /// The number of a node.
    pub(super) fn position(&self, node: &str) -> Option<usize> {
        self.nodes.iter().position(|known| known.as_str() == node)
    }

    /// None when the dataflow has ended.
    pub(super) async fn ask(&self, ask: NodeAsk) -> Option<()> {
        self.asks.send(ask).await.ok()
    }
}

/// Why a node was not started again.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RestartError {
    /// The dataflow has no such node.
    #[error("the dataflow has no node `{node}`")]
    UnknownNode {
        /// The name that was asked for.
        node: Box<str>,
    },
    /// The node has ended, by itself or by force, or it has taken its last event and is about to.
    #[error("node `{node}` has ended")]
    Ended {
        /// The node.
        node: Box<str>,
    },
    /// The embedding program supplied code for one instance: see
    /// [`crate::PreparedDataflow::embed_restartable`].
    #[error(
        "node `{node}` cannot be started again: the program supplied its code for one instance"
    )]
    OnlyOnce {
        /// The node.
        node: Box<str>,
    },
    /// The new instance could not be made ready. The node has ended as failed, with this reason, unless its
    /// policy starts it again.
    #[error(transparent)]
    NotReady(Arc<node::NotReady>),
}
