//! The tasks of the nodes: one instance of each at a time, in a place that stays.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::control::RestartAnswer;
use crate::component::Usage;
use crate::dataflow::{self, input_ids};
use crate::event::{Parameters, StopReason};
use crate::exit::{KillReason, NodeExit};
use crate::id::{InputId, NodeId};
use crate::log::{LogLine, NodeLog};
use crate::node::{self, Code, NodeSetup, StartLine};
use crate::ports::{Place, PortCounts};
use crate::router::Router;

/// The largest payload that a node without limits may send, in bytes: the default of components.
pub(super) const MAX_PAYLOAD: u64 = 64 << 20;

/// The tasks, and what they leave behind.
pub(super) struct Tasks {
    set: JoinSet<NodeExit>,
    positions: HashMap<Id, usize>,
    pub(super) nodes: Vec<NodeTask>,
    logs: Option<mpsc::Sender<LogLine>>,
    /// The usual interpreter, for processes.
    python: Option<Arc<Path>>,
}

/// A node as it is seen from outside its task.
pub(super) struct NodeTask {
    pub(super) id: NodeId,
    pub(super) ids: Arc<[InputId]>,
    pub(super) counts: Arc<PortCounts>,
    pub(super) usage: Arc<Usage>,
    /// Those of a component.
    pub(super) limits: Option<dataflow::Limits>,
    /// Whether it must end soon after its last event: all but the code of the embedding program.
    pub(super) has_grace: bool,
    /// Cancelled once its last event is queued.
    pub(super) stopping: CancellationToken,
    pub(super) log: NodeLog,
    pub(super) restarts: u64,
    pub(super) exit: Option<NodeExit>,
    parameters: Parameters,
    /// None once the node has ended.
    place: Option<Place>,
    /// What makes another instance, where there may be one.
    again: Option<Code>,
    /// That of the present instance; none before the first.
    task: Option<AbortHandle>,
    /// Why the node was ended by force, if it was.
    killed: Option<KillReason>,
    /// The present instance was ended to make way for another.
    makes_way: bool,
    /// Where another instance waits until its readers are told of it.
    pub(super) gate: Option<CancellationToken>,
    /// Who waits for the restart that is under way.
    pub(super) answers: Vec<RestartAnswer>,
}

/// What becomes of a node whose instance has ended.
#[derive(Debug)]
pub(super) enum Next {
    Restart,
    End(NodeExit),
}

/// Why a node cannot be asked to make way for another instance.
pub(super) enum Refusal {
    Ended,
    OnlyOnce,
}

impl Tasks {
    pub(super) fn new(logs: Option<mpsc::Sender<LogLine>>, python: Option<Arc<Path>>) -> Self {
        let (set, positions, nodes) = Default::default();
        Self { set, positions, nodes, logs, python }
    }

    /// Starts the first instance of a node; to be called for each, in their order.
    pub(super) fn start(
        &mut self,
        node: &dataflow::Node,
        code: Code,
        router: &Router,
        line: StartLine,
    ) {
        let log = NodeLog::new(node.id.clone(), self.logs.clone());
        self.nodes.push(NodeTask::new(node, &code, router, line.node, log));
        self.spawn(code, line);
    }

    /// Starts another instance in the place of one that has ended. False when there cannot be one.
    pub(super) fn start_again(&mut self, line: StartLine) -> bool {
        let node = self.nodes.get(line.node);
        let code = node.and_then(|node| node.again.as_ref()?.again());
        code.is_some_and(|code| self.spawn(code, line))
    }

    /// False when the node has ended.
    fn spawn(&mut self, code: Code, line: StartLine) -> bool {
        let position = line.node;
        let Some(node) = self.nodes.get_mut(position) else { return false };
        let Some(setup) = node.setup(self.python.clone()) else { return false };
        let task = self.set.spawn(node::run(code, setup, line));
        self.positions.insert(task.id(), position);
        node.task = Some(task);
        true
    }

    /// The places of the nodes that have not ended: from now on none gets another instance, and dropping
    /// them is what ends the nodes for each other.
    pub(super) fn take_places(&mut self) -> Vec<Place> {
        self.nodes.iter_mut().filter_map(|node| node.place.take()).collect()
    }

    /// The next instance that ends: its node, and how. None once all have ended.
    pub(super) async fn join_next(&mut self) -> Option<(usize, Result<NodeExit, JoinError>)> {
        loop {
            let (id, ended) = match self.set.join_next_with_id().await? {
                Ok((id, exit)) => (id, Ok(exit)),
                Err(error) => (error.id(), Err(error)),
            };
            if let Some(position) = self.positions.remove(&id) {
                return Some((position, ended));
            }
        }
    }
}

impl NodeTask {
    fn new(
        node: &dataflow::Node,
        code: &Code,
        router: &Router,
        position: usize,
        log: NodeLog,
    ) -> Self {
        let ids = input_ids(node);
        let counts = Arc::new(PortCounts::new(node.outputs.len()));
        let limits = match code {
            Code::Component(_, component) => Some(&component.limits),
            _ => None,
        };
        let max_payload = limits.map_or(MAX_PAYLOAD, |limits| limits.payload);
        let has_grace = !matches!(code, Code::Embedded(_) | Code::EmbeddedOnce(_));
        Self {
            id: node.id.clone(),
            place: Some(Place::new(router, position, Arc::clone(&ids), max_payload, &counts)),
            ids,
            counts,
            usage: Arc::new(limits.map(Usage::new).unwrap_or_default()),
            limits: limits.copied(),
            has_grace,
            stopping: CancellationToken::new(),
            log,
            restarts: 0,
            exit: None,
            parameters: node.parameters.clone(),
            again: code.again(),
            task: None,
            killed: None,
            makes_way: false,
            gate: None,
            answers: Vec::new(),
        }
    }

    /// What the next instance is given; none once the node has ended.
    fn setup(&mut self, python: Option<Arc<Path>>) -> Option<NodeSetup> {
        let (ports, vacant) = self.place.as_mut()?.ports();
        Some(NodeSetup {
            id: self.id.clone(),
            ports,
            vacant,
            parameters: self.parameters.clone(),
            log: self.log.clone(),
            usage: Arc::clone(&self.usage),
            stopping: self.stopping.clone(),
            python,
        })
    }

    fn abort(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    /// Ends the present instance, so that another can take its place.
    pub(super) fn make_way(&mut self) -> Result<(), Refusal> {
        if !self.answers.is_empty() {
            return Ok(()); // A restart is under way.
        }
        let place = self.place.as_ref().filter(|place| !place.is_finished());
        if place.is_none() || self.killed.is_some() {
            return Err(Refusal::Ended);
        }
        if self.again.is_none() {
            return Err(Refusal::OnlyOnce);
        }
        self.makes_way = true;
        self.abort();
        Ok(())
    }

    /// Ends the node by force.
    pub(super) fn kill(&mut self, reason: KillReason) {
        if self.exit.is_none() {
            self.killed = Some(reason);
            self.abort();
        }
    }

    /// Decides what becomes of the node, now that its instance has ended. The only place that does.
    ///
    /// An instance that ended by itself before it was told to make way has ended the node.
    pub(super) fn next(
        &mut self,
        ended: Result<NodeExit, JoinError>,
        stop: Option<StopReason>,
    ) -> Next {
        let makes_way = std::mem::take(&mut self.makes_way);
        Next::End(match ended {
            Ok(NodeExit::Finished) if stop == Some(StopReason::Requested) => NodeExit::Stopped,
            Ok(exit) => exit,
            Err(error) if error.is_panic() => {
                NodeExit::Panicked { message: panic_message(error.into_panic()) }
            }
            Err(_) => match self.killed {
                None if makes_way => return Next::Restart,
                killed => NodeExit::Killed(killed.unwrap_or(KillReason::Immediate)),
            },
        })
    }

    /// Whether the others still see it as one that may send.
    pub(super) fn has_place(&self) -> bool {
        self.place.is_some()
    }

    /// Ends the node for the others.
    pub(super) fn end(&mut self, exit: NodeExit) {
        self.exit = Some(exit);
        self.place = None;
        self.again = None;
    }
}

fn panic_message(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}
