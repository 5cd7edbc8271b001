//! What the node sends: within the room that was given, and a burst of messages by few writes.

use std::time::Instant;

use super::{LinkError, NodeLink};
use crate::event::Encoding;
use crate::id::OutputId;
use crate::link::credit::{Credit, May};
use crate::link::frame::{self, Content, FromNode, position};
use crate::link::leases::Notice;
use crate::ports::{Outgoing, SendError};

/// What may wait to go out before a node that sends must wait, in bytes.
const MAX_WAITING: usize = 1 << 20;

impl NodeLink {
    /// Sends a message if every input that reads `output` has room; otherwise gives it back, and the
    /// descriptor becomes readable when it is worth another try, or writable where [`Self::wants_to_write`].
    ///
    /// The first messages of a burst are written at once. Those that follow are held back to be written
    /// together: when there are some, or much; with whatever the node asks of its host, as the next event or
    /// room; at its end; and by [`Self::flush`], which is to be called when it is due ([`Self::flush_due`]).
    ///
    /// # Errors
    ///
    /// [`SendError`], or [`LinkError`] when the dataflow is gone; the message is then in no inbox.
    pub fn try_send(
        &mut self,
        output: &str,
        message: Outgoing,
    ) -> Result<Result<Option<Outgoing>, SendError>, LinkError> {
        let known = self.node.outputs.iter().position(|known| known.as_str() == output);
        let Some(index) = known else {
            return Ok(Err(SendError::UnknownOutput { output: output.into() }));
        };
        let bytes = message.size() as u64;
        if bytes > self.node.max_payload {
            let limit = self.node.max_payload;
            return Ok(Err(SendError::TooLarge { output: self.output(index), bytes, limit }));
        }
        match self.may_send(index, bytes)? {
            May::Never => Ok(Err(SendError::Closed { output: self.output(index) })),
            May::Wait => Ok(Ok(Some(message))),
            May::Send => {
                let asked = self.put_message(index, &message, bytes);
                if self.burst.put(Instant::now(), bytes) || asked {
                    self.flush()?;
                    self.burst.note_sent(Instant::now());
                }
                Ok(Ok(None))
            }
        }
    }

    fn may_send(&mut self, output: usize, bytes: u64) -> Result<May, LinkError> {
        if let Some(gone) = &self.gone {
            return Err(gone.clone());
        }
        if self.outgoing.waiting() > MAX_WAITING {
            // A host that is not read from does not read.
            self.receive()?;
            self.flush()?;
            if self.outgoing.waiting() > MAX_WAITING {
                // Another thread may write it before this one watches the socket, which tells it then.
                self.waits_to_write = true;
                return Ok(May::Wait);
            }
        }
        let may = self.credit(output).may_send(bytes);
        if may != May::Wait {
            return Ok(may);
        }
        self.receive()?;
        let may = self.credit(output).may_send(bytes);
        if may == May::Wait {
            self.burst.note_full();
            self.ask(output, bytes);
            self.flush()?;
        }
        Ok(may)
    }

    /// True when more room was asked for with it.
    fn put_message(&mut self, output: usize, message: &Outgoing, bytes: u64) -> bool {
        let body = match self.borrower.body(&message.payload) {
            Some(body) => body,
            None => {
                let (body, Notice { forget, segment }) = self.lender.body(&message.payload);
                for memory in forget {
                    self.outgoing.put(&FromNode::Memory(memory));
                }
                if let Some((memory, file)) = segment {
                    self.outgoing.put_with_file(&FromNode::Memory(memory), file);
                }
                body
            }
        };
        let arrow = message.encoding == Encoding::Arrow;
        let parameters = frame::data(&message.parameters);
        let outgoing = Content { arrow, parameters, body };
        self.outgoing.put(&FromNode::Send { output: position(output), outgoing });
        self.credit(output).spend(bytes) && self.ask(output, bytes)
    }

    /// False when an answer is on its way already.
    fn ask(&mut self, output: usize, bytes: u64) -> bool {
        let asks = self.credit(output).ask();
        if asks {
            self.outgoing.put(&FromNode::Ask { output: position(output), bytes });
        }
        asks
    }

    #[expect(clippy::indexing_slicing, reason = "its position was found")]
    fn output(&self, output: usize) -> OutputId {
        self.node.outputs[output].clone()
    }

    #[expect(clippy::indexing_slicing, reason = "one for each output")]
    fn credit(&mut self, output: usize) -> &mut Credit {
        &mut self.credits[output]
    }
}
