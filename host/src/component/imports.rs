//! What a component may call: one file for each WIT interface. They translate and hand on to
//! [`crate::ports`]; they decide nothing.

pub(crate) mod buffer;
mod events;
mod lifecycle;
mod logging;
mod outputs;
mod parameters;

use wasmtime::component::{HasSelf, Linker};

use super::bindings::Host_;
use super::state::NodeState;

/// Offers everything that a node may import: `thalweg:node`, `wasi:logging`, and WASI 0.2.
pub(crate) fn add_to_linker(linker: &mut Linker<NodeState>) -> wasmtime::Result<()> {
    Host_::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    outputs::add_to_linker(linker)?;
    wasmtime_wasi::p2::add_to_linker_async(linker)
}
