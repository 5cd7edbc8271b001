//! A dataflow runtime of sandboxed WebAssembly components.

pub mod cli;
mod dataflow;
mod descriptor;
mod event;
pub mod graph;
mod id;

pub use dataflow::{
    Address, Code, Component, Dataflow, Feed, Folder, Grants, Input as NodeInput, Limits, Node,
    Overflow, Queue,
};
pub use descriptor::{
    DescriptorError, MAX_DESCRIPTOR_BYTES, MAX_PROBLEMS, Problem, ProblemKind, Shape, json_schema,
};
pub use event::{
    Encoding, Event, Input, InputClosed, Message, Metadata, Parameters, StopReason, Tick, Value,
};
pub use id::{Id, IdError, InputId, MAX_ID_BYTES, NodeId, OutputId, OutputRef, OutputRefError};
