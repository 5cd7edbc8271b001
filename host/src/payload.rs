//! Where the bytes of payloads are: small ones on the heap, large ones in segments of shared memory, so
//! that another process can be shown them without a copy.
//!
//! A segment is a sealed memory file that this process can write and others can only read: they can
//! neither change nor resize it. It has no name in any file system and goes with the last process that
//! maps it. Freed segments are kept for the next payload of their size, as they are: a process that was
//! shown one may still see what is written there later. Processes that are shown payloads run as the same
//! user, and nothing walls them off from one another.

mod foreign;
mod small;

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
pub(crate) use foreign::{Foreign, settled};
use memmap2::MmapMut;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
pub(crate) use small::Copies;

/// Payloads of at least this many bytes are put into shared memory. Below, passing the bytes through a
/// socket costs as little as passing the place of a segment.
pub const SHARED_FROM: usize = 32 << 10;

/// Segments at most; what goes beyond is on the heap. Each costs a file descriptor.
const MAX_SEGMENTS: usize = 256;

/// Bytes of all segments at most; what goes beyond is on the heap.
const MAX_BYTES: usize = 1 << 30;

/// Bytes of segments that are kept for later payloads: what a full queue of the default size holds, and as much again
/// that its reader has in hand. With less, a reader that catches up makes its sender pay for new pages.
pub(crate) const MAX_IDLE_BYTES: usize = 128 << 20;

static POOL: LazyLock<Pool> = LazyLock::new(Pool::default);

/// A payload that is being written: `len` bytes, of which nothing is known before they are written.
#[derive(Debug)]
pub struct PayloadMut {
    memory: Memory,
    len: usize,
}

#[derive(Debug)]
enum Memory {
    Heap(Vec<u8>),
    Segment(InUse),
}

impl PayloadMut {
    /// Room for `len` bytes; from [`SHARED_FROM`] on in shared memory, where there is some left. A
    /// segment begins at a page; on the heap no alignment is promised.
    pub fn new(len: usize) -> Self {
        let shared = if len < SHARED_FROM { None } else { Self::shared(len) };
        shared.unwrap_or_else(|| Self { memory: Memory::Heap(vec![0; len]), len })
    }

    /// In shared memory; none where there is none left.
    fn shared(len: usize) -> Option<Self> {
        let segment = POOL.take(len)?;
        Some(Self { memory: Memory::Segment(InUse(Some(segment))), len })
    }

    /// The finished payload. It can be cloned, sliced and kept; its memory is free again when the last
    /// part of it is dropped.
    pub fn freeze(self) -> Bytes {
        match self.memory {
            Memory::Heap(bytes) => Bytes::from(bytes),
            Memory::Segment(memory) => Bytes::from_owner(Frozen { memory, len: self.len }),
        }
    }
}

impl Deref for PayloadMut {
    type Target = [u8];

    #[expect(clippy::indexing_slicing, reason = "a segment is taken for at least this length")]
    fn deref(&self) -> &[u8] {
        match &self.memory {
            Memory::Heap(bytes) => bytes,
            Memory::Segment(memory) => &memory.bytes()[..self.len],
        }
    }
}

impl DerefMut for PayloadMut {
    #[expect(clippy::indexing_slicing, reason = "a segment is taken for at least this length")]
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Memory::Heap(bytes) => bytes,
            Memory::Segment(memory) => &mut memory.bytes_mut()[..self.len],
        }
    }
}

/// A payload with a copy of these bytes.
pub fn copy(bytes: &[u8]) -> Bytes {
    if bytes.len() < SHARED_FROM {
        return Bytes::copy_from_slice(bytes);
    }
    let mut payload = PayloadMut::new(bytes.len());
    payload.copy_from_slice(bytes);
    payload.freeze()
}

/// Where a payload is that another process can be shown.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    /// Not the number of any other segment of this process, ever.
    pub(crate) segment: u64,
    /// The segment as a file, sealed.
    pub(crate) file: Arc<File>,
    /// Bytes of the segment.
    pub(crate) segment_len: usize,
    /// Where the payload begins in it.
    pub(crate) offset: usize,
}

/// The bytes in a segment: as they are where they are in one, else a copy of them. None for small ones,
/// and where there is no shared memory left. The segment stays what it is for as long as the bytes that are
/// returned are kept.
pub(crate) fn share(bytes: &Bytes) -> Option<(Bytes, Shared)> {
    if bytes.len() < SHARED_FROM {
        return None;
    }
    if let Some(shared) = POOL.find(bytes) {
        return Some((bytes.clone(), shared));
    }
    let mut copy = PayloadMut::shared(bytes.len())?;
    copy.copy_from_slice(bytes);
    let copy = copy.freeze();
    let shared = POOL.find(&copy)?;
    Some((copy, shared))
}

/// Keeps the segment that the bytes are in as it is for ever: when they are dropped it is not used for
/// another payload. For segments at which another process may look beyond that.
pub(crate) fn retire(bytes: &Bytes) {
    POOL.retire(bytes);
}

#[derive(Debug)]
struct Segment {
    number: u64,
    file: Arc<File>,
    memory: MmapMut,
}

/// A segment that holds a payload, or one that is being written. Dropping it gives the segment back, which
/// is there until then.
#[derive(Debug)]
struct InUse(Option<Segment>);

impl InUse {
    fn bytes(&self) -> &[u8] {
        self.0.as_ref().map(|segment| &*segment.memory).unwrap_or_default()
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.0.as_mut().map(|segment| &mut *segment.memory).unwrap_or_default()
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        if let Some(segment) = self.0.take() {
            POOL.give_back(segment);
        }
    }
}

/// A payload in a segment.
struct Frozen {
    memory: InUse,
    len: usize,
}

impl AsRef<[u8]> for Frozen {
    fn as_ref(&self) -> &[u8] {
        self.memory.bytes().get(..self.len).unwrap_or_default()
    }
}

#[derive(Debug)]
struct Used {
    shared: Shared,
    /// It is not kept for a later payload.
    retired: bool,
}

/// The segments of this process.
#[derive(Debug, Default)]
struct Pool {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_number: u64,
    /// Unused ones. The one that was used last is at the end.
    idle: VecDeque<Segment>,
    idle_bytes: usize,
    /// Those that hold a payload, by the address at which they begin.
    used: BTreeMap<usize, Used>,
    /// Used and unused.
    segments: usize,
    bytes: usize,
}

impl Pool {
    /// A segment for a payload of this length; none when there are too many or the system gives none.
    fn take(&self, len: usize) -> Option<Segment> {
        let len = segment_len(len)?;
        let mut state = self.lock();
        if let Some(segment) = state.take_idle(len) {
            state.note_use(&segment);
            return Some(segment);
        }
        let evicted = state.make_room(len);
        if state.segments >= MAX_SEGMENTS || state.bytes + len > MAX_BYTES {
            drop(state);
            return None;
        }
        state.segments += 1;
        state.bytes += len;
        state.last_number += 1;
        let number = state.last_number;
        drop(state); // What takes its time comes after the lock.
        drop(evicted);
        let segment = Segment::new(number, len);
        let mut state = self.lock();
        match segment {
            Ok(segment) => {
                state.note_use(&segment);
                Some(segment)
            }
            Err(error) => {
                state.forget(len);
                drop(state);
                tracing::warn!(%error, "no shared memory for a large payload; it is on the heap");
                None
            }
        }
    }

    fn give_back(&self, segment: Segment) {
        let mut state = self.lock();
        let used = state.used.remove(&address(&segment.memory));
        let retired = used.is_some_and(|used| used.retired);
        let unmapped = state.keep(segment, retired);
        drop(state); // Unmapping takes its time: after the lock.
        drop(unmapped);
    }

    fn find(&self, bytes: &Bytes) -> Option<Shared> {
        let mut state = self.lock();
        let (offset, used) = state.used_by(bytes)?;
        Some(Shared { offset, ..used.shared.clone() })
    }

    fn retire(&self, bytes: &Bytes) {
        if let Some((_, used)) = self.lock().used_by(bytes) {
            used.retired = true;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note_use(&mut self, segment: &Segment) {
        let Segment { number, file, memory } = segment;
        let (file, segment_len) = (Arc::clone(file), memory.len());
        let shared = Shared { segment: *number, file, segment_len, offset: 0 };
        self.used.insert(address(memory), Used { shared, retired: false });
    }

    /// The segment that the bytes are in, and where they begin in it.
    fn used_by(&mut self, bytes: &Bytes) -> Option<(usize, &mut Used)> {
        let begin = address(bytes);
        let (start, used) = self.used.range_mut(..=begin).next_back()?;
        let offset = begin - start;
        (offset + bytes.len() <= used.shared.segment_len).then_some((offset, used))
    }

    fn take_idle(&mut self, len: usize) -> Option<Segment> {
        let position = self.idle.iter().rposition(|segment| segment.memory.len() == len)?;
        let segment = self.idle.remove(position)?;
        self.idle_bytes -= len;
        Some(segment)
    }

    /// Keeps a segment for a later payload, unless it is retired or too large. Gives those that are kept no
    /// longer: what is used again makes those go that are not.
    fn keep(&mut self, segment: Segment, retired: bool) -> Vec<Segment> {
        let len = segment.memory.len();
        if retired || len > MAX_IDLE_BYTES {
            self.forget(len);
            return vec![segment];
        }
        self.idle_bytes += len;
        self.idle.push_back(segment);
        self.evict_while(|state| state.idle_bytes > MAX_IDLE_BYTES)
    }

    /// Gives unused segments up for one more of this length.
    fn make_room(&mut self, len: usize) -> Vec<Segment> {
        self.evict_while(|state| state.segments >= MAX_SEGMENTS || state.bytes + len > MAX_BYTES)
    }

    fn evict_while(&mut self, too_many: impl Fn(&Self) -> bool) -> Vec<Segment> {
        let mut evicted = Vec::new();
        while too_many(self)
            && let Some(segment) = self.idle.pop_front()
        {
            self.idle_bytes -= segment.memory.len();
            self.forget(segment.memory.len());
            evicted.push(segment);
        }
        evicted
    }

    fn forget(&mut self, len: usize) {
        self.segments -= 1;
        self.bytes -= len;
    }
}

impl Segment {
    fn new(number: u64, len: usize) -> io::Result<Self> {
        let fd = memfd_create("thalweg", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&fd, len as u64)?;
        let file = File::from(fd);
        #[expect(unsafe_code, reason = "mapping memory that another process can see")]
        // SAFETY: nobody else has the file yet, and the seals keep others from ever writing to it or
        // resizing it: what is mapped here changes by our own hand alone.
        let memory = unsafe { MmapMut::map_mut(&file)? };
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::FUTURE_WRITE | SealFlags::SEAL;
        fcntl_add_seals(&file, seals)?;
        Ok(Self { number, file: Arc::new(file), memory })
    }
}

/// The length of a segment for so many bytes: whole pages, and one of few lengths, so that it fits others
/// that are about as long. A quarter longer at most.
fn segment_len(bytes: usize) -> Option<usize> {
    let step = bytes.checked_next_power_of_two()? / 8;
    bytes.checked_next_multiple_of(step)
}

fn address(bytes: &[u8]) -> usize {
    bytes.as_ptr().addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(bytes: &Bytes) -> Option<Shared> {
        POOL.find(bytes)
    }

    #[test]
    fn small_payloads_are_on_the_heap() {
        let small = copy(&[1; SHARED_FROM - 1]);
        assert!(shared(&small).is_none() && share(&small).is_none());
        assert_eq!(copy(b"abc"), "abc");
    }

    #[test]
    fn large_payloads_are_shared_and_keep_their_place() {
        let bytes: Vec<u8> = (0..SHARED_FROM + 5).map(|i| i as u8).collect();
        let payload = copy(&bytes);
        assert_eq!(payload, bytes);
        let place = shared(&payload).unwrap();
        assert_eq!((place.offset, place.segment_len), (0, SHARED_FROM / 4 * 5));
        let part = payload.slice(3..);
        drop(payload);
        let part_place = shared(&part).unwrap();
        assert_eq!((part_place.segment, part_place.offset), (place.segment, 3));
        assert_eq!(part, bytes[3..]);
    }

    #[test]
    fn a_segment_can_neither_be_written_nor_resized_by_who_is_shown_it() {
        let payload = copy(&[7; SHARED_FROM]);
        let file = shared(&payload).unwrap().file;
        assert!(ftruncate(&*file, 1).is_err());
        assert!(ftruncate(&*file, 1 << 20).is_err());
        assert!(rustix::io::pwrite(&*file, b"x", 0).is_err());
        #[expect(unsafe_code, reason = "what is tested is that it is refused")]
        // SAFETY: it is not mapped.
        let mapped = unsafe { MmapMut::map_mut(&*file) };
        assert!(mapped.is_err());
    }

    #[test]
    fn what_is_shared_is_copied_only_from_the_heap() {
        let heap = Bytes::from(vec![5; SHARED_FROM]);
        let (copied, place) = share(&heap).unwrap();
        assert_eq!(copied, heap);
        assert_ne!(copied.as_ptr(), heap.as_ptr());
        let (again, same_place) = share(&copied).unwrap();
        assert_eq!((again.as_ptr(), same_place.segment), (copied.as_ptr(), place.segment));
    }

    #[test]
    fn a_payload_that_is_not_finished_gives_its_segment_back() {
        let len = 77 * SHARED_FROM;
        let begun = PayloadMut::new(len);
        let begin = address(&begun);
        drop(begun);
        assert!(!POOL.lock().used.contains_key(&begin));
    }

    #[test]
    fn a_retired_segment_is_not_used_again() {
        let payload = copy(&[1; SHARED_FROM]);
        let file = shared(&payload).unwrap().file;
        retire(&payload.slice(5..SHARED_FROM));
        retire(&Bytes::from_static(b"not in any segment"));
        drop(payload);
        assert_eq!(Arc::strong_count(&file), 1, "the pool has let go of it");
    }

    #[test]
    fn there_are_only_so_many_segments() {
        let pool = Pool::default();
        let taken: Vec<_> = (0..MAX_SEGMENTS).map(|_| pool.take(SHARED_FROM).unwrap()).collect();
        assert!(pool.take(SHARED_FROM).is_none());
        taken.into_iter().for_each(|segment| pool.give_back(segment));
        assert!(pool.take(SHARED_FROM).is_some());
        assert!(pool.take(2 * SHARED_FROM).is_some(), "one that is not used makes room");
        assert!(pool.take(MAX_BYTES + 1).is_none());
    }

    #[test]
    fn what_is_used_again_is_kept_and_makes_go_what_is_not() {
        let pool = Pool::default();
        let (small, large) = (MAX_IDLE_BYTES / 4, MAX_IDLE_BYTES / 2);
        let once: Vec<_> = (0..4).map(|_| pool.take(small).unwrap()).collect();
        once.into_iter().for_each(|segment| pool.give_back(segment));
        assert_eq!(pool.lock().idle_bytes, MAX_IDLE_BYTES);
        let first = pool.take(large).unwrap();
        let number = first.number;
        pool.give_back(first);
        assert_eq!(pool.take(large - 1).unwrap().number, number);
        let state = pool.lock();
        assert_eq!((state.idle.len(), state.idle_bytes), (2, 2 * small));
    }

    #[test]
    fn a_segment_is_whole_pages_and_little_longer_than_its_payload() {
        for bytes in [SHARED_FROM, SHARED_FROM + 1, 100_000, 8 << 20, (8 << 20) + 500] {
            let len = segment_len(bytes).unwrap();
            assert_eq!(len % 4096, 0);
            assert!((bytes..=bytes / 4 * 5).contains(&len), "{len} for {bytes}");
        }
        assert!(segment_len(usize::MAX).is_none());
    }
}
