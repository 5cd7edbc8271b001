//! How a dataflow is doing while it runs, read from what its nodes count anyway: nothing waits for whoever
//! looks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::control::Control;
use super::happening::{NodeEvent, NodeEventKind};
use super::tasks::Tasks;
use crate::id::NodeId;
use crate::inbox::{Inbox, InputCounts};
use crate::ports::PortCounts;
use crate::report::{DataflowStatus, NodeState, NodeStatus};
use crate::router::Router;

/// The facts of a dataflow that runs, shared with whoever asks for them.
#[derive(Debug)]
pub(super) struct Board {
    name: Option<String>,
    started: Instant,
    nodes: Vec<Facts>,
    positions: HashMap<NodeId, usize>,
}

/// Those of a node.
#[derive(Debug)]
struct Facts {
    id: String,
    inbox: Arc<Inbox>,
    counts: Arc<PortCounts>,
    told: Mutex<Told>,
}

/// What it was told of a node.
#[derive(Debug, Default)]
struct Told {
    restarts: u64,
    state: NodeState,
    exit: Option<String>,
}

impl Board {
    pub(super) fn new(name: Option<String>, router: &Router, tasks: &Tasks) -> Self {
        let nodes = tasks.nodes.iter().enumerate().map(|(position, node)| Facts {
            id: node.id.to_string(),
            inbox: Arc::clone(router.inbox(position)),
            counts: Arc::clone(&node.counts),
            told: Mutex::default(),
        });
        let positions = tasks.nodes.iter().enumerate();
        let positions = positions.map(|(position, node)| (node.id.clone(), position));
        let (nodes, positions) = (nodes.collect(), positions.collect());
        Self { name, started: Instant::now(), nodes, positions }
    }

    /// Takes down what happened.
    pub(super) fn note(&self, event: &NodeEvent) {
        let position = self.positions.get(&event.node);
        let Some(node) = position.and_then(|position| self.nodes.get(*position)) else { return };
        let mut told = node.told.lock().unwrap_or_else(PoisonError::into_inner);
        match &event.kind {
            NodeEventKind::Started | NodeEventKind::Swapped { .. } => {}
            NodeEventKind::Restarting { exit, .. } => {
                told.state = NodeState::Restarting;
                told.exit = Some(exit.to_string());
            }
            NodeEventKind::Restarted { count } => {
                *told = Told { restarts: *count, ..Told::default() };
            }
            NodeEventKind::Ended(exit) => {
                told.state = NodeState::Ended;
                told.exit = Some(exit.to_string());
            }
        }
    }
}

impl Facts {
    fn status(&self) -> NodeStatus {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        NodeStatus {
            id: self.id.clone(),
            state: told.state,
            restarts: told.restarts,
            events_in: self.inbox.delivered(),
            events_out: self.counts.sent().sum(),
            queued: self.inbox.counts().iter().map(queued).sum(),
            exit: told.exit.clone(),
        }
    }
}

fn queued(counts: &InputCounts) -> u64 {
    let gone = counts.delivered + counts.dropped + counts.discarded;
    counts.received.saturating_sub(gone)
}

impl Control {
    /// How the dataflow is doing now. The numbers of a node are of one moment, those of two nodes may be of
    /// two. When the dataflow has ended, how it was at its end.
    pub fn status(&self) -> DataflowStatus {
        DataflowStatus {
            name: self.board.name.clone(),
            pid: std::process::id(),
            uptime_seconds: self.board.started.elapsed().as_secs_f64(),
            stopping: self.stop.is_cancelled() || self.kill.is_cancelled(),
            nodes: self.board.nodes.iter().map(Facts::status).collect(),
        }
    }
}
