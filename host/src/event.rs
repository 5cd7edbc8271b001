//! What travels: messages between nodes, and the events that a node receives.

use std::sync::Arc;

use bytes::Bytes;

use crate::id::InputId;

/// What a node receives. See [`crate::Ports::recv`] for order and end.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A message that another node sent.
    Input(Input),
    /// A timer of this node came due.
    Tick(Tick),
    /// The node behind an input ended badly.
    InputFailed(InputFailed),
    /// The node behind an input was started again.
    InputRestarted(InputRestarted),
    /// The last event of an input.
    InputClosed(InputClosed),
    /// The last event of all.
    Stop(StopReason),
}

/// A message, as it came in by an input.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The input that it came by.
    pub id: InputId,
    /// How many messages of this input were dropped directly before this one.
    pub dropped: u64,
    /// The message.
    pub message: Message,
}

/// A timer that came due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// The input that the timer feeds.
    pub id: InputId,
    /// When it came due: nanoseconds since the Unix epoch. Of joined ticks, the last.
    pub timestamp: u64,
    /// How many earlier ticks nobody took; they are joined into this one.
    pub missed: u64,
}

/// The end of an instance that feeds an input, behind its last message. See `input-failed` in `wit/types.wit`
/// for which are given where a node fails over and over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFailed {
    /// The input.
    pub id: InputId,
    /// The name of its end: that of its [`crate::NodeExit`].
    pub reason: Arc<str>,
    /// Whether another instance is to follow. If none does, the input closes next.
    pub restarts: bool,
}

/// Another instance feeds an input from here on. What it keeps in memory began anew; sequences go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputRestarted {
    /// The input.
    pub id: InputId,
    /// How many times the node has been started again so far, those included that no event told of.
    pub count: u64,
}

/// An input that will bring no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputClosed {
    /// The input.
    pub id: InputId,
    /// How many messages were dropped after the last one that was delivered.
    pub dropped: u64,
}

/// Why a node is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The dataflow was asked to stop.
    Requested,
    /// Every node that this one reads has ended.
    InputsClosed,
}

/// What one node sends to others. Cloning shares the payload and the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What is known about the payload.
    pub metadata: Metadata,
    /// The bytes.
    pub payload: Bytes,
}

impl Message {
    /// What it counts as where bytes are bounded: the payload and the parameters.
    pub fn size(&self) -> usize {
        self.payload.len() + self.metadata.parameters.size()
    }
}

/// What is known about a payload.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// When it was sent: nanoseconds since the Unix epoch, by the clock of the sending host.
    pub timestamp: u64,
    /// Counts the messages of the output, from 0.
    pub sequence: u64,
    /// How to read the payload.
    pub encoding: Encoding,
    /// Named values, in the order in which the sender gave them.
    pub parameters: Parameters,
}

/// How to read the bytes of a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// As they are.
    #[default]
    Raw,
    /// An Arrow IPC stream: one schema and one record batch, or an array; see `encoding` in `wit/types.wit`.
    /// Nobody has looked into it.
    Arrow,
}

/// Named values. Empty costs nothing; cloning shares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters(Option<Arc<[Parameter]>>);

/// A name and its value.
type Parameter = (Arc<str>, Value);

impl Parameters {
    /// The values in the order given.
    pub fn iter(&self) -> std::slice::Iter<'_, (Arc<str>, Value)> {
        self.0.as_deref().unwrap_or_default().iter()
    }

    /// The first value of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    /// What they count as where bytes are bounded: names, values, and what it costs to keep each.
    pub fn size(&self) -> usize {
        let size = |(name, value): &Parameter| {
            size_of::<Parameter>()
                + name.len()
                + match value {
                    Value::Text(text) => text.len(),
                    Value::Bytes(bytes) => bytes.len(),
                    Value::Boolean(_) | Value::Integer(_) | Value::Float(_) => 0,
                }
        };
        self.iter().map(size).sum()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.as_deref().map_or(0, <[_]>::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FromIterator<(Arc<str>, Value)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(values: I) -> Self {
        let mut values = values.into_iter().peekable();
        Self(values.peek().is_some().then(|| values.collect()))
    }
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(Arc<str>),
    /// Bytes.
    Bytes(Bytes),
}
