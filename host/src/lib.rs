//! A dataflow runtime of sandboxed WebAssembly components.
//!
//! ```text
//! text ──▶ Dataflow ──▶ PreparedDataflow ──▶ RunningDataflow ──▶ RunReport
//!          checked      compiled, linked      one task a node     what happened
//! ```
//!
//! From top to bottom, each room using only those below it: [`cli`] the commands; `runtime` start, stop, restart
//! and report; `prepare` files to linked components; `node` one node's life; `component` wasmtime and WASI;
//! `process` interpreters of scripts; `attach` the door for processes from outside; `link` ports over a socket;
//! `ports` a node's side of the dataflow; `router`, `cycle` and `inbox` the ways between nodes; [`graph`] the
//! picture; `dataflow` the checked graph; `descriptor` the file as written; `report`, `log`, `exit`, `event`
//! and `id` the words. `ARCHITECTURE.md` says why.
//!
//! ```
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use thalweg::{Compiler, Dataflow, Event, PreparedDataflow, StartOptions};
//!
//! let text = "
//! nodes:
//!   - { id: source, embedded: true, outputs: [greeting] }
//!   - { id: sink, embedded: true, inputs: { text: source/greeting } }
//! ";
//! let dataflow = Dataflow::from_text(text, ".".as_ref())?;
//! let mut prepared = PreparedDataflow::new(dataflow, &Compiler::new(None)?, |_| {}).unwrap();
//! prepared.embed("source", |mut ports| async move {
//!     ports.send("greeting", "hello").await.map_err(|error| error.to_string())
//! })?;
//! prepared.embed("sink", |mut ports| async move {
//!     while let Some(event) = ports.recv().await {
//!         if let Event::Input(input) = event {
//!             assert_eq!(input.message.payload, "hello");
//!         }
//!     }
//!     Ok(())
//! })?;
//! let report = prepared.start(StartOptions::default()).await?.wait().await;
//! assert!(report.is_ok());
//! # Ok(()) }
//! ```

mod attach;
mod capability;
pub mod cli;
mod component;
mod cycle;
mod dataflow;
mod descriptor;
mod digest;
mod event;
mod exit;
pub mod graph;
mod id;
mod inbox;
#[doc(hidden)]
pub mod link;
mod lock;
mod log;
mod node;
mod nudge;
mod pace;
pub mod payload;
mod ports;
mod prepare;
mod process;
mod report;
mod router;
mod runtime;
mod sync;
mod turn;

pub use attach::OpenError;
pub use capability::{Asked, Capability, capabilities, dataflow_capabilities};
pub use component::{
    CodeCache, Compiler, ComponentProblem, Inspection, MAX_COMPONENT_BYTES, PrepareError, World,
};
pub use dataflow::{
    Address, Code, Component, Dataflow, Feed, Folder, Grants, InHand, Input as NodeInput,
    Interpreter, Limits, Node, OnFailure, Overflow, Process, Queue, RestartPolicy, RestartWhen,
    Supervision,
};
pub use descriptor::{
    DescriptorError, MAX_DESCRIPTOR_BYTES, MAX_PROBLEMS, Problem, ProblemKind, Shape, json_schema,
};
pub use digest::Digest;
pub use event::{
    Encoding, Event, Input, InputClosed, InputFailed, InputRestarted, Message, Metadata,
    Parameters, StopReason, Tick, Value,
};
pub use exit::{KillReason, Limit, MAX_FAILURE_BYTES, NodeExit};
pub use id::{Id, IdError, InputId, MAX_ID_BYTES, NodeId, OutputId, OutputRef, OutputRefError};
pub use lock::{Lock, LockError, LockProblem};
pub use log::{LogLevel, LogLine, LogStream, MAX_LINE_BYTES};
pub use node::NotReady;
pub use ports::{
    Events, MAX_BATCH, MAX_BATCH_BYTES, Outgoing, Outputs, Ports, SendError, TryRecvError,
    TrySendError,
};
pub use prepare::{EmbedError, PreparedDataflow};
pub use process::{ProcessError, ProcessProblem};
pub use report::{
    Bounded, Budgets, DataflowStatus, InputReport, NodeReport, NodeState, NodeStatus, OutputReport,
    Paced, RunReport,
};
pub use runtime::{
    Control, NodeEvent, NodeEventKind, OldState, RestartError, RunningDataflow, StartError,
    StartOptions, SwapError,
};
