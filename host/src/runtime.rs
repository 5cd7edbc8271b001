//! A running dataflow: all nodes start or none does, closings and stops are seen to their end, and the
//! report is made.

mod alarms;
mod control;
mod door;
mod happening;
mod life;
mod report;
mod status;
mod supervisor;
mod swap;
mod tasks;
mod timers;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::dataflow::{Dataflow, Node, RestartWhen};
use crate::id::NodeId;
use crate::log::LogLine;
use crate::node::{Code, NotReady, StartLine};
use crate::prepare::{Parts, PreparedDataflow};
use crate::report::RunReport;
use crate::router::Router;

pub use control::{Control, RestartError};
pub use happening::{NodeEvent, NodeEventKind};
pub use swap::{OldState, SwapError};

use happening::Happenings;
use status::Board;
use supervisor::Supervisor;
use tasks::Tasks;

/// How a dataflow is started.
#[derive(Debug, Default)]
pub struct StartOptions {
    /// Where the lines go that nodes print and log; nowhere if none. A node that writes waits while it is
    /// full, so whoever gives one must read it until it closes.
    pub logs: Option<mpsc::Sender<LogLine>>,
    /// Where it is told what happens to the nodes; nowhere if none. Nothing waits for whoever reads: of
    /// each node there come a start, an end, and what was asked for between them, its restarts. It closes
    /// when the dataflow has ended.
    pub events: Option<mpsc::UnboundedSender<NodeEvent>>,
    /// How long the dataflow may take to end after it was asked to stop, instead of what the descriptor
    /// says.
    pub grace: Option<Duration>,
    /// The Python that runs scripts whose nodes name no other; none: the active venv, the venv beside the
    /// script, or the one on PATH.
    pub python: Option<Arc<Path>>,
    /// By which name the dataflow is found: by processes that attach to it, and by `thalweg status`, `stop`
    /// and `restart`. Without one it is not found, but for nodes that are attached to: by `dataflow`.
    pub name: Option<String>,
}

/// Why a dataflow did not start. Nothing runs then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nodes that the embedding program must supply, and did not.
    #[error("the program supplies no code for the embedded node(s) {}", list(.0))]
    NotSupplied(Vec<NodeId>),
    /// Nodes that are to be started again by their `restart`, and were supplied for one instance.
    #[error(
        "`restart` starts the embedded node(s) {} again, and the program supplies their code for one instance",
        list(.0)
    )]
    OnlyOnce(Vec<NodeId>),
    /// Nodes that could not be made ready, as far as it is known: when one is not, nobody waits for the
    /// others.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    NotReady(Vec<NotReady>),
}

/// A dataflow that runs.
///
/// Dropping it ends every node at once. [`Self::stop`] only asks, and may be called twice; [`Self::wait`]
/// gives the report when the last node has ended. A node that fails, traps or panics ends alone: its
/// outputs close behind its last message. [`Control::restart`] ends an instance of a node and starts
/// another in its place.
#[must_use = "dropping this ends the dataflow; call `wait`"]
#[derive(Debug)]
pub struct RunningDataflow {
    control: Control,
    /// None once it has been waited for.
    supervisor: Option<JoinHandle<RunReport>>,
}

impl RunningDataflow {
    /// See [`Control::stop`].
    pub fn stop(&self) {
        self.control.stop();
    }

    /// A handle to stop it, and to start its nodes again, from elsewhere.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Waits until every node has ended, and reports.
    ///
    /// # Panics
    ///
    /// When the runtime itself has a bug: its panic is passed on.
    pub async fn wait(mut self) -> RunReport {
        let supervisor = self.supervisor.as_mut().expect("only `wait` takes it, and only once");
        let report = supervisor.await;
        self.supervisor = None;
        match report {
            Ok(report) => report,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl Drop for RunningDataflow {
    fn drop(&mut self) {
        if let Some(supervisor) = &self.supervisor {
            // Its tasks are dropped with it.
            supervisor.abort();
        }
    }
}

impl PreparedDataflow {
    /// Starts every node, or none: each is made ready first, and events flow only when all are.
    ///
    /// Must be called within a tokio runtime with time; a multi-threaded one spreads the nodes.
    ///
    /// # Errors
    ///
    /// [`StartError`]; then nothing runs.
    pub async fn start(self, options: StartOptions) -> Result<RunningDataflow, StartError> {
        let parts = self.into_parts().map_err(StartError::NotSupplied)?;
        let Parts { dataflow, codes, replacements } = parts;
        only_once(&dataflow, &codes)?;
        let StartOptions { logs, events, grace, python, name } = options;
        let grace = grace.unwrap_or(dataflow.grace());
        let router = Router::new(&dataflow);
        let open = CancellationToken::new();
        let (codes, door) = door::open(&dataflow, codes, name.as_deref())?;
        let tasks = Tasks::new(logs, python);
        let tasks = make_ready(tasks, &dataflow, codes, &router, &open).await?;
        let board = Arc::new(Board::new(name, &router, &tasks));
        let replacements = Arc::new(replacements);
        let (control, asks) =
            Control::new(&dataflow, Arc::clone(&board), Arc::downgrade(&replacements));
        let happenings = Happenings::new(events, board);
        let supervisor = Supervisor::new(
            dataflow,
            router,
            tasks,
            (control.clone(), asks),
            replacements,
            happenings,
            grace,
        );
        let supervisor = supervisor.with_door(door);
        open.cancel();
        let supervisor = Some(tokio::spawn(supervisor.run()));
        Ok(RunningDataflow { control, supervisor })
    }
}

/// That whatever is to be started again can be.
fn only_once(dataflow: &Dataflow, codes: &[Option<Code>]) -> Result<(), StartError> {
    let again = |node: &Node| node.supervision.restart.when != RestartWhen::Never;
    let nodes = dataflow.nodes().iter().zip(codes);
    let once =
        nodes.filter(|(node, code)| again(node) && matches!(code, Some(Code::EmbeddedOnce(_))));
    let once: Vec<_> = once.map(|(node, _)| node.id.clone()).collect();
    if once.is_empty() { Ok(()) } else { Err(StartError::OnlyOnce(once)) }
}

/// One task a node, each of which waits for `open`. Once one is not ready, the others are given up.
async fn make_ready(
    mut tasks: Tasks,
    dataflow: &Dataflow,
    codes: Vec<Code>,
    router: &Router,
    open: &CancellationToken,
) -> Result<Tasks, StartError> {
    let (ready, mut readies) = mpsc::unbounded_channel();
    for (position, (node, code)) in dataflow.nodes().iter().zip(codes).enumerate() {
        let line = StartLine { ready: ready.clone(), node: position, open: open.clone() };
        tasks.start(node, code, router, line);
    }
    drop(ready);
    let mut errors = Vec::new();
    while let Some((_, ready)) = readies.recv().await {
        errors.extend(ready.err());
        if !errors.is_empty() && readies.is_empty() {
            break;
        }
    }
    if errors.is_empty() {
        return Ok(tasks);
    }
    tasks.shut_down().await;
    errors.sort_by_key(|error| dataflow.position(error.node().as_str()));
    Err(StartError::NotReady(errors))
}

#[cfg(test)]
#[cfg(not(feature = "model"))]
mod tests;

fn list(nodes: &[NodeId]) -> String {
    nodes.iter().map(|node| format!("`{node}`")).collect::<Vec<_>>().join(", ")
}
