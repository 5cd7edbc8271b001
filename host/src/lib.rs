//! A dataflow runtime of sandboxed WebAssembly components.

mod dataflow;
mod event;
mod id;

pub use dataflow::{
    Address, Code, Component, Dataflow, Feed, Folder, Grants, Input as NodeInput, Limits, Node,
    Overflow, Queue,
};
pub use event::{
    Encoding, Event, Input, InputClosed, Message, Metadata, Parameters, StopReason, Tick, Value,
};
pub use id::{Id, IdError, InputId, MAX_ID_BYTES, NodeId, OutputId, OutputRef, OutputRefError};
