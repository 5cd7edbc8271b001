//! Components: the only room that knows wasmtime.

mod bindings;
mod cache;
mod compiler;
mod engine;
mod error;
mod handles;
mod imports;
mod inspect;
mod instance;
mod lowering;
mod meter;
mod rest;
mod room;
mod saving;
mod state;
pub mod types;
mod wasi;

pub use cache::CodeCache;
pub(crate) use compiler::read;
pub use compiler::{Compiler, MAX_COMPONENT_BYTES};
pub use engine::World;
pub(crate) use engine::{Components, Demand, PreparedComponent, demand_of, load};
pub use error::{ComponentProblem, PrepareError};
pub use inspect::Inspection;
pub(crate) use instance::{Course, Instance, InstanceSetup, Pause};
pub(crate) use meter::{Metered, Usage};
pub(crate) use rest::{Laid, Rest, Wish};

#[cfg(test)]
pub(crate) mod testing;
