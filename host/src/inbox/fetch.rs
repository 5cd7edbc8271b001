//! Places of a queue, asked for before they are written. The reader's core has them: until it has given one up, which
//! takes 50 ns, or 200 where the two cores share no cache, the writer would wait. Nothing but time depends on it.

/// Bytes that a core gets at once from another.
const LINE: usize = 64;

/// Asks for the place that is `ahead` items behind this one in memory, to write it.
pub(super) fn to_write<T>(item: &T, ahead: usize) {
    let place = std::ptr::from_ref(item).wrapping_add(ahead).cast::<u8>();
    for line in (0..size_of::<T>()).step_by(LINE) {
        line_to_write(place.wrapping_add(line));
    }
}

#[cfg(target_arch = "x86_64")]
fn line_to_write(place: *const u8) {
    #[expect(unsafe_code, reason = "no safe function asks for a line of the cache")]
    // SAFETY: a processor takes it for a hint: it changes no memory and no register, and nothing happens where there
    // is no memory.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) place, options(nostack, preserves_flags, readonly));
    }
}

/// Elsewhere only the compiler's own intrinsics can say it.
#[cfg(not(target_arch = "x86_64"))]
fn line_to_write(_place: *const u8) {}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_happens_where_there_is_no_memory() {
        let item = [7_u64; 20];
        for ahead in [0, 1, usize::MAX / 2] {
            super::to_write(&item, ahead);
        }
        assert_eq!(item, [7; 20]);
    }
}
