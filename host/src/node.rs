//! One running node, from its start to its [`NodeExit`].

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::component::{
    ComponentProblem, Instance, InstanceSetup, Metered, PrepareError, PreparedComponent, Usage,
};
use crate::dataflow;
use crate::event::Parameters;
use crate::exit::NodeExit;
use crate::id::NodeId;
use crate::log::NodeLog;
use crate::ports::Ports;
use crate::process::{Process, ProcessError, ProcessProblem};

/// A node that the embedding program supplies.
pub(crate) type EmbeddedNode = Box<dyn FnOnce(Ports) -> EmbeddedFuture + Send>;
pub(crate) type EmbeddedFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What runs a node.
pub(crate) enum Code {
    Component(Arc<PreparedComponent>, Box<dataflow::Component>),
    Process(Box<dataflow::Process>),
    Attached,
    Embedded(EmbeddedNode),
}

/// What a node is given for its life.
pub(crate) struct NodeSetup {
    pub(crate) id: NodeId,
    pub(crate) ports: Ports,
    pub(crate) parameters: Parameters,
    pub(crate) log: NodeLog,
    pub(crate) usage: Arc<Usage>,
    /// The interpreter of the embedding program, for processes.
    pub(crate) python: Option<PathBuf>,
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
}

impl NotReady {
    /// The node.
    pub fn node(&self) -> &NodeId {
        match self {
            Self::Component(error) => &error.node,
            Self::Process(error) => &error.node,
        }
    }
}

/// Where a node says that it is ready, and where it waits until all are.
#[derive(Clone)]
pub(crate) struct StartLine {
    pub(crate) ready: mpsc::UnboundedSender<Result<(), NotReady>>,
    pub(crate) open: CancellationToken,
}

/// Makes the node ready, waits for the others, and runs it to its end.
pub(crate) async fn run(code: Code, setup: NodeSetup, line: StartLine) -> NodeExit {
    match code {
        Code::Component(component, code) => {
            let usage = Arc::clone(&setup.usage);
            Metered::new(run_component(component, code, setup, line), usage).await
        }
        Code::Process(process) => run_process(&process, setup, line).await,
        Code::Attached => {
            line.wait(Ok(())).await;
            let mut ports = setup.ports;
            while ports.recv().await.is_some() {}
            NodeExit::Unattached
        }
        Code::Embedded(node) => {
            line.wait(Ok(())).await;
            match node(setup.ports).await {
                Ok(()) => NodeExit::Finished,
                Err(message) => NodeExit::Failed { message },
            }
        }
    }
}

async fn run_component(
    component: Arc<PreparedComponent>,
    code: Box<dataflow::Component>,
    setup: NodeSetup,
    line: StartLine,
) -> NodeExit {
    let NodeSetup { id, ports, parameters, log, usage, .. } = setup;
    let setup = InstanceSetup { ports, parameters, log, usage };
    match Instance::new(&component, &code, setup).await {
        Ok(instance) => {
            line.wait(Ok(())).await;
            instance.run().await
        }
        Err(problem) => {
            let message = problem.to_string();
            line.wait(Err(error(id, &code, problem).into())).await;
            NodeExit::Failed { message }
        }
    }
}

async fn run_process(code: &dataflow::Process, setup: NodeSetup, line: StartLine) -> NodeExit {
    let NodeSetup { ports, log, python, .. } = setup;
    let started = UnixStream::pair().map_err(|source| ProcessError {
        node: log.node().clone(),
        script: code.script.clone(),
        problem: ProcessProblem::NotStarted { program: code.script.clone(), source },
    });
    let started = started.and_then(|(host, link)| {
        Ok((host, Process::start(code, python.as_deref(), link.into(), &log)?))
    });
    match started {
        Ok((_host, mut process)) => {
            line.wait(Ok(())).await;
            let end = process.wait().await;
            drop(ports);
            end.exit()
        }
        Err(error) => {
            let message = error.problem.to_string();
            line.wait(Err(error.into())).await;
            NodeExit::Failed { message }
        }
    }
}

fn error(node: NodeId, code: &dataflow::Component, problem: ComponentProblem) -> PrepareError {
    PrepareError { node, path: code.path.clone(), problem }
}

impl StartLine {
    /// Where nobody listens any more the start was given up, and this future is about to be dropped.
    async fn wait(self, ready: Result<(), NotReady>) {
        let _ = self.ready.send(ready);
        drop(self.ready);
        self.open.cancelled().await;
    }
}
