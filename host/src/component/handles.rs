//! The handles of a component: what it keeps in the host, counted and bounded.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::component::{Resource, ResourceTable};

use super::meter::Usage;
use super::types::Buffer;
use crate::exit::Limit;

/// Handles that a component may hold: its share of host memory beyond its own. Enough for every event of
/// a full queue, few enough that a leak ends early.
pub(crate) const MAX_HANDLES: usize = 10_000;

/// Every resource of a component, WASI's and ours, and the bytes that ours hold.
pub(crate) struct Handles {
    pub(crate) table: ResourceTable,
    held: u64,
    limit: u64,
    usage: Arc<Usage>,
}

impl Handles {
    /// `limit` bounds the bytes of all buffers, each counted as if it were alone.
    pub(crate) fn new(limit: u64, usage: Arc<Usage>) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        Self { table, held: 0, limit, usage }
    }

    /// Whether there is room for so many bytes, and how many are held then.
    pub(crate) fn check(&self, bytes: usize) -> wasmtime::Result<u64> {
        let asked = self.held + bytes as u64;
        if asked > self.limit {
            Err(Limit::Buffers { asked, limit: self.limit })?;
        }
        Ok(asked)
    }

    /// A new handle to `bytes`.
    pub(crate) fn push(&mut self, bytes: Bytes) -> wasmtime::Result<Resource<Buffer>> {
        let asked = self.check(bytes.len())?;
        let handle = self.table.push(Buffer(bytes));
        let handle = handle.map_err(|_| Limit::Handles { limit: MAX_HANDLES })?;
        self.held = asked;
        self.usage.note_buffers(asked);
        Ok(handle)
    }

    /// What is behind a handle that the component still holds.
    pub(crate) fn get(&self, handle: &Resource<Buffer>) -> wasmtime::Result<&Bytes> {
        Ok(&self.table.get(handle)?.0)
    }

    /// Ends a handle and gives what was behind it.
    pub(crate) fn take(&mut self, handle: Resource<Buffer>) -> wasmtime::Result<Bytes> {
        let Buffer(bytes) = self.table.delete(handle)?;
        self.held -= bytes.len() as u64;
        Ok(bytes)
    }
}
