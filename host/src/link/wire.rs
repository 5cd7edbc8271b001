//! How frames cross: a stream socket that never blocks, with files beside the bytes.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;

use super::frame::{HEADER, MAX_OVERHEAD};

/// Files that may have come before the frames that they belong to are whole: one goes with the first byte
/// of its frame, and what is read with it may end in the next such frame.
const MAX_FILES: usize = 2;

/// What is read at once where nothing larger is expected.
const READ: usize = 64 << 10;

/// What the other end may not do, or the end of the link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    /// The other process has ended, or closed its end.
    #[error("the other end is gone")]
    Gone,
    /// The socket does not work.
    #[error("the socket failed: {0}")]
    Socket(Errno),
    /// What came is no frame of this protocol.
    #[error("malformed frame: {0}")]
    Malformed(&'static str),
}

impl From<postcard::Error> for WireError {
    fn from(_: postcard::Error) -> Self {
        Self::Malformed("it cannot be decoded")
    }
}

/// How much [`Incoming::receive`] has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// There was nothing.
    Nothing,
    /// All that had come: what comes next makes the socket readable anew.
    All,
    /// Something; there may be more.
    Some,
}

/// What comes in.
#[derive(Debug)]
pub(super) struct Incoming {
    bytes: Vec<u8>,
    /// The part of `bytes` that is not taken yet.
    pending: Range<usize>,
    files: VecDeque<OwnedFd>,
    max_frame: usize,
}

impl Incoming {
    /// `max_payload` is the largest payload that the other end may put into a frame, in bytes.
    pub(super) fn new(max_payload: u64) -> Self {
        let max_payload = usize::try_from(max_payload).unwrap_or(usize::MAX);
        let max_frame = max_payload.saturating_add(MAX_OVERHEAD);
        Self { bytes: Vec::new(), pending: 0..0, files: VecDeque::new(), max_frame }
    }

    /// Reads what has come, as far as it fits.
    pub(super) fn receive(&mut self, socket: impl AsFd) -> Result<Received, WireError> {
        self.make_room()?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let free = self.bytes.get_mut(self.pending.end..).unwrap_or_default();
        let free_len = free.len();
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let received = loop {
            match recvmsg(&socket, &mut [IoSliceMut::new(free)], &mut ancillary, flags) {
                Ok(received) => break received,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(Received::Nothing),
                Err(Errno::CONNRESET) => return Err(WireError::Gone),
                Err(error) => return Err(WireError::Socket(error)),
            }
        };
        // What is read with a file ends before what is behind it.
        let mut all = received.bytes < free_len;
        for message in ancillary.drain() {
            all = false;
            if let RecvAncillaryMessage::ScmRights(files) = message {
                self.files.extend(files);
            }
        }
        if received.flags.contains(ReturnFlags::CTRUNC) || self.files.len() > MAX_FILES {
            return Err(WireError::Malformed("too many files"));
        }
        if received.bytes == 0 {
            return Err(WireError::Gone);
        }
        self.pending.end += received.bytes;
        Ok(if all { Received::All } else { Received::Some })
    }

    /// The body of the next frame that is whole.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, WireError> {
        let Some(len) = self.frame_len()? else { return Ok(None) };
        if self.pending.len() < len {
            return Ok(None);
        }
        let body = self.pending.start + HEADER..self.pending.start + len;
        self.pending.start = body.end;
        Ok(self.bytes.get(body))
    }

    /// Whether a frame has begun and is not whole. To be asked when [`Self::next`] gives none.
    pub(super) fn is_within_frame(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Bytes of its buffer.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// A file that came with the frames so far.
    pub(super) fn file(&mut self) -> Result<File, WireError> {
        let file = self.files.pop_front().ok_or(WireError::Malformed("a file is missing"))?;
        Ok(File::from(file))
    }

    /// The length of the next frame with its header, once the header is there.
    fn frame_len(&self) -> Result<Option<usize>, WireError> {
        let pending = self.bytes.get(self.pending.clone()).unwrap_or_default();
        let Some(header) = pending.first_chunk::<HEADER>() else { return Ok(None) };
        let body = usize::try_from(u32::from_le_bytes(*header)).unwrap_or(usize::MAX);
        if body > self.max_frame {
            return Err(WireError::Malformed("it is too long"));
        }
        Ok(Some(HEADER + body))
    }

    /// Makes room behind what is pending: for the rest of a frame that has begun, but for no more than has
    /// come of it already, so that who only announces a large one is given no memory.
    fn make_room(&mut self) -> Result<(), WireError> {
        let frame = self.frame_len()?.unwrap_or(0).min(2 * self.pending.len());
        let wanted = frame.max(self.pending.len() + READ / 2);
        if self.pending.is_empty() {
            self.pending = 0..0;
        }
        // A buffer that grew for one large frame is given back.
        let len = wanted.max(READ);
        let is_too_large = self.bytes.len() > 4 * len;
        if is_too_large || self.pending.start + wanted > self.bytes.len() {
            self.bytes.copy_within(self.pending.clone(), 0);
            self.pending = 0..self.pending.len();
        }
        if is_too_large || self.bytes.len() < len {
            self.bytes.resize(len, 0);
            self.bytes.shrink_to(len);
        }
        Ok(())
    }
}

/// What goes out.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    /// How many of them are gone.
    sent: usize,
    /// Files, and the position of the frame that each belongs to.
    files: VecDeque<(usize, Arc<File>)>,
}

impl Outgoing {
    /// Puts a frame behind the others.
    pub(super) fn put(&mut self, frame: &impl Serialize) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEADER]);
        let bytes = std::mem::take(&mut self.bytes);
        self.bytes =
            postcard::to_extend(frame, bytes).expect("frames have no types that cannot be written");
        let len =
            u32::try_from(self.bytes.len() - begin - HEADER).expect("payloads are far smaller");
        if let Some(header) = self.bytes.get_mut(begin..begin + HEADER) {
            header.copy_from_slice(&len.to_le_bytes());
        }
    }

    /// Puts a frame that a file belongs to.
    pub(super) fn put_with_file(&mut self, frame: &impl Serialize, file: Arc<File>) {
        self.files.push_back((self.bytes.len(), file));
        self.put(frame);
    }

    /// Sends as much as the socket takes. True when all is gone.
    pub(super) fn send(&mut self, socket: impl AsFd) -> Result<bool, WireError> {
        while self.sent < self.bytes.len() {
            match self.send_some(socket.as_fd()) {
                Ok(sent) => self.sent += sent,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.drop_sent();
                    return Ok(false);
                }
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(WireError::Gone),
                Err(error) => return Err(WireError::Socket(error)),
            }
        }
        self.bytes.clear();
        self.bytes.shrink_to(READ);
        self.sent = 0;
        Ok(true)
    }

    /// Bytes of its buffer.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Bytes that the socket did not take yet.
    pub(super) fn waiting(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Forgets what is gone once it is the larger part, for a link may never come to rest.
    fn drop_sent(&mut self) {
        if self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.files.iter_mut().for_each(|(position, _)| *position -= self.sent);
            self.sent = 0;
        }
    }

    /// Sends up to the next frame that a file belongs to. The file of the first frame goes with its first
    /// byte, so that it arrives neither after its frame nor long before.
    fn send_some(&mut self, socket: BorrowedFd<'_>) -> Result<usize, Errno> {
        let mut positions = self.files.iter().map(|(position, _)| *position).peekable();
        let has_file = positions.next_if(|position| *position == self.sent).is_some();
        let end = positions.next().unwrap_or(self.bytes.len());
        let bytes = self.bytes.get(self.sent..end).unwrap_or_default();
        let file = self.files.front().filter(|_| has_file).map(|(_, file)| [file.as_fd()]);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if let Some(file) = &file {
            ancillary.push(SendAncillaryMessage::ScmRights(file));
        }
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let sent = sendmsg(socket, &[IoSlice::new(bytes)], &mut ancillary, flags)?;
        if has_file {
            self.files.pop_front();
        }
        Ok(sent)
    }
}
