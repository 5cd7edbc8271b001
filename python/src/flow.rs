//! Dataflows in Python: read, started, waited for.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::sync::OnceLock;
use thalweg::{
    Code, CodeCache, Compiler, Control, Dataflow, LogLevel, LogLine, LogStream, PreparedDataflow,
    RunReport, RunningDataflow, StartOptions,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::bridge::{awaitable, runtime};
use crate::node::{DataflowError, NodePorts, StartError, nothing_now};
use crate::readiness::Readiness;

/// Log lines that may wait to be read before the nodes that write wait.
const LOG_LINES: usize = 1024;

/// A checked dataflow.
#[pyclass(frozen)]
pub(crate) struct Flow {
    dataflow: Dataflow,
}

#[pymethods]
impl Flow {
    /// Reads and checks a descriptor.
    #[staticmethod]
    fn from_file(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let dataflow = py.detach(|| Dataflow::from_file(&path));
        Self::checked(dataflow)
    }

    /// Checks a descriptor. Relative paths in it begin at `base`.
    #[staticmethod]
    fn from_text(py: Python<'_>, text: &str, base: PathBuf) -> PyResult<Self> {
        let dataflow = py.detach(|| Dataflow::from_text(text, &base));
        Self::checked(dataflow)
    }

    /// The ids of the nodes, and whether each is supplied by this process.
    fn nodes(&self) -> Vec<(String, bool)> {
        let embedded = |code: &Code| matches!(code, Code::Embedded);
        let nodes = self.dataflow.nodes().iter();
        nodes.map(|node| (node.id.to_string(), embedded(&node.code))).collect()
    }

    /// Compiles the components, starts every node or none, and resolves to a [`Run`].
    fn start<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let dataflow = self.dataflow.clone();
        awaitable(py, async move {
            let prepared = tokio::task::spawn_blocking(move || prepare(dataflow)).await;
            let prepared =
                prepared.map_err(|error| PyRuntimeError::new_err(error.to_string()))??;
            start(prepared).await
        })
    }
}

impl Flow {
    fn checked(dataflow: Result<Dataflow, thalweg::DescriptorError>) -> PyResult<Self> {
        let dataflow = dataflow.map_err(|error| DataflowError::new_err(error.to_string()))?;
        Ok(Self { dataflow })
    }
}

fn prepare(dataflow: Dataflow) -> PyResult<PreparedDataflow> {
    let compiler = Compiler::new(CodeCache::of_user());
    let compiler = compiler.map_err(|error| StartError::new_err(format!("{error:#}")))?;
    PreparedDataflow::new(dataflow, &compiler, |_| {}).map_err(|errors| {
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        StartError::new_err(texts.join("\n"))
    })
}

async fn start(mut prepared: PreparedDataflow) -> PyResult<Run> {
    let embedded: Vec<_> = prepared.dataflow().nodes().iter().filter_map(embedded_id).collect();
    let mut waiting = Vec::new();
    for id in embedded {
        let (sender, receiver) = oneshot::channel();
        let embed = prepared.embed(&id, |ports| async move {
            let (node, end) = NodePorts::new(ports);
            if sender.send(node).is_err() {
                return Err("the start was given up".into());
            }
            end.wait().await
        });
        embed.map_err(|error| StartError::new_err(error.to_string()))?;
        waiting.push((id, receiver));
    }
    let (sender, lines) = mpsc::channel(LOG_LINES);
    let options = StartOptions { logs: Some(sender), ..StartOptions::default() };
    let running = prepared.start(options).await;
    let running = running.map_err(|error| StartError::new_err(error.to_string()))?;
    let mut nodes = Vec::with_capacity(waiting.len());
    for (id, node) in waiting {
        let node = node.await.map_err(|_| StartError::new_err(format!("node `{id}` is gone")))?;
        nodes.push((id, node));
    }
    Run::new(running, nodes, lines)
}

fn embedded_id(node: &thalweg::Node) -> Option<String> {
    matches!(node.code, Code::Embedded).then(|| node.id.to_string())
}

/// A dataflow that runs. Dropping it ends every node at once.
#[pyclass(frozen)]
pub(crate) struct Run {
    control: Control,
    report: watch::Receiver<Option<String>>,
    nodes: Mutex<Vec<(String, NodePorts)>>,
    lines: Mutex<mpsc::Receiver<LogLine>>,
    waker: OnceLock<Waker>,
}

impl Run {
    fn new(
        running: RunningDataflow,
        nodes: Vec<(String, NodePorts)>,
        lines: mpsc::Receiver<LogLine>,
    ) -> PyResult<Self> {
        let control = running.control();
        let (done, report) = watch::channel(None);
        runtime()?.spawn(async move {
            let report = running.wait().await;
            // Nobody may be waiting any more.
            let _ = done.send(Some(json(&report)));
        });
        let (nodes, lines) = (Mutex::new(nodes), Mutex::new(lines));
        Ok(Self { control, report, nodes, lines, waker: OnceLock::new() })
    }
}

fn json(report: &RunReport) -> String {
    serde_json::to_string(report).unwrap_or_default()
}

impl Drop for Run {
    fn drop(&mut self) {
        self.control.kill();
    }
}

#[pymethods]
impl Run {
    /// Takes the ports of the nodes that this process supplies.
    fn take_nodes(&self) -> Vec<(String, NodePorts)> {
        std::mem::take(&mut *self.nodes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the dataflow to end.
    fn stop(&self) {
        self.control.stop();
    }

    /// Ends every node at once.
    fn kill(&self) {
        self.control.kill();
    }

    /// Resolves to the report, as JSON, when every node has ended.
    fn wait<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut report = self.report.clone();
        awaitable(py, async move {
            let report = report.wait_for(Option::is_some).await;
            let gone = |_| PyRuntimeError::new_err("the dataflow ended without a report");
            Ok(report.map_err(gone)?.clone().unwrap_or_default())
        })
    }

    /// From now on the lines of nodes wake by `readiness`, with this token.
    fn attach(&self, readiness: &Readiness, token: u64) -> PyResult<()> {
        let attached = self.waker.set(readiness.waker(token));
        attached.map_err(|_| PyRuntimeError::new_err("the run belongs to another event loop"))
    }

    /// The next line as `(node, stream, level, text)`; `None` once there will be none; `False` when there
    /// is none now.
    fn next_line<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let waker = self.waker.get();
        let waker = waker.ok_or_else(|| PyRuntimeError::new_err("the run is not attached"))?;
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        match lines.poll_recv(&mut Context::from_waker(waker)) {
            Poll::Ready(Some(line)) => {
                let (stream, level) = stream_and_level(line.stream);
                (line.node.as_str(), stream, level, line.text)
                    .into_pyobject(py)
                    .map(Bound::into_any)
            }
            Poll::Ready(None) => Ok(py.None().into_bound(py)),
            Poll::Pending => Ok(nothing_now(py)),
        }
    }
}

/// With the numbers of Python's `logging`.
fn stream_and_level(stream: LogStream) -> (&'static str, u8) {
    match stream {
        LogStream::Stdout => ("stdout", 20),
        LogStream::Stderr => ("stderr", 20),
        LogStream::Log(level) => {
            let level = match level {
                LogLevel::Trace => 5,
                LogLevel::Debug => 10,
                LogLevel::Info => 20,
                LogLevel::Warn => 30,
                LogLevel::Error => 40,
                LogLevel::Critical => 50,
            };
            ("log", level)
        }
    }
}
