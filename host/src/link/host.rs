//! The host's side of the link: who speaks, and frames as they come and go.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::frame::{self, FromHost, FromNode, PROTOCOL, decode};
use super::leases::{Borrower, Lender, Viewer};
use super::node::other_version;
use super::wire::{Incoming, Outgoing, Received, WireError};
use crate::event::Parameters;
use crate::ports::Ports;

/// A link whose other end is the process of a node, or wants to be.
#[derive(Debug)]
pub(crate) struct HostLink {
    /// Watched for what comes alone: a reader that makes room wakes whoever watches for it, and would be
    /// held up by that with every event that it takes.
    socket: AsyncFd<OwnedFd>,
    /// The same socket, watched for room while there is none.
    full: Option<AsyncFd<OwnedFd>>,
    pub(super) incoming: Incoming,
    pub(super) outgoing: Outgoing,
    pub(super) lender: Lender,
    pub(super) viewer: Viewer,
    pub(super) borrower: Borrower,
}

/// What a process says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Introduction {
    /// The node that it wants to be; none where the host started it.
    pub(crate) node: Option<String>,
}

/// Why a process is no node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// It has another version.
    #[error("{0}")]
    OtherVersion(String),
    /// The script ended before it had made its node, with this failure.
    #[error("it ended before it made its `thalweg.Node`")]
    Ended(Option<String>),
    /// The link does not work.
    #[error("{0}")]
    Wire(#[from] WireError),
}

impl HostLink {
    /// The link over this socket. `max_payload` is the largest payload that the node may send.
    pub(crate) fn new(socket: OwnedFd, max_payload: u64) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&socket, true)?;
        Ok(Self {
            socket: watched(socket, Interest::READABLE)?,
            full: None,
            incoming: Incoming::new(max_payload),
            outgoing: Outgoing::default(),
            lender: Lender::default(),
            viewer: Viewer::default(),
            borrower: Borrower::default(),
        })
    }

    /// Waits until the other process says who it is. Dropping the future loses nothing.
    pub(crate) async fn introduction(&mut self) -> Result<Introduction, HandshakeError> {
        let node = loop {
            if let Some(body) = self.incoming.next()? {
                let FromNode::Hello { protocol, version, node } =
                    decode(body).map_err(WireError::from)?
                else {
                    return Err(WireError::Malformed("no greeting").into());
                };
                if protocol != PROTOCOL || version != env!("CARGO_PKG_VERSION") {
                    let version = version.to_owned();
                    return Err(self.refuse_version(&version).await);
                }
                break node.map(str::to_owned);
            }
            self.receive().await?;
        };
        Ok(Introduction { node })
    }

    /// Tells the other process why it cannot be the node.
    pub(crate) async fn refuse(&mut self, reason: &str) -> Result<(), WireError> {
        self.outgoing.put(&FromHost::Refused { reason });
        self.flush().await
    }

    /// Tells the other process who it is.
    pub(crate) async fn welcome(
        &mut self,
        node: &str,
        ports: &Ports,
        parameters: &Parameters,
    ) -> Result<(), WireError> {
        self.outgoing.put(&FromHost::Welcome {
            version: env!("CARGO_PKG_VERSION"),
            node,
            inputs: ports.inputs().iter().map(|id| id.as_str()).collect(),
            outputs: ports.outputs().map(|id| id.as_str()).collect(),
            parameters: frame::data(parameters),
            max_payload: ports.max_payload(),
            ahead: !ports.keeps_hand(),
        });
        self.flush().await
    }

    /// Waits until the script has made its node. Dropping the future loses nothing.
    pub(crate) async fn ready(&mut self) -> Result<(), HandshakeError> {
        loop {
            if let Some(body) = self.incoming.next()? {
                return match decode(body).map_err(WireError::from)? {
                    FromNode::Ready => Ok(()),
                    FromNode::End { failure } => {
                        Err(HandshakeError::Ended(failure.map(str::to_owned)))
                    }
                    _ => Err(WireError::Malformed("not ready yet").into()),
                };
            }
            self.receive().await?;
        }
    }

    async fn refuse_version(&mut self, version: &str) -> HandshakeError {
        let error = HandshakeError::OtherVersion(format!(
            "the Python package `thalweg` is of version {version} and the host of version {}: \
             install the same",
            env!("CARGO_PKG_VERSION")
        ));
        // Whoever does not take it learns it by the end of the link.
        let _ = self.refuse(&other_version(env!("CARGO_PKG_VERSION"))).await;
        error
    }

    async fn receive(&mut self) -> Result<(), WireError> {
        std::future::poll_fn(|context| self.poll_receive(context)).await
    }

    async fn flush(&mut self) -> Result<(), WireError> {
        std::future::poll_fn(|context| self.poll_flush(context)).await
    }

    /// Reads what has come; waits for it.
    pub(super) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), WireError>> {
        loop {
            let mut ready = ready!(self.socket.poll_read_ready(context)).map_err(socket_error)?;
            let received = self.incoming.receive(self.socket.get_ref())?;
            if received != Received::Some {
                ready.clear_ready();
            }
            if received != Received::Nothing {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Writes what waits to go out, all of it.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), WireError>> {
        let Self { socket, full, outgoing, .. } = self;
        let socket = socket.get_ref();
        while outgoing.waiting() > 0 {
            let Some(room) = full else {
                if !outgoing.send(socket)? {
                    let socket = socket.try_clone().map_err(socket_error)?;
                    *full = Some(watched(socket, Interest::WRITABLE).map_err(socket_error)?);
                }
                continue;
            };
            let mut ready = ready!(room.poll_write_ready(context)).map_err(socket_error)?;
            if !outgoing.send(socket)? {
                ready.clear_ready();
            }
        }
        *full = None;
        Poll::Ready(Ok(()))
    }
}

fn watched(socket: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(unsafe_code, reason = "tokio must be promised that the descriptor stays open")]
    // SAFETY: it owns the descriptor, which is closed with it and not before.
    let watched = unsafe { AsyncFd::register_with_interest(socket, interest) };
    Ok(watched?)
}

fn socket_error(error: io::Error) -> WireError {
    WireError::Socket(Errno::from_io_error(&error).unwrap_or(Errno::IO))
}
