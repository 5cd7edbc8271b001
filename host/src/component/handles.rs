//! The handles of a component: what it keeps in the host, counted and bounded.

use std::sync::Arc;

use bytes::Bytes;
use slab::Slab;
use wasmtime::component::{Resource, ResourceTable};

use super::meter::Usage;
use super::types::Buffer;
use crate::exit::Limit;

/// Handles that a component may hold, of buffers and as many of WASI: its share of host memory beyond its own. Enough
/// for every event of a full queue, few enough that a leak ends early.
pub(crate) const MAX_HANDLES: usize = 10_000;

/// Every resource of a component, WASI's and ours, and the bytes that ours hold.
pub(crate) struct Handles {
    /// Those of WASI.
    pub(crate) table: ResourceTable,
    /// Ours: wasmtime's table would allocate for each.
    buffers: Slab<Bytes>,
    held: u64,
    limit: u64,
    usage: Arc<Usage>,
}

impl Handles {
    /// `limit` bounds the bytes of all buffers, each counted as if it were alone.
    pub(crate) fn new(limit: u64, usage: Arc<Usage>) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        Self { table, buffers: Slab::new(), held: 0, limit, usage }
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
        if self.buffers.len() >= MAX_HANDLES {
            Err(Limit::Handles { limit: MAX_HANDLES })?;
        }
        let handle = u32::try_from(self.buffers.insert(bytes))?;
        self.held = asked;
        self.usage.note_buffers(asked);
        Ok(Resource::new_own(handle))
    }

    /// What is behind a handle that the component still holds.
    pub(crate) fn get(&self, handle: &Resource<Buffer>) -> wasmtime::Result<&Bytes> {
        self.buffers.get(handle.rep() as usize).ok_or_else(not_held)
    }

    /// Ends a handle and gives what was behind it.
    pub(crate) fn take(&mut self, handle: &Resource<Buffer>) -> wasmtime::Result<Bytes> {
        let bytes = self.buffers.try_remove(handle.rep() as usize).ok_or_else(not_held)?;
        self.held -= bytes.len() as u64;
        Ok(bytes)
    }
}

/// wasmtime gives a component only handles that it holds.
fn not_held() -> wasmtime::Error {
    wasmtime::format_err!("a handle that is not held")
}
