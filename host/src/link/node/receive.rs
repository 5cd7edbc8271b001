//! What the host says, frame by frame.

use bytes::Bytes;

use super::{AttachError, Description, LinkError, NodeLink, other_version};
use crate::event::{
    Event, Input, InputClosed, InputFailed, InputRestarted, Message, Metadata, StopReason, Tick,
};
use crate::id::{InputId, NodeId, OutputId};
use crate::link::ahead::Ahead;
use crate::link::credit::Credit;
use crate::link::frame::{self, Body, FromHost, FromNode, Memory, at, decode};
use crate::link::wire::{Received, WireError};

impl NodeLink {
    pub(super) fn receive_frames(&mut self) -> Result<(), WireError> {
        loop {
            let received = self.incoming.receive(&self.socket);
            // What came before the end is not lost by it.
            while self.receive_frame()? {}
            let may_be_more = received? == Received::Some;
            if !may_be_more || (self.coming == 0 && !self.incoming.is_within_frame()) {
                return Ok(());
            }
        }
    }

    /// Takes the welcome, or the reason why there is none.
    pub(super) fn greet(&mut self) -> Result<Option<String>, AttachError> {
        let malformed = |error: WireError| AttachError::from(LinkError::from(error));
        let Some(body) = self.incoming.next().map_err(malformed)? else { return Ok(None) };
        match decode(body).map_err(WireError::from).map_err(malformed)? {
            FromHost::Refused { reason } => return Ok(Some(reason.to_owned())),
            FromHost::Welcome {
                version,
                node,
                inputs,
                outputs,
                parameters,
                max_payload,
                ahead,
            } => {
                if version != env!("CARGO_PKG_VERSION") {
                    return Ok(Some(other_version(version)));
                }
                let unnamed = |_| malformed(WireError::Malformed("a name is wrong"));
                let inputs: Result<Vec<InputId>, _> = inputs.iter().map(|id| id.parse()).collect();
                let outputs: Result<Vec<OutputId>, _> =
                    outputs.iter().map(|id| id.parse()).collect();
                let id: Result<NodeId, _> = node.parse();
                self.node = Description {
                    id: id.map_err(unnamed)?.to_string(),
                    inputs: inputs.map_err(unnamed)?,
                    outputs: outputs.map_err(unnamed)?,
                    parameters: frame::parameters(&parameters),
                    max_payload,
                };
                self.ahead = Ahead::new(ahead);
                self.closed = vec![false; self.node.inputs.len()];
                self.credits = self.node.outputs.iter().map(|_| Credit::default()).collect();
            }
            _ => return Err(malformed(WireError::Malformed("no welcome"))),
        }
        Ok(None)
    }

    /// Takes the next frame. False when there is none that is whole.
    fn receive_frame(&mut self) -> Result<bool, WireError> {
        let Some(body) = self.incoming.next()? else { return Ok(false) };
        self.news = true;
        let frame: FromHost<'_> = decode(body)?;
        let (input, event) = match frame {
            FromHost::Open => {
                self.open = true;
                return Ok(true);
            }
            FromHost::Batch { len } => {
                self.coming = len;
                self.wanted = None;
                self.ahead.note_batch(at(len));
                if len == 0 {
                    self.batches = self.batches.wrapping_add(1);
                }
                return Ok(true);
            }
            FromHost::Room { output, events, bytes } => {
                if let Some(credit) = self.credits.get_mut(at(output)) {
                    credit.give(events, bytes);
                }
                return Ok(true);
            }
            FromHost::OutputClosed { output } => {
                if let Some(credit) = self.credits.get_mut(at(output)) {
                    credit.close();
                }
                return Ok(true);
            }
            FromHost::Memory(memory) => return self.receive_memory(memory).map(|()| true),
            FromHost::Welcome { .. } | FromHost::Refused { .. } => {
                return Err(WireError::Malformed("a second welcome"));
            }
            FromHost::Input { input, dropped, timestamp, sequence, content } => {
                let payload = match content.body {
                    Body::Inline(bytes) => Bytes::copy_from_slice(bytes),
                    Body::Leased { lease, segment, offset, len } => {
                        self.viewer.view(segment, offset, len)?.borrow(lease, &self.borrower)
                    }
                    Body::Theirs { .. } => {
                        return Err(WireError::Malformed("nothing is lent to the host"));
                    }
                };
                let parameters = frame::parameters(&content.parameters);
                let encoding = content.encoding();
                let metadata = Metadata { timestamp, sequence, encoding, parameters };
                let id = named(&self.node.inputs, input)?;
                let message = Message { metadata, payload };
                (Some(input), Event::Input(Input { id, dropped, message }))
            }
            FromHost::Tick { input, timestamp, missed } => {
                let id = named(&self.node.inputs, input)?;
                (Some(input), Event::Tick(Tick { id, timestamp, missed }))
            }
            FromHost::Failed { input, reason, restarts } => {
                let (id, reason) = (named(&self.node.inputs, input)?, reason.into());
                (Some(input), Event::InputFailed(InputFailed { id, reason, restarts }))
            }
            FromHost::Restarted { input, count } => {
                let id = named(&self.node.inputs, input)?;
                (Some(input), Event::InputRestarted(InputRestarted { id, count }))
            }
            FromHost::Closed { input, dropped } => {
                let id = named(&self.node.inputs, input)?;
                if let Some(closed) = self.closed.get_mut(at(input)) {
                    *closed = true;
                }
                (Some(input), Event::InputClosed(InputClosed { id, dropped }))
            }
            FromHost::Stop { requested } => {
                self.stopped = true;
                let reason =
                    if requested { StopReason::Requested } else { StopReason::InputsClosed };
                (None, Event::Stop(reason))
            }
        };
        self.coming = self.coming.saturating_sub(1);
        if self.coming == 0 {
            self.batches = self.batches.wrapping_add(1);
        }
        self.ready.push_back((input.map(at), event));
        Ok(true)
    }

    fn receive_memory(&mut self, memory: Memory) -> Result<(), WireError> {
        match memory {
            Memory::Segment { segment, len } => {
                let file = self.incoming.file()?;
                self.viewer.open(segment, len, &file)
            }
            Memory::Forget { segment } => {
                self.viewer.forget(segment);
                Ok(())
            }
            Memory::Return { lease } => {
                for memory in self.lender.take_back(lease)? {
                    self.outgoing.put(&FromNode::Memory(memory));
                }
                Ok(())
            }
        }
    }
}

fn named(inputs: &[InputId], input: u32) -> Result<InputId, WireError> {
    inputs.get(at(input)).cloned().ok_or(WireError::Malformed("no such input"))
}
