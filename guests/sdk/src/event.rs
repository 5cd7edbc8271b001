use crate::bindings::types;
use crate::{Metadata, Payload, StopReason, Value};

/// What a node receives, in the order in which it entered the node's inbox.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A message arrived.
    Input {
        /// The input's name in the descriptor.
        id: String,
        /// How many messages of this input were dropped directly before this one, because its queue
        /// was full. Always 0 with `overflow: block`.
        dropped: u64,
        /// The message.
        message: Message,
    },
    /// A timer fired.
    Tick {
        /// The input's name in the descriptor.
        id: String,
        /// When it came due: nanoseconds since the Unix epoch by the host's clock. Of joined ticks,
        /// the last.
        timestamp: u64,
        /// How many earlier ticks of this timer nobody took; they are joined into this one.
        missed: u64,
    },
    /// The node behind this input ended badly, after its last message. Of failures and restarts that no
    /// message of the input separates, only the last failure and the restart behind it are given.
    InputFailed {
        /// The input's name in the descriptor.
        id: String,
        /// How it ended, at most 1 KiB of it. Part of it may have been written by the node that failed.
        reason: String,
        /// Whether another instance is to follow. If none does, the input closes next.
        restarts: bool,
    },
    /// Another instance feeds this input from here on: what it keeps in memory began anew, the sequences of
    /// its messages go on.
    InputRestarted {
        /// The input's name in the descriptor.
        id: String,
        /// How many times the node has been started again so far.
        count: u64,
    },
    /// The last event of this input.
    InputClosed {
        /// The input's name in the descriptor.
        id: String,
        /// How many messages were dropped after the last one that was delivered.
        dropped: u64,
    },
    /// The last event of all. Finish what is under way and return.
    Stop(StopReason),
}

/// Bytes and what is known about them.
#[derive(Debug)]
pub struct Message {
    /// When it was sent, its number, its encoding and its parameters.
    pub metadata: Metadata,
    /// The bytes.
    pub payload: Payload,
}

impl Metadata {
    /// The value of the first parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<&Value> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl From<types::Event> for Event {
    fn from(event: types::Event) -> Event {
        match event {
            types::Event::Input(input) => Event::Input {
                id: input.id,
                dropped: input.dropped,
                message: Message {
                    metadata: input.message.metadata,
                    payload: Payload(input.message.payload),
                },
            },
            types::Event::Tick(tick) => {
                Event::Tick { id: tick.id, timestamp: tick.timestamp, missed: tick.missed }
            }
            types::Event::InputFailed(types::InputFailed { id, reason, restarts }) => {
                Event::InputFailed { id, reason, restarts }
            }
            types::Event::InputRestarted(types::InputRestarted { id, count }) => {
                Event::InputRestarted { id, count }
            }
            types::Event::InputClosed(closed) => {
                Event::InputClosed { id: closed.id, dropped: closed.dropped }
            }
            types::Event::Stop(reason) => Event::Stop(reason),
        }
    }
}
