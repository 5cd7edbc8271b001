//! The door of a dataflow that runs: a socket in the runtime folder of the user, which nobody else can reach.
//! By it processes from outside attach to nodes, and ask things of the dataflow.

mod ask;
mod place;
mod remote;
mod visit;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::FuturesUnordered;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::id::NodeId;
use crate::link::{HandshakeError, HostLink};
use place::Place;

pub(crate) use ask::{Answer, Ask};
pub use place::OpenError;
pub(crate) use remote::{AskError, Asked, ask, sockets};

/// How long a process may take to say what it wants, and again to take its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Processes that have not said it yet, at most. Beyond that the one that has been silent for longest has to
/// go, so that those who say nothing hold up nobody.
const MAX_STRANGERS: usize = 64;

/// How long a door that closes waits for those who have asked to take their answers.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Questions that are being answered, at most. The next ones are refused.
const MAX_ASKED: usize = 64;

/// A socket that listens, until it is dropped.
#[derive(Debug)]
pub(crate) struct Door {
    listener: UnixListener,
    /// There until it is dropped.
    _place: Place,
}

/// The nodes that a process can attach to, by name.
pub(crate) type Seats = BTreeMap<NodeId, Seat>;

/// Where one process at a time can be a node.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    max_payload: u64,
    taken_by: Arc<Mutex<Option<i32>>>,
    guests: mpsc::Sender<Guest>,
}

/// A process that wants to be the node of the seat. Dropping it leaves the seat to others.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) link: HostLink,
    pub(crate) pid: i32,
    taken_by: Arc<Mutex<Option<i32>>>,
}

impl Drop for Guest {
    fn drop(&mut self) {
        *self.taken_by.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Seat {
    /// A seat and who comes to it. It ends with the receiver. `max_payload` is the largest payload that
    /// the node may send.
    pub(crate) fn new(max_payload: u64) -> (Self, mpsc::Receiver<Guest>) {
        let (guests, arrivals) = mpsc::channel(1);
        (Self { max_payload, taken_by: Arc::default(), guests }, arrivals)
    }

    /// Takes the seat for a process, or says why it cannot have it.
    fn take(&self, node: &NodeId, pid: i32) -> Result<(), String> {
        if self.guests.is_closed() {
            return Err(format!("node `{node}` has ended"));
        }
        let mut taken_by = self.taken_by.lock().unwrap_or_else(PoisonError::into_inner);
        match *taken_by {
            Some(other) => Err(format!("process {other} is attached to node `{node}` already")),
            None => {
                *taken_by = Some(pid);
                Ok(())
            }
        }
    }
}

impl Door {
    /// Opens the door of a dataflow with this name.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the folder cannot be made, or is not the user's alone.
    pub(crate) fn open(name: &str) -> Result<Self, OpenError> {
        let (place, listener) = Place::take(name)?;
        Ok(Self { listener, _place: place })
    }

    /// Where it is.
    #[cfg(test)]
    pub(crate) fn path(&self) -> &std::path::Path {
        self._place.path()
    }

    /// Lets processes in until `closing` is cancelled, and then gives those who have asked a moment to take
    /// their answers. `answers` answers what they ask.
    pub(crate) async fn serve<F>(
        self,
        seats: Seats,
        answers: impl Fn(Ask) -> F,
        closing: CancellationToken,
    ) where
        F: Future<Output = Answer>,
    {
        let mut strangers = FuturesUnordered::new();
        let mut handles: BTreeMap<u64, AbortHandle> = BTreeMap::new();
        let mut asked = FuturesUnordered::new();
        let mut numbers = 0..;
        loop {
            tokio::select! {
                () = closing.cancelled() => break,
                socket = accept(&self.listener) => {
                    let number = numbers.next().unwrap_or_default();
                    let (handle, registration) = AbortHandle::new_pair();
                    let met = Abortable::new(meet(socket, &seats), registration);
                    strangers.push(async move { (number, met.await) });
                    handles.insert(number, handle);
                    if handles.len() > MAX_STRANGERS
                        && let Some((_, longest_silent)) = handles.pop_first()
                    {
                        longest_silent.abort();
                    }
                }
                Some((number, met)) = strangers.next() => {
                    handles.remove(&number);
                    match met {
                        Ok(Some((socket, _))) if asked.len() >= MAX_ASKED => refuse_at_once(&socket),
                        Ok(Some((socket, ask))) => {
                            asked.push(see_answered(socket, &answers, ask, &closing));
                        }
                        Ok(None) | Err(_) => {}
                    }
                }
                Some(()) = asked.next() => {}
            }
        }
        drop(strangers);
        let taken = async { while asked.next().await.is_some() {} };
        // Whoever does not take an answer by then does without.
        let _ = tokio::time::timeout(LAST_ANSWERS, taken).await;
    }
}

/// The next process that comes.
async fn accept(listener: &UnixListener) -> UnixStream {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => return socket,
            Err(error) => {
                // Out of descriptors, as a rule: those who wait are let in later.
                tracing::warn!(%error, "a process could not come in");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Brings a process to its seat, or tells it why not; or has its question.
async fn meet(socket: UnixStream, seats: &Seats) -> Option<(UnixStream, Ask)> {
    match tokio::time::timeout(PATIENCE, hear(socket, seats)).await {
        Ok(Ok(asked)) => return asked,
        Ok(Err(error)) => tracing::info!(%error, "a process was not let in"),
        Err(_) => tracing::info!("a process did not say what it wants"),
    }
    None
}

/// Answers a question; after a stop, stays until the door closes.
async fn see_answered<F>(
    mut socket: UnixStream,
    answers: &impl Fn(Ask) -> F,
    ask: Ask,
    closing: &CancellationToken,
) where
    F: Future<Output = Answer>,
{
    let stays = ask == Ask::Stop;
    let answer = answers(ask).await;
    let sent = tokio::time::timeout(PATIENCE, visit::answer(&mut socket, &answer)).await;
    if stays && matches!(sent, Ok(Ok(()))) {
        closing.run_until_cancelled(visit::gone(&mut socket)).await;
    }
}

/// Tells a process that others are asking, if it takes that at once.
fn refuse_at_once(socket: &UnixStream) {
    let reason = format!("{MAX_ASKED} others are asking; try again");
    let _ = socket.try_write(ask::answer(&Answer::Refused { reason }).as_bytes());
}

/// Why a process was not let in.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("it is of another user")]
    OtherUser,
    #[error("{0}")]
    Told(String),
    #[error("{0}")]
    Handshake(#[from] HandshakeError),
    #[error("{0}")]
    Socket(#[from] io::Error),
}

/// What a process wants; none when that was to attach, and is settled.
async fn hear(mut socket: UnixStream, seats: &Seats) -> Result<Option<(UnixStream, Ask)>, Refusal> {
    let peer = socket.peer_cred()?;
    admit(peer.uid())?;
    if !visit::asks(&socket).await? {
        return seat(socket, peer.pid().unwrap_or_default(), seats).await.map(|()| None);
    }
    match visit::question(&mut socket).await? {
        Ok(ask) => Ok(Some((socket, ask))),
        Err(reason) => {
            let answer = Answer::Refused { reason: reason.clone() };
            // Whoever does not wait for the answer does not get it.
            let _ = visit::answer(&mut socket, &answer).await;
            Err(Refusal::Told(reason))
        }
    }
}

/// Lets in processes of this user alone.
fn admit(uid: u32) -> Result<(), Refusal> {
    if uid == rustix::process::geteuid().as_raw() { Ok(()) } else { Err(Refusal::OtherUser) }
}

async fn seat(socket: UnixStream, pid: i32, seats: &Seats) -> Result<(), Refusal> {
    let max_payload = seats.values().map(|seat| seat.max_payload).max().unwrap_or_default();
    let mut link = HostLink::new(OwnedFd::from(socket.into_std()?), max_payload)?;
    let name = link.introduction().await?.node.unwrap_or_default();
    let found = seats.iter().find(|(node, _)| node.as_str() == name);
    let taken = match found {
        Some((node, seat)) => seat.take(node, pid).map(|()| seat),
        None => Err(unknown(&name, seats)),
    };
    match taken {
        Ok(seat) => {
            let guest = Guest { link, pid, taken_by: Arc::clone(&seat.taken_by) };
            // The node has ended meanwhile: the guest learns it by the end of its link.
            let _ = seat.guests.send(guest).await;
            Ok(())
        }
        Err(reason) => {
            // Whoever does not wait for the answer does not get it.
            let _ = link.refuse(&reason).await;
            Err(Refusal::Told(reason))
        }
    }
}

fn unknown(name: &str, seats: &Seats) -> String {
    if seats.is_empty() {
        return "it has no node with `attached: true`".into();
    }
    let names: Vec<_> = seats.keys().map(|node| format!("`{node}`")).collect();
    format!("it has no node `{name}` with `attached: true`; it has {}", names.join(", "))
}

#[cfg(test)]
#[cfg(not(feature = "model"))]
mod tests;
