//! How a dataflow is doing while it runs.

use serde::{Deserialize, Serialize};

/// How a dataflow is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataflowStatus {
    /// By which it is found; none where it has no name.
    pub name: Option<String>,
    /// The process that hosts it.
    pub pid: u32,
    /// Since the first event could flow.
    pub uptime_seconds: f64,
    /// Whether it was asked to stop.
    pub stopping: bool,
    /// The nodes, in the order of the descriptor.
    pub nodes: Vec<NodeStatus>,
}

/// How a node is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The node.
    pub id: String,
    /// Whether it runs.
    pub state: NodeState,
    /// How often it was started again.
    pub restarts: u64,
    /// Events that it took: messages, ticks, closings and the stop.
    pub events_in: u64,
    /// Messages that it sent.
    pub events_out: u64,
    /// Messages that wait to be taken.
    pub queued: u64,
    /// How it ended, or the instance that is to be followed by another; none while it runs.
    pub exit: Option<String>,
}

/// Whether a node runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// It takes events.
    #[default]
    Running,
    /// An instance ended badly, and another is to follow.
    Restarting,
    /// It has ended, and its outputs are closed.
    Ended,
}

impl NodeState {
    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Ended => "ended",
        }
    }
}
