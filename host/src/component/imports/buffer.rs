//! `thalweg:node/types.buffer`: bytes that stay in the host.

#![expect(unreachable_pub, reason = "the generated bindings export them again, within the crate")]

use bytes::Bytes;
use wasmtime::AsContext;
use wasmtime::component::{HasData, HasSelf, Linker, Resource, ResourceType, WasmList};

use crate::component::handles::Handles;
use crate::component::state::NodeState;
use crate::component::types::Buffer;
use crate::payload;

/// Where the bytes behind the handles are.
pub trait Host {
    fn handles(&mut self) -> &mut Handles;
}

impl Host for NodeState {
    fn handles(&mut self) -> &mut Handles {
        &mut self.handles
    }
}

impl<H: Host + ?Sized> Host for &mut H {
    fn handles(&mut self) -> &mut Handles {
        H::handles(self)
    }
}

pub trait HostWithStore<T>: HasData {}

impl<T> HostWithStore<T> for HasSelf<NodeState> {}

pub fn add_to_linker<T: 'static, D>(
    linker: &mut Linker<T>,
    host: fn(&mut T) -> D::Data<'_>,
) -> wasmtime::Result<()>
where
    D: HostWithStore<T>,
    for<'a> D::Data<'a>: Host,
{
    type Handle = Resource<Buffer>;
    let mut types = linker.instance("thalweg:node/types@0.1.0")?;
    types.resource("buffer", ResourceType::host::<Buffer>(), move |mut store, handle| {
        host(store.data_mut()).handles().take(&Handle::new_own(handle)).map(drop)
    })?;
    types.func_wrap("[constructor]buffer", move |mut store, (bytes,): (WasmList<u8>,)| {
        host(store.data_mut()).handles().check(bytes.len())?;
        let bytes = payload::copy(bytes.as_le_slice(store.as_context()));
        Ok((host(store.data_mut()).handles().push(bytes)?,))
    })?;
    types.func_wrap("[method]buffer.size", move |mut store, (handle,): (Handle,)| {
        Ok((host(store.data_mut()).handles().get(&handle)?.len() as u64,))
    })?;
    types.func_wrap(
        "[method]buffer.read",
        move |mut store, (handle, offset, len): (Handle, u64, u64)| {
            Ok((range(host(store.data_mut()).handles().get(&handle)?, offset, len),))
        },
    )?;
    types.func_wrap("[method]buffer.share", move |mut store, (handle,): (Handle,)| {
        let mut host = host(store.data_mut());
        let shared = host.handles().get(&handle)?.clone();
        Ok((host.handles().push(shared)?,))
    })
}

/// The part of `bytes` that the component asked for, as far as there is one. No copy is made here; the
/// one copy is into the memory of the component.
fn range(bytes: &Bytes, offset: u64, len: u64) -> Bytes {
    let clamp = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(clamp(offset)..clamp(offset.saturating_add(len)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_where_the_bytes_end() {
        let bytes = Bytes::from_static(b"abcdef");
        assert_eq!(range(&bytes, 1, 2), "bc");
        assert_eq!(range(&bytes, 4, 9), "ef");
        assert_eq!(range(&bytes, 6, 1), "");
        assert_eq!(range(&bytes, u64::MAX, u64::MAX), "");
        assert_eq!(range(&bytes, 0, u64::MAX), "abcdef");
    }
}
