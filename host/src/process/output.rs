//! What a process writes to one of its standard streams.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::buffer::spare_capacity;
use rustix::io::ioctl_fionread;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use crate::log::{LogStream, NodeLog};
use crate::pace::Pace;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 8 * 1024;
/// Bytes that are kept for who reports how it ended: some tracebacks.
const TAIL_BYTES: usize = 16 * 1024;

/// The end of a pipe at which the host reads.
pub(super) struct Output {
    pipe: Receiver,
    stream: LogStream,
    log: NodeLog,
    pace: Option<Arc<Pace>>,
    /// Where bytes are read into; empty whenever nothing is being handed over.
    chunk: Vec<u8>,
    tail: VecDeque<u8>,
}

impl Output {
    /// `pace` is that of the node, whose streams share what they may write in a second.
    pub(super) fn new(
        pipe: OwnedFd,
        stream: LogStream,
        log: &NodeLog,
        pace: Option<&Arc<Pace>>,
    ) -> io::Result<Self> {
        let pipe = Receiver::from_owned_fd(pipe)?;
        let (chunk, tail) = (Vec::with_capacity(CHUNK_BYTES), VecDeque::new());
        Ok(Self { pipe, stream, log: log.clone(), pace: pace.cloned(), chunk, tail })
    }

    /// Moves what comes to the log until nobody can write any more. Reads on when the log has taken the
    /// lines that are whole, and the node may write more, so that who writes too much waits. Dropping the
    /// future loses nothing.
    pub(super) async fn copy(&mut self) {
        loop {
            self.log.drain(self.stream).await;
            if let Some(pace) = &self.pace {
                pace.wait().await;
            }
            match self.pipe.read_buf(&mut self.chunk).await {
                Ok(0) | Err(_) => return,
                Ok(_) => self.hand_over(),
            }
        }
    }

    /// Takes what is there now, without waiting: who wrote it has ended. A process that left the group may
    /// have the pipe too; what it writes later is not waited for.
    pub(super) fn take_rest(&mut self) {
        let mut left = ioctl_fionread(&self.pipe).unwrap_or(0);
        while left > 0 {
            match rustix::io::read(&self.pipe, spare_capacity(&mut self.chunk)) {
                Ok(0) | Err(_) => break,
                Ok(read) => left = left.saturating_sub(read as u64),
            }
            self.hand_over();
        }
        self.log.try_drain(self.stream);
    }

    /// The last that was written.
    pub(super) fn tail(&self) -> String {
        let (first, second) = self.tail.as_slices();
        String::from_utf8_lossy(&[first, second].concat()).into_owned()
    }

    fn hand_over(&mut self) {
        if let Some(pace) = &self.pace {
            pace.spend(self.chunk.len() as u64);
        }
        self.log.append(self.stream, &self.chunk);
        self.tail.extend(self.chunk.drain(..));
        let beyond = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..beyond);
    }
}
