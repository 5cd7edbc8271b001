//! Memory that another process can write to, and payloads that are in it.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use memmap2::MmapRaw;

/// Where this process has such memory: by its first address, its length.
static PLACES: RwLock<BTreeMap<usize, usize>> = RwLock::new(BTreeMap::new());

/// A mapping of memory that another process can write to.
#[derive(Debug)]
pub(crate) struct Foreign {
    memory: MmapRaw,
}

impl Foreign {
    pub(crate) fn new(memory: MmapRaw) -> Self {
        let mut places = PLACES.write().unwrap_or_else(PoisonError::into_inner);
        places.insert(memory.as_ptr().addr(), memory.len());
        drop(places);
        Self { memory }
    }

    pub(crate) fn as_ptr(&self) -> *const u8 {
        self.memory.as_ptr()
    }

    pub(crate) fn len(&self) -> usize {
        self.memory.len()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // Before it is unmapped: the place may be another's then.
        let mut places = PLACES.write().unwrap_or_else(PoisonError::into_inner);
        places.remove(&self.memory.as_ptr().addr());
    }
}

/// The payload, or a copy of it where another process could still change it.
pub(crate) fn settled(payload: Bytes) -> Bytes {
    if is_foreign(&payload) { super::copy(&payload) } else { payload }
}

fn is_foreign(payload: &Bytes) -> bool {
    let begin = payload.as_ptr().addr();
    let places = PLACES.read().unwrap_or_else(PoisonError::into_inner);
    let before = places.range(..=begin).next_back();
    before.is_some_and(|(start, len)| begin - start < *len)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    struct Part(Arc<Foreign>);

    impl AsRef<[u8]> for Part {
        fn as_ref(&self) -> &[u8] {
            #[expect(unsafe_code, reason = "a mapping is made of a pointer")]
            // SAFETY: the mapping is of this length, lives as long as `self`, and nobody writes to it.
            unsafe {
                std::slice::from_raw_parts(self.0.as_ptr().add(1000), 2000)
            }
        }
    }

    #[test]
    fn only_what_another_process_can_write_to_is_copied() {
        let memory = MmapRaw::from(memmap2::MmapMut::map_anon(4096).unwrap());
        let memory = Arc::new(Foreign::new(memory));
        let payload = Bytes::from_owner(Part(Arc::clone(&memory)));
        for part in [payload.clone(), payload.slice(..1), payload.slice(1999..)] {
            let copy = settled(part.clone());
            assert_eq!(copy, part);
            assert_ne!(copy.as_ptr(), part.as_ptr());
            assert_eq!(settled(copy.clone()).as_ptr(), copy.as_ptr());
        }
        drop((payload, memory));
    }
}
