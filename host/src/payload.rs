//! Where the bytes of payloads are: small ones on the heap, large ones in segments of shared memory, so
//! that another process can be shown them without a copy.
//!
//! A segment is a sealed memory file that this process can write and others can only read: they can
//! neither change nor resize it. It has no name in any file system and goes with the last process that
//! maps it. Freed segments are kept for the next payload of their size, as they are: a process that was
//! shown one may still see what is written there later. Processes that are shown payloads run as the same
//! user, and nothing walls them off from one another.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use memmap2::MmapMut;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};

/// Payloads of at least this many bytes are put into shared memory. Below, passing the bytes through a
/// socket costs as little as passing the place of a segment.
pub const SHARED_FROM: usize = 32 << 10;

/// Segments at most; what goes beyond is on the heap. Each costs a file descriptor.
const MAX_SEGMENTS: usize = 256;

/// Bytes of all segments at most; what goes beyond is on the heap.
const MAX_BYTES: usize = 1 << 30;

/// Bytes of segments that are kept for later payloads.
const MAX_IDLE_BYTES: usize = 64 << 20;

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
    Segment(Segment),
}

impl PayloadMut {
    /// Room for `len` bytes; from [`SHARED_FROM`] on in shared memory, where there is some left. A
    /// segment begins at a page; on the heap no alignment is promised.
    pub fn new(len: usize) -> Self {
        let segment = if len < SHARED_FROM { None } else { POOL.take(len) };
        let memory = segment.map_or_else(|| Memory::Heap(vec![0; len]), Memory::Segment);
        Self { memory, len }
    }

    /// The finished payload. It can be cloned, sliced and kept; its memory is free again when the last
    /// part of it is dropped.
    pub fn freeze(self) -> Bytes {
        match self.memory {
            Memory::Heap(bytes) => Bytes::from(bytes),
            Memory::Segment(segment) => {
                Bytes::from_owner(Frozen { segment: Some(segment), len: self.len })
            }
        }
    }
}

impl Deref for PayloadMut {
    type Target = [u8];

    #[expect(clippy::indexing_slicing, reason = "a segment is taken for at least this length")]
    fn deref(&self) -> &[u8] {
        match &self.memory {
            Memory::Heap(bytes) => bytes,
            Memory::Segment(segment) => &segment.memory[..self.len],
        }
    }
}

impl DerefMut for PayloadMut {
    #[expect(clippy::indexing_slicing, reason = "a segment is taken for at least this length")]
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Memory::Heap(bytes) => bytes,
            Memory::Segment(segment) => &mut segment.memory[..self.len],
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

/// The segment that the bytes are in; none for those on the heap. It stays what it is for as long as
/// `bytes` are kept.
pub(crate) fn shared(bytes: &Bytes) -> Option<Shared> {
    if bytes.len() < SHARED_FROM { None } else { POOL.find(bytes) }
}

#[derive(Debug)]
struct Segment {
    number: u64,
    file: Arc<File>,
    memory: MmapMut,
}

/// A payload in a segment. Dropping it gives the segment back.
struct Frozen {
    segment: Option<Segment>,
    len: usize,
}

impl AsRef<[u8]> for Frozen {
    fn as_ref(&self) -> &[u8] {
        self.segment.as_ref().and_then(|segment| segment.memory.get(..self.len)).unwrap_or_default()
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if let Some(segment) = self.segment.take() {
            POOL.give_back(segment);
        }
    }
}

/// The segments of this process.
#[derive(Debug, Default)]
struct Pool {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_number: u64,
    /// Unused ones, by their length.
    idle: BTreeMap<usize, Vec<Segment>>,
    idle_bytes: usize,
    /// Those that hold a payload, by the address at which they begin.
    used: BTreeMap<usize, Shared>,
    /// Used and unused.
    segments: usize,
    bytes: usize,
}

impl Pool {
    /// A segment for a payload of this length; none when there are too many or the system gives none.
    fn take(&self, len: usize) -> Option<Segment> {
        let len = len.checked_next_power_of_two()?;
        let number = {
            let mut state = self.lock();
            if let Some(segment) = state.idle.get_mut(&len).and_then(Vec::pop) {
                state.idle_bytes -= len;
                state.note_use(&segment);
                return Some(segment);
            }
            if state.segments >= MAX_SEGMENTS || state.bytes + len > MAX_BYTES {
                return None;
            }
            state.segments += 1;
            state.bytes += len;
            state.last_number += 1;
            state.last_number
        };
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
        let len = segment.memory.len();
        let mut state = self.lock();
        state.used.remove(&address(&segment.memory));
        if state.idle_bytes + len > MAX_IDLE_BYTES {
            state.forget(len);
            drop(state); // Unmapping takes its time: after the lock.
            drop(segment);
            return;
        }
        state.idle_bytes += len;
        state.idle.entry(len).or_default().push(segment);
    }

    fn find(&self, bytes: &Bytes) -> Option<Shared> {
        let begin = address(bytes);
        let state = self.lock();
        let (start, shared) = state.used.range(..=begin).next_back()?;
        let offset = begin - start;
        (offset + bytes.len() <= shared.segment_len).then(|| Shared { offset, ..shared.clone() })
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
        self.used.insert(address(memory), shared);
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

fn address(bytes: &[u8]) -> usize {
    bytes.as_ptr().addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_payloads_are_on_the_heap() {
        assert!(shared(&copy(&[1; SHARED_FROM - 1])).is_none());
        assert_eq!(copy(b"abc"), "abc");
    }

    #[test]
    fn large_payloads_are_shared_and_keep_their_place() {
        let bytes: Vec<u8> = (0..SHARED_FROM + 5).map(|i| i as u8).collect();
        let payload = copy(&bytes);
        assert_eq!(payload, bytes);
        let place = shared(&payload).unwrap();
        assert_eq!((place.offset, place.segment_len), (0, SHARED_FROM * 2));
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
    fn there_are_only_so_many_segments() {
        let pool = Pool::default();
        let taken: Vec<_> = (0..MAX_SEGMENTS).map(|_| pool.take(SHARED_FROM).unwrap()).collect();
        assert!(pool.take(SHARED_FROM).is_none());
        taken.into_iter().for_each(|segment| pool.give_back(segment));
        assert!(pool.take(SHARED_FROM).is_some());
        assert!(pool.take(MAX_BYTES + 1).is_none());
    }
}
