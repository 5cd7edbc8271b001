//! What is said over the link. A frame is its length (4 bytes, little endian) and a body in the format of
//! [postcard](https://postcard.jamesmunns.com/wire-format), version 1.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::event::{Encoding, Parameters, Value};

/// Changes whenever what is below does. Both ends must speak the same.
pub(super) const PROTOCOL: u16 = 3;

/// The bytes before a body.
pub(super) const HEADER: usize = 4;

/// A body is at most this much longer than the payload in it, or than nothing.
pub(super) const MAX_OVERHEAD: usize = 1 << 20;

/// From the node to the host.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) enum FromNode<'a> {
    /// The first frame. `node` is the node that a process from outside attaches to; none where the host
    /// started the process and knows.
    Hello {
        protocol: u16,
        version: &'a str,
        node: Option<&'a str>,
    },
    /// The script has made its `Node`.
    Ready,
    /// Up to `max` events, of these inputs or of all, are wanted. Takes the place of an earlier one; with
    /// `max` 0, nothing is wanted any more.
    Want {
        inputs: Option<Vec<u32>>,
        max: u32,
    },
    /// Is there room for a message of this size?
    Ask {
        output: u32,
        bytes: u64,
    },
    /// A message, within the room that was given.
    Send {
        output: u32,
        outgoing: Content<'a>,
    },
    Memory(Memory),
    /// The last frame: the node has ended, with this failure or well.
    End {
        failure: Option<&'a str>,
    },
    /// So many batches have come so far, whole. Said before a want, which may cross with a batch that answers an
    /// earlier one.
    Seen {
        batches: u32,
    },
    /// Up to `max` events that are there now and will not change any more, while the node still has some: answered at
    /// once by a batch, which may be empty.
    Ahead {
        max: u32,
    },
}

/// From the host to the node.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) enum FromHost<'a> {
    /// Who the node is.
    Welcome {
        version: &'a str,
        node: &'a str,
        inputs: Vec<&'a str>,
        outputs: Vec<&'a str>,
        #[serde(borrow)]
        parameters: Vec<(&'a str, Datum<'a>)>,
        max_payload: u64,
        /// Whether it may say `Ahead`. Not where what it has in hand is given again, which is to be little.
        ahead: bool,
    },
    /// The process cannot be that node.
    Refused {
        reason: &'a str,
    },
    /// Every node is ready: events may flow.
    Open,
    /// This many of the next frames, not counting `Memory`, are events that were wanted.
    Batch {
        len: u32,
    },
    Input {
        input: u32,
        dropped: u64,
        timestamp: u64,
        sequence: u64,
        content: Content<'a>,
    },
    Tick {
        input: u32,
        timestamp: u64,
        missed: u64,
    },
    Failed {
        input: u32,
        reason: &'a str,
        restarts: bool,
    },
    Restarted {
        input: u32,
        count: u64,
    },
    Closed {
        input: u32,
        dropped: u64,
    },
    Stop {
        requested: bool,
    },
    /// There is room at this output, counted from when it was asked for.
    Room {
        output: u32,
        events: u32,
        bytes: u64,
    },
    /// Nobody reads this output any more.
    OutputClosed {
        output: u32,
    },
    Memory(Memory),
}

/// About shared memory, from either end.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(super) enum Memory {
    /// The file of a segment comes with this frame.
    Segment { segment: u64, len: u64 },
    /// A segment that will not be named again.
    Forget { segment: u64 },
    /// The payload is not looked at any more.
    Return { lease: u64 },
}

/// The part of a message that both directions have.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Content<'a> {
    pub(super) arrow: bool,
    #[serde(borrow)]
    pub(super) parameters: Vec<(&'a str, Datum<'a>)>,
    #[serde(borrow)]
    pub(super) body: Body<'a>,
}

/// A payload.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(super) enum Body<'a> {
    Inline(#[serde(with = "serde_bytes")] &'a [u8]),
    /// In a segment that was announced, until the lease is returned.
    Leased {
        lease: u64,
        segment: u64,
        offset: u64,
        len: u64,
    },
    /// Part of a payload that the other end has lent: it has it already.
    Theirs {
        lease: u64,
        offset: u64,
        len: u64,
    },
}

impl Body<'_> {
    /// Bytes of the payload.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Leased { len, .. } | Self::Theirs { len, .. } => *len,
        }
    }
}

/// The value of a parameter.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(super) enum Datum<'a> {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(&'a str),
    Bytes(#[serde(with = "serde_bytes")] &'a [u8]),
}

/// The body as a frame of this type, all of it.
pub(super) fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, postcard::Error> {
    let (frame, rest) = postcard::take_from_bytes(body)?;
    if rest.is_empty() { Ok(frame) } else { Err(postcard::Error::DeserializeBadEncoding) }
}

pub(super) fn data(parameters: &Parameters) -> Vec<(&str, Datum<'_>)> {
    let datum = |value| match value {
        &Value::Boolean(value) => Datum::Boolean(value),
        &Value::Integer(value) => Datum::Integer(value),
        &Value::Float(value) => Datum::Float(value),
        Value::Text(text) => Datum::Text(text),
        Value::Bytes(bytes) => Datum::Bytes(bytes),
    };
    parameters.iter().map(|(name, value)| (&**name, datum(value))).collect()
}

pub(super) fn parameters(data: &[(&str, Datum<'_>)]) -> Parameters {
    let value = |datum| match datum {
        Datum::Boolean(value) => Value::Boolean(value),
        Datum::Integer(value) => Value::Integer(value),
        Datum::Float(value) => Value::Float(value),
        Datum::Text(text) => Value::Text(Arc::from(text)),
        Datum::Bytes(bytes) => Value::Bytes(Bytes::copy_from_slice(bytes)),
    };
    data.iter().map(|&(name, datum)| (Arc::from(name), value(datum))).collect()
}

impl Content<'_> {
    pub(super) fn encoding(&self) -> Encoding {
        if self.arrow { Encoding::Arrow } else { Encoding::Raw }
    }
}

/// A position as it crosses. The size of a descriptor bounds how many there are.
pub(super) fn position(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// A position that crossed; beyond all that there are where it is too large.
pub(super) fn at(position: u32) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}
