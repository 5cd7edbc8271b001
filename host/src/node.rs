//! One instance of a node, from its start to its [`NodeExit`].

mod attached;
mod component;
mod process;
mod swap;

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::attach::{Guest, OpenError};
use crate::component::{Metered, PrepareError, PreparedComponent, Usage};
use crate::dataflow;
use crate::event::Parameters;
use crate::exit::NodeExit;
use crate::id::NodeId;
use crate::log::NodeLog;
use crate::ports::Ports;
use crate::process::ProcessError;

pub(crate) use swap::{Successor, Swap, SwapProblem};

pub(crate) type EmbeddedFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What makes an instance of a node.
pub(crate) enum Code {
    Component(Arc<PreparedComponent>, Arc<dataflow::Component>),
    Process(Arc<dataflow::Process>),
    /// Processes attach to it, as they come.
    Attached(Arc<Mutex<mpsc::Receiver<Guest>>>),
    /// The embedding program supplies it.
    Embedded(Arc<dyn Fn(Ports) -> EmbeddedFuture + Send + Sync>),
    /// The same, for one instance and no other.
    EmbeddedOnce(Box<dyn FnOnce(Ports) -> EmbeddedFuture + Send>),
}

impl Code {
    /// What makes another instance; none where there is only one.
    pub(crate) fn again(&self) -> Option<Self> {
        match self {
            Self::Component(component, code) => {
                Some(Self::Component(Arc::clone(component), Arc::clone(code)))
            }
            Self::Process(process) => Some(Self::Process(Arc::clone(process))),
            Self::Attached(guests) => Some(Self::Attached(Arc::clone(guests))),
            Self::Embedded(node) => Some(Self::Embedded(Arc::clone(node))),
            Self::EmbeddedOnce(_) => None,
        }
    }
}

/// What an instance is given for its life.
pub(crate) struct NodeSetup {
    pub(crate) id: NodeId,
    pub(crate) ports: Ports,
    /// Where this is not the first instance: cancelled once the ports of the one before are dropped.
    pub(crate) vacant: Option<CancellationToken>,
    pub(crate) parameters: Parameters,
    pub(crate) log: NodeLog,
    pub(crate) usage: Arc<Usage>,
    /// Cancelled once the last event of the node is queued.
    pub(crate) stopping: CancellationToken,
    /// The interpreter of the embedding program, for processes.
    pub(crate) python: Option<Arc<Path>>,
    /// How long it may take to be ready.
    pub(crate) ready: Duration,
    /// Where it is asked to make way for another component.
    pub(crate) successor: Successor,
}

/// Why a node could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// Its component cannot run.
    #[error(transparent)]
    Component(#[from] PrepareError),
    /// Its process cannot start.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Its component took too long.
    #[error(
        "node `{node}`: its start functions did not return within {ready:?}; `ready` gives it more time"
    )]
    Late {
        /// The node.
        node: NodeId,
        /// What it had.
        ready: Duration,
    },
    /// No process can attach to it.
    #[error("node `{node}`: {source}")]
    Attached {
        /// The node.
        node: NodeId,
        /// What is in the way.
        source: OpenError,
    },
}

impl NotReady {
    /// The node.
    pub fn node(&self) -> &NodeId {
        match self {
            Self::Component(error) => &error.node,
            Self::Process(error) => &error.node,
            Self::Attached { node, .. } | Self::Late { node, .. } => node,
        }
    }
}

/// Where an instance says that it is ready, and where it waits until all nodes are.
#[derive(Clone)]
pub(crate) struct StartLine {
    /// Told with the number of the node.
    pub(crate) ready: mpsc::UnboundedSender<(usize, Result<(), NotReady>)>,
    pub(crate) node: usize,
    pub(crate) open: CancellationToken,
}

/// Makes an instance ready, waits for the other nodes, and runs it to its end.
pub(crate) async fn run(code: Code, setup: NodeSetup, line: StartLine) -> NodeExit {
    if let Some(vacant) = &setup.vacant {
        vacant.cancelled().await;
        // A line that the instance before did not end is a line, and not the beginning of another.
        setup.log.finish().await;
        setup.ports.give_again();
    }
    // Each on its own: one future with room for all would be as large as the largest, for every node.
    match code {
        Code::Component(component, code) => {
            let usage = Arc::clone(&setup.usage);
            Metered::new(component::run(component, code, setup, line), usage).await
        }
        Code::Process(code) => Box::pin(process::run(&code, setup, line)).await,
        Code::Attached(guests) => Box::pin(attached::run(&guests, setup, line)).await,
        Code::Embedded(node) => {
            Box::pin(run_embedded(|ports| node(ports), setup.ports, line)).await
        }
        Code::EmbeddedOnce(node) => Box::pin(run_embedded(node, setup.ports, line)).await,
    }
}

async fn run_embedded(
    node: impl FnOnce(Ports) -> EmbeddedFuture,
    ports: Ports,
    line: StartLine,
) -> NodeExit {
    line.wait(Ok(())).await;
    match node(ports).await {
        Ok(()) => NodeExit::Finished,
        Err(message) => NodeExit::Failed { message },
    }
}

impl StartLine {
    /// Where nobody listens any more the start was given up, and this future is about to be dropped.
    async fn wait(self, ready: Result<(), NotReady>) {
        let _ = self.ready.send((self.node, ready));
        drop(self.ready);
        self.open.cancelled().await;
    }
}
