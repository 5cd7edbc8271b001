//! Thalweg for Python: the native half. It converts; what people use is the Python package around it.
//!
//! No thread of the runtime takes the interpreter's lock on the way of an event: `readiness` wakes event
//! loops by a file descriptor. Only the rare awaits of `bridge` (start, restart, wait) call into Python.

mod arrow;
mod awaiting;
#[cfg(feature = "bench")]
mod bench;
mod bridge;
mod command;
mod event;
mod flow;
mod fork;
mod link;
mod node;
mod readiness;
mod run;
mod value;

use pyo3::prelude::*;

#[pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use super::arrow::ArrowValue;
    #[pymodule_export]
    use super::awaiting::{Done, Events};
    #[cfg(feature = "bench")]
    #[pymodule_export]
    use super::bench::next_by_future;
    #[pymodule_export]
    use super::bridge::shut_down;
    #[pymodule_export]
    use super::command::run_command;
    #[pymodule_export]
    use super::event::{Input, InputClosed, InputFailed, InputRestarted, Stop, Tick};
    #[pymodule_export]
    use super::flow::Flow;
    #[pymodule_export]
    use super::fork::forked;
    #[pymodule_export]
    use super::link::{AttachError, LinkPorts};
    #[pymodule_export]
    use super::node::{
        DataflowError, NodeClosed, NodePorts, OutputClosed, StartError, ThalwegError, Unsent,
    };
    #[pymodule_export]
    use super::readiness::Readiness;
    #[pymodule_export]
    use super::run::{Run, RunFeed};
    #[pymodule_export]
    use super::value::Payload;
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name that Python expects")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
