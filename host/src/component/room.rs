//! What a pool of instances has room for beside those that it is full of.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What one instance takes of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) instances: u32,
    pub(crate) memories: u32,
    pub(crate) tables: u32,
}

impl Needs {
    /// Those of what takes nothing of a pool.
    pub(super) const ANY: Self = Self { instances: u32::MAX, memories: u32::MAX, tables: u32::MAX };

    fn without(self, other: Self) -> Option<Self> {
        Some(Self {
            instances: self.instances.checked_sub(other.instances)?,
            memories: self.memories.checked_sub(other.memories)?,
            tables: self.tables.checked_sub(other.tables)?,
        })
    }

    fn with(self, other: Self) -> Self {
        Self {
            instances: self.instances.saturating_add(other.instances),
            memories: self.memories.saturating_add(other.memories),
            tables: self.tables.saturating_add(other.tables),
        }
    }
}

/// What nobody has taken. Each node keeps what its component needs while it is between two instances, too: a
/// swap of another takes nothing of that.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Mutex<Needs>>);

/// A part of a room, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    room: Room,
    needs: Needs,
}

impl Room {
    pub(super) fn new(free: Needs) -> Self {
        Self(Arc::new(Mutex::new(free)))
    }

    /// None where so much is not free.
    pub(super) fn take(&self, needs: Needs) -> Option<Taken> {
        let mut free = self.lock();
        *free = free.without(needs)?;
        Some(Taken { room: self.clone(), needs })
    }

    fn lock(&self) -> MutexGuard<'_, Needs> {
        // What is in it is replaced in one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut free = self.room.lock();
        *free = free.with(self.needs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(instances: u32, memories: u32, tables: u32) -> Needs {
        Needs { instances, memories, tables }
    }

    #[test]
    fn what_is_taken_is_not_free_until_it_is_dropped() {
        let room = Room::new(needs(2, 3, 1));
        let one = room.take(needs(1, 2, 1)).unwrap();
        assert!(room.take(needs(1, 2, 0)).is_none(), "more memories than are free");
        assert!(room.take(needs(1, 1, 1)).is_none(), "more tables than are free");
        let other = room.take(needs(1, 1, 0)).unwrap();
        assert!(room.take(needs(1, 0, 0)).is_none(), "more instances than are free");
        drop((one, other));
        assert_eq!(*room.lock(), needs(2, 3, 1));
    }
}
