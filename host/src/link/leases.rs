//! Payloads that the other process looks at in shared memory. What is lent stays as it is until it is
//! returned; what is not returned stays lent until the link ends, and counts towards a bound.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Waker};

use bytes::Bytes;
use memmap2::MmapOptions;
use rustix::fs::{SealFlags, fcntl_get_seals, fstat};

use super::frame::{Body, Memory};
use super::wire::WireError;
use crate::payload::{self, Foreign, PayloadMut, Shared};

/// Bytes that are lent at most. What goes beyond crosses by the socket, as a copy of the other process's
/// own: so nothing ever waits for a lease to be returned.
const MAX_LENT: usize = 256 << 20;

/// Segments of the other process that are mapped at most: several times as many as it may have.
const MAX_VIEWED: usize = 1024;

/// Bytes of these at most: twice as many as it may have, for some may be gone and not forgotten yet.
pub(super) const MAX_VIEWED_BYTES: usize = 2 << 30;

/// What this process lends to the other.
#[derive(Debug, Default)]
pub(super) struct Lender {
    /// The segments that the other process has been shown, by number.
    shown: HashMap<u64, Weak<File>>,
    lent: HashMap<u64, Bytes>,
    lent_bytes: usize,
    last_lease: u64,
}

/// What must be said before a body is sent.
#[derive(Debug, Default)]
pub(super) struct Notice {
    pub(super) forget: Vec<Memory>,
    pub(super) segment: Option<(Memory, Arc<File>)>,
}

impl Lender {
    /// How the payload crosses. A large one that is in no segment yet is copied into one.
    pub(super) fn body<'a>(&mut self, payload: &'a Bytes) -> (Body<'a>, Notice) {
        let within = self.lent_bytes + payload.len() <= MAX_LENT;
        let Some((payload, shared)) = within.then(|| payload::share(payload)).flatten() else {
            return (Body::Inline(payload), Notice::default());
        };
        let notice = self.show(&shared);
        let len = payload.len();
        self.last_lease += 1;
        self.lent_bytes += len;
        self.lent.insert(self.last_lease, payload);
        let body = Body::Leased {
            lease: self.last_lease,
            segment: shared.segment,
            offset: shared.offset as u64,
            len: len as u64,
        };
        (body, notice)
    }

    /// Part of what is lent.
    pub(super) fn part(&self, lease: u64, offset: u64, len: u64) -> Result<Bytes, WireError> {
        let payload = self.lent.get(&lease).ok_or(WireError::Malformed("no such lease"))?;
        let begin = usize::try_from(offset).ok();
        let end = offset.checked_add(len).and_then(|end| usize::try_from(end).ok());
        let range = begin.zip(end).filter(|(_, end)| *end <= payload.len());
        let (begin, end) = range.ok_or(WireError::Malformed("a payload is not in its lease"))?;
        Ok(payload.slice(begin..end))
    }

    /// The other process does not look at this payload any more. Gives what to say then.
    pub(super) fn take_back(&mut self, lease: u64) -> Result<Vec<Memory>, WireError> {
        let payload = self.lent.remove(&lease);
        let payload = payload.ok_or(WireError::Malformed("no such lease"))?;
        self.lent_bytes -= payload.len();
        drop(payload);
        Ok(self.forget_gone())
    }

    fn show(&mut self, shared: &Shared) -> Notice {
        if self.shown.contains_key(&shared.segment) {
            return Notice::default();
        }
        let forget = self.forget_gone();
        self.shown.insert(shared.segment, Arc::downgrade(&shared.file));
        let segment = Memory::Segment { segment: shared.segment, len: shared.segment_len as u64 };
        Notice { forget, segment: Some((segment, Arc::clone(&shared.file))) }
    }

    /// That the other process need not map segments any more that this one has given up.
    fn forget_gone(&mut self) -> Vec<Memory> {
        let gone = self.shown.extract_if(|_, file| file.strong_count() == 0);
        gone.map(|(segment, _)| Memory::Forget { segment }).collect()
    }
}

impl Drop for Lender {
    /// Nothing says any more when the other process has looked at it: it stays as it is.
    fn drop(&mut self) {
        self.lent.values().for_each(payload::retire);
    }
}

/// What the other process has shown to this one.
#[derive(Debug, Default)]
pub(super) struct Viewer {
    segments: HashMap<u64, Arc<Foreign>>,
}

/// A payload in a segment of the other process.
#[derive(Debug)]
pub(super) struct View {
    segment: Arc<Foreign>,
    offset: usize,
    len: usize,
}

impl Viewer {
    /// Maps a segment. It must be sealed, or reading it could end this process.
    pub(super) fn open(&mut self, segment: u64, len: u64, file: &File) -> Result<(), WireError> {
        let seals = fcntl_get_seals(file).unwrap_or(SealFlags::empty());
        let actual = fstat(file).map(|stat| stat.st_size).unwrap_or_default();
        let len =
            usize::try_from(len).map_err(|_| WireError::Malformed("a segment is too long"))?;
        if !seals.contains(SealFlags::SHRINK) || usize::try_from(actual).ok() != Some(len) {
            return Err(WireError::Malformed("a segment is not sealed, or not of its length"));
        }
        if self.segments.contains_key(&segment) {
            return Err(WireError::Malformed("a segment is shown twice"));
        }
        let viewed: usize = self.segments.values().map(|segment| segment.len()).sum();
        let is_room = self.segments.len() < MAX_VIEWED && len <= MAX_VIEWED_BYTES - viewed;
        if !is_room {
            return Err(WireError::Malformed("too many segments"));
        }
        let mapped = MmapOptions::new().len(len).map_raw_read_only(file);
        let mapped = mapped.map_err(|_| WireError::Malformed("a segment cannot be mapped"))?;
        self.segments.insert(segment, Arc::new(Foreign::new(mapped)));
        Ok(())
    }

    pub(super) fn forget(&mut self, segment: u64) {
        self.segments.remove(&segment);
    }

    pub(super) fn view(&self, segment: u64, offset: u64, len: u64) -> Result<View, WireError> {
        let out = WireError::Malformed("a payload is not in its segment");
        let segment = self.segments.get(&segment).ok_or(out.clone())?;
        let end = offset.checked_add(len).filter(|end| *end <= segment.len() as u64);
        end.ok_or(out.clone())?;
        let (Ok(offset), Ok(len)) = (usize::try_from(offset), usize::try_from(len)) else {
            return Err(out);
        };
        Ok(View { segment: Arc::clone(segment), offset, len })
    }
}

impl View {
    /// A copy that nobody can change. The other process may still write to what is copied; then the copy
    /// is of whatever it wrote.
    pub(super) fn copy(&self) -> Bytes {
        let mut copy = PayloadMut::new(self.len);
        #[expect(unsafe_code, reason = "memory that another process may write to is no slice")]
        // SAFETY: `view` has checked that the range is in the mapping, whose file cannot shrink; the two
        // do not overlap, for `copy` is new; bytes have no invalid values.
        unsafe {
            let from = self.segment.as_ptr().add(self.offset);
            std::ptr::copy_nonoverlapping(from, copy.as_mut_ptr(), self.len);
        }
        copy.freeze()
    }

    /// The payload as it is, returned when the last part of it is dropped. Only where the other process
    /// keeps it as it is until then, or where nothing comes of it if it does not.
    pub(super) fn borrow(self, lease: u64, borrower: &Borrower) -> Bytes {
        let borrowed = Borrowed { view: self, lease, borrower: borrower.clone() };
        let (begin, len) = (borrowed.as_ref().as_ptr().addr(), borrowed.view.len);
        borrower.lock().held.insert((begin, lease), len);
        Bytes::from_owner(borrowed)
    }
}

/// What is borrowed, and what is to be returned, from whichever thread drops the last part of a payload.
#[derive(Clone, Debug, Default)]
pub(super) struct Borrower(Arc<Mutex<Books>>);

#[derive(Debug, Default)]
struct Books {
    /// By address and lease, the length.
    held: BTreeMap<(usize, u64), usize>,
    returned: Vec<u64>,
    /// Who says so to the other process, where somebody waits for it.
    waker: Option<Waker>,
}

impl Borrower {
    /// The leases that nothing is left of since the last call.
    pub(super) fn take_returned(&self) -> Vec<u64> {
        std::mem::take(&mut self.lock().returned)
    }

    /// The same; wakes whoever asks when there is another.
    pub(super) fn poll_returned(&self, context: &Context<'_>) -> Vec<u64> {
        let mut books = self.lock();
        let waker = books.waker.get_or_insert_with(|| context.waker().clone());
        waker.clone_from(context.waker());
        std::mem::take(&mut books.returned)
    }

    /// How the payload crosses, where it is part of what is borrowed.
    pub(super) fn body(&self, payload: &Bytes) -> Option<Body<'static>> {
        let begin = payload.as_ptr().addr();
        let books = self.lock();
        let (&(start, lease), &held) = books.held.range(..=(begin, u64::MAX)).next_back()?;
        let offset = begin - start;
        let (offset, len) = (offset as u64, payload.len() as u64);
        (offset + len <= held as u64 && len > 0).then_some(Body::Theirs { lease, offset, len })
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Borrowed {
    view: View,
    lease: u64,
    borrower: Borrower,
}

impl AsRef<[u8]> for Borrowed {
    fn as_ref(&self) -> &[u8] {
        #[expect(unsafe_code, reason = "a mapping is made of a pointer")]
        // SAFETY: the range is in the mapping, whose file cannot shrink, and the mapping lives as long as
        // `self`. The host, which started this dataflow, does not write to a payload that is lent; a process
        // does not either, and if it did, the host only copies these bytes, into components.
        unsafe {
            let begin = self.view.segment.as_ptr().add(self.view.offset);
            std::slice::from_raw_parts(begin, self.view.len)
        }
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let begin = self.as_ref().as_ptr().addr();
        let mut books = self.borrower.lock();
        books.held.remove(&(begin, self.lease));
        books.returned.push(self.lease);
        let waker = books.waker.take();
        drop(books);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
