//! A dataflow runtime of sandboxed WebAssembly components.

pub mod cli;
mod component;
mod cycle;
mod dataflow;
mod descriptor;
mod event;
mod exit;
pub mod graph;
mod id;
mod inbox;
mod log;
mod node;
mod ports;
mod prepare;
mod report;
mod router;
mod runtime;
mod sync;

pub use component::{
    CodeCache, Compiler, ComponentProblem, Digest, Inspection, PrepareError, World,
};
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
pub use exit::{KillReason, Limit, NodeExit};
pub use id::{Id, IdError, InputId, MAX_ID_BYTES, NodeId, OutputId, OutputRef, OutputRefError};
pub use log::{LogLevel, LogLine, LogStream, MAX_LINE_BYTES};
pub use ports::{
    Events, MAX_BATCH, Outgoing, Outputs, Ports, SendError, TryRecvError, TrySendError,
};
pub use prepare::{EmbedError, PreparedDataflow};
pub use report::{InputReport, NodeReport, OutputReport, RunReport};
pub use runtime::{Control, RunningDataflow, StartError, StartOptions};
