//! What happens to the nodes themselves, as it happens.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;

use super::status::Board;
use crate::exit::NodeExit;
use crate::id::NodeId;

/// Something that happened to a node.
///
/// Those of a node come in the order of their kinds: [`NodeEventKind::Started`] once, any number of
/// [`NodeEventKind::Restarting`], [`NodeEventKind::Restarted`] and [`NodeEventKind::Swapped`], and [`NodeEventKind::Ended`] once, behind the last line that the node wrote
/// to the log (a dataflow that is ended at once waits for no log). A dataflow that did not start tells
/// nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEvent {
    /// The node.
    pub node: NodeId,
    /// When.
    pub at: SystemTime,
    /// What.
    pub kind: NodeEventKind,
}

/// What happened to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeEventKind {
    /// It is ready, as all nodes are, and receives events.
    Started,
    /// An instance has ended, and by the policy of the node another follows. Its outputs stay open.
    Restarting {
        /// How the instance ended.
        exit: NodeExit,
        /// What is waited until the other is started.
        backoff: Duration,
    },
    /// An instance has taken the place of another, and is ready.
    Restarted {
        /// How often that has happened.
        count: u64,
    },
    /// Another component has taken the place of the one that ran.
    Swapped {
        /// How often that has happened.
        count: u64,
    },
    /// It ended, and its outputs are closed.
    Ended(NodeExit),
}

/// Where it is told what happens.
#[derive(Clone, Debug)]
pub(super) struct Happenings {
    events: Option<mpsc::UnboundedSender<NodeEvent>>,
    /// Has it too, for whoever asks later.
    board: Arc<Board>,
}

impl Happenings {
    pub(super) fn new(events: Option<mpsc::UnboundedSender<NodeEvent>>, board: Arc<Board>) -> Self {
        Self { events, board }
    }

    pub(super) fn tell(&self, node: &NodeId, kind: NodeEventKind) {
        self.send(NodeEvent { node: node.clone(), at: SystemTime::now(), kind });
    }

    /// What is told when the notice is dropped, whatever becomes of the task that holds it.
    pub(super) fn end_of(&self, node: &NodeId, exit: NodeExit) -> EndNotice {
        let kind = NodeEventKind::Ended(exit);
        let event = NodeEvent { node: node.clone(), at: SystemTime::now(), kind };
        EndNotice { happenings: self.clone(), event: Some(event) }
    }

    fn send(&self, event: NodeEvent) {
        self.board.note(&event);
        if let Some(events) = &self.events {
            // The only error is that nobody reads any more.
            let _ = events.send(event);
        }
    }
}

/// An end that is yet to be told.
pub(super) struct EndNotice {
    happenings: Happenings,
    event: Option<NodeEvent>,
}

impl Drop for EndNotice {
    fn drop(&mut self) {
        if let Some(event) = self.event.take() {
            self.happenings.send(event);
        }
    }
}
