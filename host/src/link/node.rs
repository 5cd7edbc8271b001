//! The node's side of the link. Nothing here waits, but the handshake and the end.

mod receive;
mod sending;

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::ahead::Ahead;
use super::burst::Burst;
use super::credit::Credit;
use super::frame::{FromNode, Memory, PROTOCOL, position};
use super::leases::{Borrower, Lender, Viewer};
use super::wire::{self, Incoming, Received, WireError};
use crate::event::{Event, Parameters};
use crate::id::{InputId, OutputId};
use crate::ports::MAX_BATCH;

/// How long a message of a burst may wait for those behind it.
pub const HELD: Duration = Duration::from_micros(200);

/// How long the host may take to answer a handshake, and to take the last frames.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process's side of its link to the dataflow that it is a node of.
///
/// Nothing blocks but [`Self::over`], [`Self::attach`] and [`Self::end`]. What cannot be done now can be
/// done once the descriptor is readable, or writable where [`Self::wants_to_write`].
#[derive(Debug)]
pub struct NodeLink {
    socket: OwnedFd,
    incoming: Incoming,
    outgoing: wire::Outgoing,
    node: Description,
    /// Events may flow.
    open: bool,
    /// Events that came and were not taken, with the positions of their inputs.
    ready: VecDeque<(Option<usize>, Event)>,
    /// Inputs whose last event came.
    closed: Vec<bool>,
    /// The last event came.
    stopped: bool,
    wanted: Option<Wanted>,
    /// Events of the batch that is coming in.
    coming: u32,
    /// Batches that have come whole, and how many of them the host was told of.
    batches: u32,
    said: u32,
    ahead: Ahead,
    credits: Vec<Credit>,
    burst: Burst,
    /// The socket took only a part of what was written.
    full: bool,
    /// A message waits for it to take more.
    waits_to_write: bool,
    lender: Lender,
    viewer: Viewer,
    borrower: Borrower,
    /// Something came that [`Self::take_news`] has not told of.
    news: bool,
    gone: Option<LinkError>,
}

#[derive(Debug, Default)]
struct Description {
    id: String,
    inputs: Vec<InputId>,
    outputs: Vec<OutputId>,
    parameters: Parameters,
    max_payload: u64,
}

#[derive(Debug, PartialEq)]
enum Wanted {
    Any,
    Of(Vec<u32>),
}

/// What [`NodeLink::take`] found.
#[derive(Debug, PartialEq)]
pub enum Taken {
    /// An event.
    Event(Event),
    /// There is none now. The descriptor becomes readable with the next one.
    Nothing,
    /// There will be none.
    Ended,
}

/// Why a node and its dataflow are apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The host has ended, or has ended the node.
    #[error("the dataflow has ended the node, or has ended itself")]
    Gone,
    /// The two do not understand each other.
    #[error("the link to the dataflow failed: {0}")]
    Failed(String),
}

/// Why a process is not the node that it wants to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// Nobody answers.
    #[error("no dataflow answers: {0}")]
    NoAnswer(String),
    /// The dataflow has no such node for this process, and says why.
    #[error("{0}")]
    Refused(String),
}

impl From<WireError> for LinkError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Gone => Self::Gone,
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<LinkError> for AttachError {
    fn from(error: LinkError) -> Self {
        Self::NoAnswer(error.to_string())
    }
}

impl NodeLink {
    /// The link over a socket that the host gave to this process. Blocks until the host says who the node
    /// is, ten seconds at most. `node` is the node to attach to; none where the host started the process.
    ///
    /// # Errors
    ///
    /// [`AttachError`]
    pub fn over(socket: OwnedFd, node: Option<&str>) -> Result<Self, AttachError> {
        let mut link = Self::new(socket);
        let version = env!("CARGO_PKG_VERSION");
        link.outgoing.put(&FromNode::Hello { protocol: PROTOCOL, version, node });
        let deadline = Instant::now() + PATIENCE;
        while link.node.id.is_empty() {
            link.flush()?;
            let received = link.incoming.receive(&link.socket).map_err(LinkError::from)?;
            if received == Received::Nothing {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(AttachError::NoAnswer("the host does not answer".into()));
                }
                wait(link.socket.as_fd(), PollFlags::IN, left);
            }
            if let Some(reason) = link.greet()? {
                return Err(AttachError::Refused(reason));
            }
        }
        Ok(link)
    }

    /// The link to a dataflow that listens on this socket, as its node `node`. Blocks as [`Self::over`].
    ///
    /// # Errors
    ///
    /// [`AttachError`]
    pub fn attach(path: &Path, node: &str) -> Result<Self, AttachError> {
        let connected = || {
            let flags = SocketFlags::CLOEXEC;
            let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
            connect(&socket, &SocketAddrUnix::new(path)?)?;
            Ok(socket)
        };
        let socket =
            connected().map_err(|error: Errno| AttachError::NoAnswer(error.to_string()))?;
        Self::over(socket, Some(node))
    }

    fn new(socket: OwnedFd) -> Self {
        Self {
            socket,
            // The host is trusted: it started this dataflow.
            incoming: Incoming::new(u64::from(u32::MAX)),
            outgoing: wire::Outgoing::default(),
            node: Description::default(),
            open: false,
            ready: VecDeque::new(),
            closed: Vec::new(),
            stopped: false,
            wanted: None,
            coming: 0,
            batches: 0,
            said: 0,
            ahead: Ahead::default(),
            credits: Vec::new(),
            burst: Burst::default(),
            full: false,
            waits_to_write: false,
            lender: Lender::default(),
            viewer: Viewer::default(),
            borrower: Borrower::default(),
            news: false,
            gone: None,
        }
    }

    /// The name of the node.
    pub fn id(&self) -> &str {
        &self.node.id
    }

    /// The inputs, in the order of their names.
    pub fn inputs(&self) -> &[InputId] {
        &self.node.inputs
    }

    /// What the descriptor gives the node as `parameters`.
    pub fn parameters(&self) -> &Parameters {
        &self.node.parameters
    }

    /// What to watch. It is readable when there is something to take, room, or the end of the host.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether something waits until the socket is writable. [`Self::pump`] writes it.
    pub fn wants_to_write(&self) -> bool {
        self.full || self.waits_to_write
    }

    /// Whether the socket took only a part of what was written.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// When messages that [`Self::try_send`] holds back are to be written by [`Self::flush`]; none where it holds
    /// none.
    pub fn flush_due(&self) -> Option<Instant> {
        self.burst.held_since().map(|since| since + HELD)
    }

    /// Whether events may flow: every node of the dataflow is ready.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Tells the host that this node is ready.
    ///
    /// # Errors
    ///
    /// [`LinkError`]
    pub fn ready(&mut self) -> Result<(), LinkError> {
        self.outgoing.put(&FromNode::Ready);
        self.flush()
    }

    /// Reads what has come and writes what waits.
    ///
    /// # Errors
    ///
    /// [`LinkError`]
    pub fn pump(&mut self) -> Result<(), LinkError> {
        self.waits_to_write = false;
        self.receive()?;
        self.flush()
    }

    /// The next event, of these inputs or of all; `inputs` are positions in [`Self::inputs`]. Where there
    /// is none, the host is asked for one, and where half of a full batch is left, for more of what will not change.
    ///
    /// # Errors
    ///
    /// [`LinkError`], after every event that had come before.
    pub fn take(&mut self, inputs: Option<&[usize]>) -> Result<Taken, LinkError> {
        if let Some(event) = self.take_ready(inputs) {
            if self.may_ask_ahead(inputs) {
                // The end of the host is told behind what had come before.
                let _ = self.ask_ahead();
            }
            return Ok(Taken::Event(event));
        }
        if self.has_ended(inputs) {
            return Ok(Taken::Ended);
        }
        if self.wanted.is_some() || self.ahead.is_asked() {
            // What came before the end of the host is taken first.
            let received = self.receive();
            if let Some(event) = self.take_ready(inputs) {
                return Ok(Taken::Event(event));
            }
            if self.has_ended(inputs) {
                return Ok(Taken::Ended);
            }
            received?;
        }
        if !self.ahead.is_asked() {
            self.want(inputs)?;
        }
        Ok(Taken::Nothing)
    }

    fn may_ask_ahead(&self, inputs: Option<&[usize]>) -> bool {
        let has_asked = self.wanted.is_some() || self.coming > 0 || self.stopped;
        inputs.is_none() && self.ahead.may_ask(self.ready.len()) && !has_asked
    }

    fn ask_ahead(&mut self) -> Result<(), LinkError> {
        self.ahead.note_asked();
        self.outgoing.put(&FromNode::Ahead { max: position(MAX_BATCH) });
        self.flush()
    }

    /// Whether something came since this was asked last. Every call reads what has come, and the descriptor
    /// does not become readable again for it: whoever else waits must be told to look again.
    pub fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// Nobody waits for an event any more. One that is on its way already is kept for the next
    /// [`Self::take`].
    ///
    /// # Errors
    ///
    /// [`LinkError`]
    pub fn withdraw(&mut self) -> Result<(), LinkError> {
        if self.wanted.take().is_some() {
            self.outgoing.put(&FromNode::Want { inputs: None, max: 0 });
            self.flush()?;
        }
        Ok(())
    }

    /// Ends the node: well, or as failed with this text. Blocks until the host has taken what was sent,
    /// ten seconds at most.
    pub fn end(&mut self, failure: Option<&str>) {
        self.outgoing.put(&FromNode::End { failure });
        self.leave();
    }

    /// Leaves the link without a word: how the process ends will say how the node did. Blocks as [`Self::end`].
    pub fn leave(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        // Nobody sends any more.
        self.waits_to_write = false;
        while self.flush().is_ok() && self.wants_to_write() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            wait(self.socket.as_fd(), PollFlags::OUT, left);
            // What the host sends meanwhile must not keep it from reading.
            let _ = self.receive();
        }
        self.gone.get_or_insert(LinkError::Gone);
    }

    fn take_ready(&mut self, inputs: Option<&[usize]>) -> Option<Event> {
        let Some(inputs) = inputs else { return self.ready.pop_front().map(|(_, event)| event) };
        let of = |(input, _): &(Option<usize>, Event)| input.is_some_and(|at| inputs.contains(&at));
        let position = self.ready.iter().position(of)?;
        self.ready.remove(position).map(|(_, event)| event)
    }

    /// Whether nothing of these inputs will come; to be asked when nothing of them is ready.
    fn has_ended(&self, inputs: Option<&[usize]>) -> bool {
        let is_closed = |input: &usize| self.closed.get(*input).copied().unwrap_or(true);
        self.stopped || inputs.is_some_and(|inputs| inputs.iter().all(is_closed))
    }

    fn want(&mut self, inputs: Option<&[usize]>) -> Result<(), LinkError> {
        if let Some(gone) = &self.gone {
            return Err(gone.clone());
        }
        let more: Option<Vec<u32>> =
            inputs.map(|inputs| inputs.iter().map(|input| position(*input)).collect());
        let wanted = match (self.wanted.take(), more) {
            (Some(Wanted::Any), _) | (_, None) => Wanted::Any,
            (known, Some(mut of)) => {
                if let Some(Wanted::Of(known)) = known {
                    of.extend(known);
                }
                of.sort_unstable();
                of.dedup();
                Wanted::Of(of)
            }
        };
        let inputs = match &wanted {
            Wanted::Any => None,
            Wanted::Of(inputs) => Some(inputs.clone()),
        };
        self.wanted = Some(wanted);
        if self.batches != std::mem::replace(&mut self.said, self.batches) {
            self.outgoing.put(&FromNode::Seen { batches: self.batches });
        }
        self.outgoing.put(&FromNode::Want { inputs, max: position(MAX_BATCH) });
        self.flush()
    }

    /// Writes what waits, as far as the socket takes it: also what it holds back of a burst.
    ///
    /// # Errors
    ///
    /// [`LinkError`]
    pub fn flush(&mut self) -> Result<(), LinkError> {
        self.burst.note_written();
        self.full = false;
        for lease in self.borrower.take_returned() {
            self.outgoing.put(&FromNode::Memory(Memory::Return { lease }));
        }
        if let Some(gone) = &self.gone {
            return Err(gone.clone());
        }
        let all = self.outgoing.send(&self.socket).map_err(|error| self.lose(error))?;
        self.full = !all;
        Ok(())
    }

    fn receive(&mut self) -> Result<(), LinkError> {
        if let Some(gone) = &self.gone {
            return Err(gone.clone());
        }
        self.receive_frames().map_err(|error| self.lose(error))
    }

    fn lose(&mut self, error: WireError) -> LinkError {
        self.gone.insert(error.into()).clone()
    }
}

/// Why versions that differ do not work together.
pub(super) fn other_version(other: &str) -> String {
    format!(
        "the host is of version {other} and the Python package of version {}: install the same",
        env!("CARGO_PKG_VERSION")
    )
}

/// Waits until the socket can be used, at most so long. A signal ends the wait too.
fn wait(socket: BorrowedFd<'_>, events: PollFlags, most: Duration) {
    let seconds = i64::try_from(most.as_secs()).unwrap_or(i64::MAX);
    let most = Timespec { tv_sec: seconds, tv_nsec: most.subsec_nanos().into() };
    let _ = poll(&mut [PollFd::from_borrowed_fd(socket, events)], Some(&most));
}
