//! The host's side of the link while the node runs: its ports, over a socket.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep};

use super::frame::{
    Body, Content, FromHost, FromNode, Memory, at, data, decode, parameters, position,
};
use super::host::HostLink;
use super::leases::{Notice, View};
use super::wire::WireError;
use crate::event::{Encoding, Event, StopReason};
use crate::id::InputId;
use crate::pace::Pace;
use crate::payload;
use crate::ports::{Grant, Outgoing, Ports};

/// What waits to be written until no more events are taken for the node, in bytes.
const MAX_WAITING: usize = 1 << 20;

/// How long a frame that has begun may take to come.
const FRAME_PATIENCE: Duration = Duration::from_secs(10);

/// Frames that are taken before the other nodes of the thread have a turn.
const FRAMES_A_TURN: usize = 256;

/// Frames that are no messages which it may send in a second: the host answers them, and who only asks must
/// not keep it busy. Who works asks once for some events or some room.
const ASKS_A_SECOND: f64 = 200_000.0;
const ASKS_BURST: Duration = Duration::from_millis(100);

/// How a service ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Served {
    /// The node said so: well, or as failed with this text.
    Ended { failure: Option<String> },
    /// The process is gone.
    Gone,
    /// The process broke the rules of the link.
    Broken(&'static str),
}

impl HostLink {
    /// Serves the node until it ends. Events that were given to it when it is dropped are its own; what
    /// it had sent is sent.
    pub(crate) async fn serve(&mut self, ports: &mut Ports) -> Served {
        let mut service = Service::new(self, ports);
        let error = match std::future::poll_fn(|context| service.poll(context)).await {
            Ok(failure) => return Served::Ended { failure },
            Err(error) => error,
        };
        match error {
            WireError::Gone | WireError::Socket(_) => Served::Gone,
            WireError::Malformed(rule) => Served::Broken(rule),
        }
    }
}

struct Service<'a> {
    link: &'a mut HostLink,
    ports: &'a mut Ports,
    want: Option<Want>,
    /// For each output the size of a message for which room was asked.
    asks: Vec<Option<u64>>,
    /// For each output what the node may send without asking.
    granted: Vec<Grant>,
    /// Runs while a frame has begun and is not whole.
    patience: Option<Pin<Box<Sleep>>>,
    /// Of frames that are no messages.
    pace: Pace,
    /// Runs while the node is not heard because it has asked too much.
    rest: Option<Pin<Box<Sleep>>>,
    /// Nobody reads any more: what the node wanted stays for who comes after it.
    is_gone: bool,
    /// So many events are wanted while the node still has some.
    ahead: usize,
    batch: Vec<Event>,
    /// Batches that were given.
    given: u32,
}

struct Want {
    inputs: Option<Vec<usize>>,
    max: usize,
}

/// The failure, if it is one.
type End = Option<String>;

struct Taken {
    frames: usize,
    /// How many of them are no messages.
    asks: u64,
    /// Once the node has said it.
    end: Option<End>,
}

impl<'a> Service<'a> {
    fn new(link: &'a mut HostLink, ports: &'a mut Ports) -> Self {
        let outputs = ports.outputs().count();
        let mut service = Self {
            link,
            ports,
            want: None,
            asks: vec![Some(0); outputs],
            granted: vec![Grant::default(); outputs],
            patience: None,
            pace: Pace::new(ASKS_A_SECOND, ASKS_BURST),
            rest: None,
            is_gone: false,
            ahead: 0,
            batch: Vec::new(),
            given: 0,
        };
        // So that the node knows of room before it first sends.
        service.answer_asks(&mut Context::from_waker(std::task::Waker::noop()));
        service.link.outgoing.put(&FromHost::Open);
        service
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<End, WireError>> {
        let mut frames = 0;
        loop {
            let rests = self.poll_rest(context).is_pending();
            let taken = self.take_frames(if rests { 0 } else { FRAMES_A_TURN })?;
            if let Some(end) = taken.end {
                return Poll::Ready(Ok(end));
            }
            frames += taken.frames;
            if taken.asks > 0 {
                self.pace.spend(taken.asks);
            }
            self.return_leases(context);
            self.answer_asks(context);
            self.give_events(context);
            if let Poll::Ready(Err(_)) = self.link.poll_flush(context) {
                // Nobody will read it; what the node sent before it went is still to be read.
                self.link.outgoing = Default::default();
                self.is_gone = true;
            }
            if rests {
                return Poll::Pending;
            }
            if frames >= FRAMES_A_TURN {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.link.outgoing.waiting() > MAX_WAITING {
                // Who does not read is not heard either: what waits for it would grow by the answers.
                self.patience = None;
                return Poll::Pending;
            }
            match self.link.poll_receive(context) {
                Poll::Ready(received) => received?,
                Poll::Pending => return self.poll_patience(context),
            }
            self.patience = None;
        }
    }

    /// Waits until the node may ask again.
    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(rest) = &mut self.rest {
                ready!(rest.as_mut().poll(context));
                self.rest = None;
            }
            let Some(due) = self.pace.due() else { return Poll::Ready(()) };
            self.rest = Some(Box::pin(tokio::time::sleep_until(due)));
        }
    }

    /// Ends with an error once a frame has been under way for too long.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<Result<End, WireError>> {
        if !self.link.incoming.is_within_frame() {
            self.patience = None;
            return Poll::Pending;
        }
        let until = || Box::pin(tokio::time::sleep_until(Instant::now() + FRAME_PATIENCE));
        match self.patience.get_or_insert_with(until).as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(WireError::Malformed("a frame did not end"))),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Takes the frames that are whole, at most so many.
    fn take_frames(&mut self, most: usize) -> Result<Taken, WireError> {
        let (mut frames, mut asks) = (0, 0);
        while frames < most {
            let Some(body) = self.link.incoming.next()? else { break };
            frames += 1;
            asks += 1;
            match decode(body)? {
                FromNode::Send { output, outgoing: content } => {
                    asks -= 1;
                    let parameters = parameters(&content.parameters);
                    let bytes = content.body.len().saturating_add(parameters.size() as u64);
                    let output = at(output);
                    // Before anything is copied, for the other process says how much that is.
                    let most = self.ports.max_payload();
                    spend(self.granted.get_mut(output), bytes, most)?;
                    let encoding = content.encoding();
                    let payload = match content.body {
                        Body::Inline(bytes) => payload::copy(bytes),
                        Body::Leased { lease, segment, offset, len } => {
                            let view = self.link.viewer.view(segment, offset, len)?;
                            self.received(output, view, lease)
                        }
                        Body::Theirs { lease, offset, len } => {
                            self.link.lender.part(lease, offset, len)?
                        }
                    };
                    self.ports.send_granted(output, Outgoing { encoding, parameters, payload });
                }
                FromNode::Want { inputs, max } => self.note_want(inputs, max)?,
                FromNode::Seen { batches } => {
                    self.ports.note_in_flight(batches != self.given);
                }
                FromNode::Ahead { max } => self.ahead = at(max),
                FromNode::Ask { output, bytes } => self.note_ask(at(output), bytes)?,
                FromNode::Memory(memory) => self.take_memory(memory)?,
                FromNode::End { failure } => {
                    return Ok(Taken { frames, asks, end: Some(failure.map(str::to_owned)) });
                }
                FromNode::Hello { .. } | FromNode::Ready => {
                    return Err(WireError::Malformed("a second greeting"));
                }
            }
        }
        Ok(Taken { frames, asks, end: None })
    }

    /// What the process has lent. A component copies it at its wall and looks at its copy alone; before
    /// anyone else looks at it, it is copied here, or the process could still change it.
    fn received(&mut self, output: usize, view: View, lease: u64) -> Bytes {
        if self.ports.feeds_components_alone(output) {
            return view.borrow(lease, &self.link.borrower);
        }
        self.link.outgoing.put(&FromHost::Memory(Memory::Return { lease }));
        view.copy()
    }

    fn return_leases(&mut self, context: &Context<'_>) {
        for lease in self.link.borrower.poll_returned(context) {
            self.link.outgoing.put(&FromHost::Memory(Memory::Return { lease }));
        }
    }

    fn note_ask(&mut self, output: usize, bytes: u64) -> Result<(), WireError> {
        if bytes > self.ports.max_payload() {
            return Err(WireError::Malformed("room for more than a message may have"));
        }
        let ask = self.asks.get_mut(output);
        *ask.ok_or(WireError::Malformed("no such output"))? = Some(bytes);
        Ok(())
    }

    fn note_want(&mut self, inputs: Option<Vec<u32>>, max: u32) -> Result<(), WireError> {
        let known = self.ports.inputs().len();
        let inputs: Option<Vec<_>> = inputs.map(|inputs| inputs.into_iter().map(at).collect());
        if let Some(inputs) = &inputs {
            if inputs.iter().any(|input| *input >= known) {
                return Err(WireError::Malformed("no such input"));
            }
            if inputs.len() > known {
                return Err(WireError::Malformed("an input is wanted twice"));
            }
        }
        self.want = (max > 0).then(|| Want { inputs, max: at(max) });
        Ok(())
    }

    fn take_memory(&mut self, memory: Memory) -> Result<(), WireError> {
        match memory {
            Memory::Segment { segment, len } => {
                let file = self.link.incoming.file()?;
                self.link.viewer.open(segment, len, &file)
            }
            Memory::Forget { segment } => {
                self.link.viewer.forget(segment);
                Ok(())
            }
            Memory::Return { lease } => {
                for memory in self.link.lender.take_back(lease)? {
                    self.link.outgoing.put(&FromHost::Memory(memory));
                }
                Ok(())
            }
        }
    }

    fn answer_asks(&mut self, context: &mut Context<'_>) {
        let asks = self.asks.iter_mut().zip(&mut self.granted).enumerate();
        for (output, (ask, granted)) in asks {
            let Some(bytes) = *ask else { continue };
            let Poll::Ready(grant) = self.ports.poll_grant(context, output, bytes) else {
                continue;
            };
            *ask = None;
            let output = position(output);
            match grant {
                Ok(grant) => {
                    // What was given stays given: the node may have used it before it reads this. Others may
                    // have taken the room meanwhile, for what waits in all queues together is bounded too.
                    let events = grant.events.max(granted.events);
                    let bytes = grant.bytes.max(granted.bytes);
                    *granted = Grant { events, bytes };
                    self.link.outgoing.put(&FromHost::Room { output, events, bytes });
                }
                Err(_) => self.link.outgoing.put(&FromHost::OutputClosed { output }),
            }
        }
    }

    /// Gives events that are wanted, as far as there are some and the socket keeps up.
    fn give_events(&mut self, context: &mut Context<'_>) {
        if self.ahead > 0 && self.keeps_up() {
            self.ports.recv_ahead(&mut self.batch, std::mem::take(&mut self.ahead));
            self.give_batch();
        }
        if !self.keeps_up() {
            return;
        }
        let Some(want) = &self.want else { return };
        let taken = match &want.inputs {
            None => self.ports.poll_recv_ahead(context, &mut self.batch, want.max),
            Some(inputs) => self.ports.poll_recv_of(context, inputs).map(|event| {
                self.batch.extend(event);
                self.batch.len()
            }),
        };
        if taken.is_pending() {
            return;
        }
        self.want = None;
        self.give_batch();
    }

    fn keeps_up(&self) -> bool {
        !self.is_gone && self.link.outgoing.waiting() <= MAX_WAITING
    }

    fn give_batch(&mut self) {
        self.given = self.given.wrapping_add(1);
        self.ports.note_in_flight(true);
        let batch = std::mem::take(&mut self.batch);
        self.link.outgoing.put(&FromHost::Batch { len: position(batch.len()) });
        for event in &batch {
            self.give(event);
        }
        self.batch = batch;
        self.batch.clear();
    }

    fn give(&mut self, event: &Event) {
        let inputs = self.ports.inputs();
        let input = |id: &InputId| position(inputs.binary_search(id).unwrap_or(usize::MAX));
        match event {
            Event::Input(message) => {
                let (input, dropped) = (input(&message.id), message.dropped);
                let (metadata, payload) = (&message.message.metadata, &message.message.payload);
                let (body, Notice { forget, segment }) = self.link.lender.body(payload);
                for memory in forget {
                    self.link.outgoing.put(&FromHost::Memory(memory));
                }
                if let Some((memory, file)) = segment {
                    self.link.outgoing.put_with_file(&FromHost::Memory(memory), file);
                }
                let arrow = metadata.encoding == Encoding::Arrow;
                let content = Content { arrow, parameters: data(&metadata.parameters), body };
                let (timestamp, sequence) = (metadata.timestamp, metadata.sequence);
                let frame = FromHost::Input { input, dropped, timestamp, sequence, content };
                self.link.outgoing.put(&frame);
            }
            Event::Tick(tick) => {
                let (input, timestamp, missed) = (input(&tick.id), tick.timestamp, tick.missed);
                self.link.outgoing.put(&FromHost::Tick { input, timestamp, missed });
            }
            Event::InputFailed(failed) => {
                let (input, restarts) = (input(&failed.id), failed.restarts);
                let reason = &*failed.reason;
                self.link.outgoing.put(&FromHost::Failed { input, reason, restarts });
            }
            Event::InputRestarted(restarted) => {
                let (input, count) = (input(&restarted.id), restarted.count);
                self.link.outgoing.put(&FromHost::Restarted { input, count });
            }
            Event::InputClosed(closed) => {
                let (input, dropped) = (input(&closed.id), closed.dropped);
                self.link.outgoing.put(&FromHost::Closed { input, dropped });
            }
            Event::Stop(reason) => {
                let requested = *reason == StopReason::Requested;
                self.link.outgoing.put(&FromHost::Stop { requested });
            }
        }
    }
}

/// Takes a message of this size out of the room that was given at its output.
fn spend(granted: Option<&mut Grant>, bytes: u64, most: u64) -> Result<(), WireError> {
    let granted = granted.ok_or(WireError::Malformed("no such output"))?;
    if granted.events == 0 || granted.bytes < bytes || most < bytes {
        return Err(WireError::Malformed("a message for which there is no room"));
    }
    granted.events -= 1;
    granted.bytes -= bytes;
    Ok(())
}
