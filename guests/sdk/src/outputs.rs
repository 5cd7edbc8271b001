//! The node's way out.
//!
//! A send waits until every input that reads the output has room, unless the input's `overflow`
//! says that it drops instead. While it waits, the node is suspended and costs nothing. Order is
//! kept. When it returns, the message is in every inbox; on an error it is in none.

use std::fmt;

use crate::bindings::outputs;
use crate::{Encoding, Message, Payload, Value};

/// Sends raw bytes without parameters. An output that nobody was ever connected to takes them too.
pub fn send(output: &str, payload: impl Into<Payload>) -> Result<(), SendError> {
    send_with(output, payload, Encoding::Raw, &[])
}

/// Sends a payload with its encoding and parameters.
///
/// ```no_run
/// # use thalweg_guest::{Encoding, outputs};
/// outputs::send_with("load", "12.5", Encoding::Raw, &[("unit".into(), "%".into())])?;
/// # Ok::<(), thalweg_guest::Error>(())
/// ```
pub fn send_with(
    output: &str,
    payload: impl Into<Payload>,
    encoding: Encoding,
    parameters: &[(String, Value)],
) -> Result<(), SendError> {
    outputs::send(output, payload.into().0, encoding, parameters)
        .map_err(|error| SendError::new(output, error))
}

/// Sends a message on as it came: payload, encoding and parameters. Its timestamp and sequence
/// become those of this output. Copies nothing that the host holds.
pub fn forward(output: &str, message: Message) -> Result<(), SendError> {
    let Message { metadata, payload } = message;
    send_with(output, payload, metadata.encoding, &metadata.parameters)
}

/// Why a message was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The descriptor gives this node no such output.
    UnknownOutput {
        /// The output's name.
        output: String,
    },
    /// Every node that read this output has ended. It will not open again.
    Closed {
        /// The output's name.
        output: String,
    },
    /// The payload is larger than the limit.
    TooLarge {
        /// The output's name.
        output: String,
        /// The limit in bytes.
        limit: u64,
    },
}

impl SendError {
    fn new(output: &str, error: outputs::SendError) -> SendError {
        let output = output.to_owned();
        match error {
            outputs::SendError::UnknownOutput => SendError::UnknownOutput { output },
            outputs::SendError::Closed => SendError::Closed { output },
            outputs::SendError::TooLarge(limit) => SendError::TooLarge { output, limit },
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::UnknownOutput { output } => {
                write!(f, "cannot send: the descriptor gives this node no output `{output}`")
            }
            SendError::Closed { output } => {
                write!(f, "cannot send: every node that read output `{output}` has ended")
            }
            SendError::TooLarge { output, limit } => {
                write!(
                    f,
                    "cannot send on output `{output}`: the payload is larger than {limit} bytes"
                )
            }
        }
    }
}

impl std::error::Error for SendError {}
