//! What happened in a run: for each node what came in, what went out, what it used and how it ended.

mod status;

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::exit::NodeExit;

pub use status::{DataflowStatus, NodeState, NodeStatus};

/// What happened in a run. As JSON (`serde`), durations are seconds and sizes are bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunReport {
    /// From the first event that could flow to the end of the last node.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub duration: Duration,
    /// The node whose end stopped the dataflow, by `on_failure: stop`.
    pub stopped_by: Option<String>,
    /// The nodes, in the order of the descriptor.
    pub nodes: Vec<NodeReport>,
    /// What waited in all queues together, in bytes, and `queued_bytes`.
    pub queued: Bounded,
}

/// What happened to a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeReport {
    /// The node.
    pub id: String,
    /// How it ended.
    #[serde(serialize_with = "exit")]
    pub exit: NodeExit,
    /// Which event it was given last, where it did not end well.
    pub last_event: Option<String>,
    /// Events that it took: messages, ticks, closings and the stop.
    pub events_in: u64,
    /// Messages that it sent, counted once whatever the number of readers.
    pub events_out: u64,
    /// How often it was started again.
    pub restarts: u64,
    /// How often another component took the place of the one that ran.
    pub swaps: u64,
    /// Whether it would have been started again but for the limit of its restarts.
    pub gave_up: bool,
    /// Events that it was given again, because an instance had them in hand when it ended. They count once
    /// as taken.
    pub redelivered: u64,
    /// How many of its instances its watchdog ended.
    pub watchdog_ends: u64,
    /// CPU time that it used; none where it cannot be told apart from the host's.
    #[serde(rename = "cpu_seconds", serialize_with = "optional_seconds")]
    pub cpu: Option<Duration>,
    /// The most linear memory that it had at any time, in bytes; none for what is no component.
    pub peak_memory: Option<u64>,
    /// What it used of its limits; none for what is neither component nor started process.
    pub budgets: Option<Budgets>,
    /// From the start to its first event.
    #[serde(rename = "first_event_seconds", serialize_with = "optional_seconds")]
    pub first_event: Option<Duration>,
    /// From the start to the last time that it took events, to a few milliseconds.
    #[serde(rename = "last_taken_seconds", serialize_with = "optional_seconds")]
    pub last_taken: Option<Duration>,
    /// Its inputs that read other nodes.
    pub inputs: Vec<InputReport>,
    /// Its outputs.
    pub outputs: Vec<OutputReport>,
}

/// What a node used of its limits, over all of its instances.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Budgets {
    /// `limits.memory`, in bytes; none for a process, as the next two.
    pub memory: Option<Bounded>,
    /// `limits.buffers`, in bytes.
    pub buffers: Option<Bounded>,
    /// `limits.payload`, in bytes.
    pub message: Option<Bounded>,
    /// `limits.cpu_share`, in seconds of CPU time; none where there is no such limit.
    pub cpu_share: Option<Paced>,
    /// `limits.rate`, in messages; none where there is no such limit.
    pub rate: Option<Paced>,
    /// `limits.log`, in bytes.
    pub log: Paced,
}

/// What must not be passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bounded {
    /// The limit.
    pub limit: u64,
    /// The most that there was at any time.
    pub peak: u64,
}

/// What is waited for when too much is used in too short a time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Paced {
    /// What may be used in a second.
    pub per_second: f64,
    /// All that was used.
    pub used: f64,
    /// How long the node waited until it might use more.
    #[serde(rename = "waited_seconds", serialize_with = "seconds")]
    pub waited: Duration,
}

/// What became of the messages of an input. `received` is the sum of the other three.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InputReport {
    /// The input.
    pub id: String,
    /// The output that it reads, as `node/output`.
    pub source: String,
    /// Messages that reached its queue.
    pub received: u64,
    /// Messages that the node took.
    pub delivered: u64,
    /// Messages that its overflow rule dropped.
    pub dropped: u64,
    /// Messages that were still there when the node ended, or came later.
    pub discarded: u64,
}

/// What was sent by an output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutputReport {
    /// The output.
    pub id: String,
    /// Messages sent.
    pub sent: u64,
}

impl RunReport {
    /// Whether every node ended well.
    pub fn is_ok(&self) -> bool {
        self.nodes.iter().all(|node| node.exit.is_ok())
    }

    /// The report of a node.
    pub fn node(&self, id: &str) -> Option<&NodeReport> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The inputs, as `node/input`, whose books do not balance: what was sent to them is not what they
    /// received, or what they received is not what was delivered, dropped or discarded. Empty, or the
    /// runtime has a bug.
    pub fn unbalanced(&self) -> Vec<String> {
        let sent = |source: &str| {
            let (node, output) = source.split_once('/')?;
            let outputs = &self.node(node)?.outputs;
            Some(outputs.iter().find(|known| known.id == output)?.sent)
        };
        let is_off = |input: &InputReport| {
            Some(input.received) != sent(&input.source)
                || input.received != input.delivered + input.dropped + input.discarded
        };
        let inputs = |node: &NodeReport| {
            let off = node.inputs.iter().filter(|input| is_off(input));
            off.map(|input| format!("{}/{}", node.id, input.id)).collect::<Vec<_>>()
        };
        self.nodes.iter().flat_map(inputs).collect()
    }
}

impl NodeReport {
    /// Messages that the overflow rules of its inputs dropped.
    pub fn dropped(&self) -> u64 {
        self.inputs.iter().map(|input| input.dropped).sum()
    }

    /// Messages that it did not take before it ended.
    pub fn discarded(&self) -> u64 {
        self.inputs.iter().map(|input| input.discarded).sum()
    }
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
fn optional_seconds<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}

/// `{"name": "trapped", "ok": false, "text": "...", "backtrace": [...]}`
fn exit<S: Serializer>(exit: &NodeExit, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Exit<'a> {
        name: &'a str,
        ok: bool,
        text: String,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        backtrace: &'a [String],
    }
    let (text, backtrace) = (exit.to_string(), exit.backtrace());
    Exit { name: exit.name(), ok: exit.is_ok(), text, backtrace }.serialize(serializer)
}
