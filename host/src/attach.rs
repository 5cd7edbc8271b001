//! The door by which processes from outside attach to nodes of a dataflow that runs: a socket in the
//! runtime folder of the user, which nobody else can reach.

mod place;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use crate::id::NodeId;
use crate::link::{HandshakeError, HostLink};
use place::Place;

pub use place::OpenError;

/// How long a process may take to say which node it wants to be.
const PATIENCE: Duration = Duration::from_secs(10);

/// Processes that have not said it yet, at most. The next ones wait to be let in.
const MAX_STRANGERS: usize = 16;

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

    /// Lets processes in until it is dropped.
    pub(crate) async fn serve(self, seats: Seats) {
        let mut strangers = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if strangers.len() < MAX_STRANGERS => {
                    match accepted {
                        Ok((socket, _)) => strangers.push(admit(socket, &seats)),
                        Err(error) => {
                            // Out of descriptors, as a rule: those who wait are let in later.
                            tracing::warn!(%error, "a process could not attach");
                            tokio::time::sleep(Duration::from_millis(100)).await;
                        }
                    }
                }
                Some(()) = strangers.next() => {}
            }
        }
    }
}

/// Brings a process to its seat, or tells it why not.
async fn admit(socket: UnixStream, seats: &Seats) {
    match tokio::time::timeout(PATIENCE, seat(socket, seats)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::info!(%error, "a process was not let in"),
        Err(_) => tracing::info!("a process did not say which node it wants to be"),
    }
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

async fn seat(socket: UnixStream, seats: &Seats) -> Result<(), Refusal> {
    let peer = socket.peer_cred()?;
    if peer.uid() != rustix::process::geteuid().as_raw() {
        return Err(Refusal::OtherUser);
    }
    let pid = peer.pid().unwrap_or_default();
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
    let names: Vec<_> = seats.keys().map(|node| format!("`{node}`")).collect();
    format!("it has no node `{name}` with `attached: true`; it has {}", names.join(", "))
}

#[cfg(test)]
#[cfg(not(feature = "model"))]
mod tests;
