//! The allocator of nodes: memory is taken in steps of 4 KiB, from the end of the static data on.
//!
//! Thousands of nodes wait in one process, each with the pages that it has written to. The allocator that comes with the
//! target begins at the next 64 KiB, and marks the end of what it has: two pages, where this one shares that of the data.
//! With WASI there is a C library, whose own allocator has what is behind the data: ours begins behind that.

#![expect(unsafe_code, reason = "an allocator gives out memory that nothing else describes")]

use std::alloc::Layout;
use std::arch::wasm32::{memory_grow, memory_size};
use std::ptr::{NonNull, with_exposed_provenance_mut};

use talc::base::binning::Binning;
use talc::base::{CHUNK_UNIT, Talc};
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::wasm::WasmBinning;

#[global_allocator]
static ALLOCATOR: TalcSyncCell<Memory, WasmBinning> =
    TalcSyncCell::new_wasm(Memory { taken: None, room: 0 });

const HAS_LIBC: bool = cfg!(target_os = "wasi");
/// Bytes that are taken at a time: a page of the host.
const STEP: usize = 4 << 10;
/// Bytes by which a memory grows.
const PAGE: usize = 64 << 10;
/// What an allocation needs beside its own bytes, and the lists that come before the first.
const BESIDE: usize = 4 * CHUNK_UNIT + u64::BITS as usize * size_of::<usize>();

unsafe extern "C" {
    /// The linker's: behind the static data.
    static __heap_base: u8;
    /// Behind the memory that the component begins with.
    static __heap_end: u8;
}

/// What the allocator has of the memory of the component.
#[derive(Clone, Copy, Debug)]
struct Memory {
    /// Behind what it has taken; none before the first allocation.
    taken: Option<NonNull<u8>>,
    /// Behind what it may take without growing.
    room: usize,
}

// SAFETY: nothing here allocates. What is taken is nobody else's: without a C library nobody looks behind `__heap_base`,
// and who else grows the memory keeps to what it has grown.
unsafe impl Source for Memory {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let bytes = layout.size().checked_add(layout.align() + BESIDE).ok_or(())?;
        let Memory { mut taken, mut room } = talc.source;
        let size = memory_size::<0>().saturating_mul(PAGE);
        let mut begin = match taken {
            Some(taken) => taken.addr().get(),
            None if HAS_LIBC => {
                room = size;
                size
            }
            None => {
                room = (&raw const __heap_end).addr();
                (&raw const __heap_base).addr()
            }
        };
        let behind = |begin: usize| begin.checked_add(bytes)?.checked_next_multiple_of(STEP);
        // Where another part of the component has grown the memory, ours goes on behind that.
        if behind(begin).ok_or(())? > room && size > room {
            (taken, begin, room) = (None, size, size);
        }
        let end = behind(begin).ok_or(())?;
        if end > room {
            let pages = (end - room).div_ceil(PAGE);
            if memory_grow::<0>(pages) == usize::MAX {
                return Err(());
            }
            room = room.saturating_add(pages * PAGE);
        }
        let start = with_exposed_provenance_mut::<u8>(begin);
        // SAFETY: from `begin` to `end` is memory, and it has been given to nobody.
        let taken = match taken {
            Some(taken) => unsafe { talc.extend(taken, start.wrapping_add(end - begin)) },
            None => unsafe { talc.claim(start, end - begin) }.ok_or(())?,
        };
        talc.source = Memory { taken: Some(taken), room };
        Ok(())
    }
}
