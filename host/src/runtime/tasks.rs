//! The tasks of the nodes: one instance of each at a time, in a place that stays.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::control::RestartAnswer;
use super::life::{Ask, How, Life, Next};
use super::swap::PendingSwap;
use crate::component::Usage;
use crate::dataflow::{self, InHand, Supervision, input_ids};
use crate::event::{Parameters, StopReason};
use crate::exit::{KillReason, NodeExit};
use crate::id::{InputId, NodeId};
use crate::log::{LogLine, NodeLog};
use crate::node::{self, Code, NodeSetup, StartLine, Successor};
use crate::ports::{Place, PortCounts, Pulse};
use crate::router::Router;

/// The largest payload that a node without limits may send, in bytes: the default of components.
pub(super) const MAX_PAYLOAD: u64 = 64 << 20;

/// The tasks, and what they leave behind.
pub(super) struct Tasks {
    set: JoinSet<NodeExit>,
    positions: HashMap<Id, usize>,
    pub(super) nodes: Vec<NodeTask>,
    /// How many nodes have not ended.
    open: usize,
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
    /// Whether it must end soon after its last event, where its own grace does not say so: all but the code
    /// of the embedding program.
    has_grace: bool,
    pub(super) supervision: Supervision,
    pub(super) life: Life,
    /// How many instances there have been.
    pub(super) instances: u64,
    /// Looks after the present instance, where the node has a watchdog.
    pub(super) watchdog: Option<AbortHandle>,
    /// How many instances it has ended.
    pub(super) watchdog_ends: u64,
    /// It would have been started again but for the limit of its restarts.
    pub(super) gave_up: bool,
    /// How its last instance ended, while it waits for the next.
    pub(super) last_exit: Option<NodeExit>,
    /// Cancelled once its last event is queued.
    pub(super) stopping: CancellationToken,
    pub(super) log: NodeLog,
    pub(super) restarts: u64,
    pub(super) swaps: u64,
    /// The one that is under way.
    pub(super) swap: Option<PendingSwap>,
    /// How many there were, with those of which nothing came.
    pub(super) swaps_asked: u64,
    /// Where the present instance is asked to make way for another component.
    pub(super) successor: Successor,
    pub(super) exit: Option<NodeExit>,
    parameters: Parameters,
    /// None once the node has ended.
    place: Option<Place>,
    /// What makes another instance, where there may be one.
    pub(super) again: Option<Code>,
    /// That of the present instance; none before the first.
    task: Option<AbortHandle>,
    /// Why the node was ended by force, if it was.
    killed: Option<KillReason>,
    /// Where another instance waits until its readers are told of it.
    pub(super) gate: Option<CancellationToken>,
    /// Who waits for the restart that is under way.
    pub(super) answers: Vec<RestartAnswer>,
}

/// Why a node cannot be asked to make way for another instance.
pub(super) enum Refusal {
    Ended,
    OnlyOnce,
}

impl Tasks {
    pub(super) fn new(logs: Option<mpsc::Sender<LogLine>>, python: Option<Arc<Path>>) -> Self {
        let (set, positions, nodes) = Default::default();
        Self { set, positions, nodes, open: 0, logs, python }
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
        self.open += 1;
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
        node.instances += 1;
        true
    }

    /// Ends a node for the others.
    pub(super) fn end(&mut self, position: usize, exit: NodeExit) {
        if let Some(node) = self.nodes.get_mut(position)
            && node.exit.is_none()
        {
            node.end(exit);
            self.open -= 1;
        }
    }

    pub(super) fn have_ended(&self) -> bool {
        self.open == 0
    }

    /// Ends every task, and waits until all have.
    pub(super) async fn shut_down(mut self) {
        self.set.shutdown().await;
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
        let (limits, usage) = match code {
            Code::Component(_, component) => {
                (Some(&component.limits), Usage::new(&component.limits))
            }
            Code::Process(process) => (None, Usage::of_process(process.log)),
            _ => (None, Usage::default()),
        };
        let max_payload = limits.map_or(MAX_PAYLOAD, |limits| limits.payload);
        let has_grace = !matches!(code, Code::Embedded(_) | Code::EmbeddedOnce(_));
        let supervision = node.supervision.clone();
        let place = Place::new(router, position, Arc::clone(&ids), max_payload, &counts);
        let place = match supervision.restart.in_hand {
            InHand::Lose => place,
            InHand::Redeliver => place.redelivering(),
        };
        Self {
            id: node.id.clone(),
            place: Some(place),
            ids,
            counts,
            usage: Arc::new(usage),
            limits: limits.copied(),
            has_grace,
            life: Life::new(supervision.restart.clone()),
            supervision,
            instances: 0,
            watchdog: None,
            watchdog_ends: 0,
            gave_up: false,
            last_exit: None,
            stopping: CancellationToken::new(),
            log,
            restarts: 0,
            swaps: 0,
            swap: None,
            swaps_asked: 0,
            successor: Successor::default(),
            exit: None,
            parameters: node.parameters.clone(),
            again: code.again(),
            task: None,
            killed: None,
            gate: None,
            answers: Vec::new(),
        }
    }

    /// What the next instance is given; none once the node has ended.
    fn setup(&mut self, python: Option<Arc<Path>>) -> Option<NodeSetup> {
        let (ports, vacant) = self.place.as_mut()?.ports();
        self.successor = Successor::default();
        Some(NodeSetup {
            id: self.id.clone(),
            ports,
            vacant,
            parameters: self.parameters.clone(),
            log: self.log.clone(),
            usage: Arc::clone(&self.usage),
            stopping: self.stopping.clone(),
            python,
            ready: self.supervision.ready,
            successor: self.successor.clone(),
        })
    }

    fn abort(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    /// The grace period of the node, if it has one. `usual` is that of the dataflow.
    pub(super) fn grace(&self, usual: Duration) -> Option<Duration> {
        self.supervision.grace.or(self.has_grace.then_some(usual))
    }

    /// The node to be watched, and how long it may be silent.
    pub(super) fn watch(&self) -> Option<(Pulse, Duration)> {
        Some((self.place.as_ref()?.pulse(), self.supervision.watchdog?))
    }

    /// Ends the present instance, so that another can take its place. True when another is to be started
    /// now, because there is none.
    pub(super) fn make_way(&mut self) -> Result<bool, Refusal> {
        let place = self.place.as_ref().filter(|place| !place.is_finished());
        if self.answers.is_empty() && place.is_none() {
            return Err(Refusal::Ended);
        }
        if self.again.is_none() {
            return Err(Refusal::OnlyOnce);
        }
        match self.life.ask() {
            Ask::Abort => self.abort(),
            Ask::Join => {}
            Ask::Start => return Ok(true),
            Ask::Refuse => return Err(Refusal::Ended),
        }
        Ok(false)
    }

    /// Ends the present instance because it took no events.
    pub(super) fn silence(&mut self) {
        if self.life.silence() {
            self.watchdog_ends += 1;
            self.abort();
        }
    }

    /// Ends the instance of the node by force, and with it the node. One that waits has none.
    pub(super) fn kill(&mut self, reason: KillReason) {
        if self.life.kill() {
            self.killed = Some(reason);
            self.abort();
        }
    }

    /// How the instance ended, and what becomes of the node. `now` is any clock that does not go back.
    pub(super) fn next(
        &mut self,
        ended: Result<NodeExit, JoinError>,
        stop: Option<StopReason>,
        now: Duration,
    ) -> (NodeExit, Next) {
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.abort();
        }
        let (how, exit) = match ended {
            Ok(NodeExit::Finished) if stop == Some(StopReason::Requested) => {
                (How::Well, NodeExit::Stopped)
            }
            Ok(exit) if exit.is_ok() => (How::Well, exit),
            Ok(exit) => (How::Badly, exit),
            Err(error) if error.is_panic() => {
                let message = panic_message(error.into_panic());
                (How::Badly, NodeExit::Panicked { message })
            }
            Err(_) => (How::Aborted, self.forced_exit()),
        };
        let may_follow = self.may_go_on() && self.again.is_some() && exit != NodeExit::Unattached;
        (exit, self.life.note_end(how, may_follow, now, fastrand::f64()))
    }

    /// Whether there is anything left for another instance.
    pub(super) fn may_go_on(&self) -> bool {
        self.place.as_ref().is_some_and(|place| !place.is_finished())
    }

    /// How often one instance has followed another.
    pub(super) fn successions(&self) -> u64 {
        self.restarts + self.swaps
    }

    /// Whether the others still see it as one that may send.
    pub(super) fn has_place(&self) -> bool {
        self.place.is_some()
    }

    fn forced_exit(&self) -> NodeExit {
        match (self.killed, self.supervision.watchdog) {
            (None, Some(watchdog)) if self.life.is_silenced() => {
                NodeExit::Unresponsive { watchdog }
            }
            (killed, _) => NodeExit::Killed(killed.unwrap_or(KillReason::Immediate)),
        }
    }

    fn end(&mut self, exit: NodeExit) {
        self.life.end();
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
