//! The other end of a link, frame by frame: it may say anything.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use serde::Serialize;

use super::HANG;
use crate::link::frame::{FromHost, FromNode, PROTOCOL, decode};
use crate::link::wire::{Incoming, Outgoing};

pub(super) struct Raw {
    pub(super) socket: UnixStream,
    incoming: Incoming,
}

impl Raw {
    pub(super) fn new(socket: UnixStream) -> Self {
        socket.set_read_timeout(Some(HANG)).unwrap();
        socket.set_write_timeout(Some(HANG)).unwrap();
        Self { socket, incoming: Incoming::new(u64::from(u32::MAX)) }
    }

    /// As a node that was let in.
    pub(super) fn greeted(socket: UnixStream) -> Self {
        let mut raw = Self::new(socket);
        raw.say(&hello());
        raw.say(&FromNode::Ready);
        raw
    }

    /// Says it, unless the other end is gone.
    pub(super) fn say(&mut self, frame: &impl Serialize) {
        let mut outgoing = Outgoing::default();
        outgoing.put(frame);
        self.send(outgoing);
    }

    pub(super) fn say_all(&mut self, frames: impl Iterator<Item = impl Serialize>) {
        let mut outgoing = Outgoing::default();
        frames.for_each(|frame| outgoing.put(&frame));
        self.send(outgoing);
    }

    pub(super) fn say_with(&mut self, frame: &impl Serialize, file: File) {
        let mut outgoing = Outgoing::default();
        outgoing.put_with_file(frame, Arc::new(file));
        self.send(outgoing);
    }

    fn send(&mut self, mut outgoing: Outgoing) {
        while let Ok(false) = outgoing.send(&self.socket) {
            assert!(self.is_writable(HANG.as_secs()), "nobody reads");
        }
    }

    /// Whether something can be written within so many seconds.
    pub(super) fn is_writable(&self, seconds: u64) -> bool {
        let most = Timespec { tv_sec: seconds as i64, tv_nsec: 0 };
        poll(&mut [PollFd::new(&self.socket, PollFlags::OUT)], Some(&most)).unwrap() > 0
    }

    /// What `look` finds in the next frames; none at the end of the link.
    pub(super) fn find<T>(&mut self, mut look: impl FnMut(FromHost<'_>) -> Option<T>) -> Option<T> {
        loop {
            while let Some(body) = self.incoming.next().unwrap() {
                if let Some(found) = look(decode(body).unwrap()) {
                    return Some(found);
                }
            }
            let most = Timespec { tv_sec: HANG.as_secs() as i64, tv_nsec: 0 };
            let mut readable = [PollFd::new(&self.socket, PollFlags::IN)];
            assert_ne!(poll(&mut readable, Some(&most)).unwrap(), 0, "nothing came");
            self.incoming.receive(&self.socket).ok()?;
        }
    }

    /// Says no more, and waits until the other end has gone.
    pub(super) fn close(mut self) {
        // It may have gone before.
        let _ = self.socket.shutdown(Shutdown::Write);
        let mut rest = Vec::new();
        match self.socket.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
    }
}

pub(super) fn hello() -> FromNode<'static> {
    let version = env!("CARGO_PKG_VERSION");
    FromNode::Hello { protocol: PROTOCOL, version, node: None }
}

/// A memory file of this length.
pub(super) fn memory(name: &str, len: u64, seals: SealFlags) -> File {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = memfd_create(name, flags).unwrap();
    ftruncate(&file, len).unwrap();
    fcntl_add_seals(&file, seals).unwrap();
    File::from(file)
}

/// The frames as they cross.
pub(super) fn bytes_of(put: impl FnOnce(&mut Outgoing)) -> Vec<u8> {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut outgoing = Outgoing::default();
    put(&mut outgoing);
    assert!(outgoing.send(ours.as_fd()).unwrap(), "more than a socket holds");
    drop(ours);
    let mut bytes = Vec::new();
    theirs.read_to_end(&mut bytes).unwrap();
    bytes
}
