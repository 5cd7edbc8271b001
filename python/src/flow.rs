//! Dataflows in Python: read, checked, started.

use std::collections::VecDeque;
use std::error::Error;
use std::path::PathBuf;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use thalweg::{
    Code, CodeCache, Compiler, Dataflow, DescriptorError, Lock, PreparedDataflow, Problem,
    StartOptions,
};
use tokio::sync::mpsc;

use crate::bridge::awaitable;
use crate::node::{DataflowError, NodePorts, StartError};
use crate::run::{Run, RunFeed};

/// Log lines that may wait to be read before the nodes that write wait.
const LOG_LINES: usize = 1024;

/// A checked dataflow.
#[pyclass(frozen)]
pub(crate) struct Flow {
    dataflow: Dataflow,
    /// By which processes find it that attach.
    name: Option<String>,
}

#[pymethods]
impl Flow {
    /// Reads and checks a descriptor, and holds it to the lock file beside it if `locked`.
    #[staticmethod]
    fn from_file(py: Python<'_>, path: PathBuf, locked: bool) -> PyResult<Self> {
        let dataflow = py.detach(|| Dataflow::from_file(&path));
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned());
        let mut flow = Self { name, ..Self::checked(dataflow)? };
        if locked {
            let held = py.detach(|| Lock::enforce(&path, flow.dataflow.clone()));
            flow.dataflow = held.map_err(|error| DataflowError::new_err(error.to_string()))?;
        }
        Ok(flow)
    }

    /// Checks a descriptor. Relative paths in it begin at `base`.
    #[staticmethod]
    fn from_text(py: Python<'_>, text: &str, base: PathBuf) -> PyResult<Self> {
        let dataflow = py.detach(|| Dataflow::from_text(text, &base));
        Self::checked(dataflow)
    }

    /// Checks a descriptor that was written as JSON with one value a line. `places` says for each line what
    /// its value is called, for the problems.
    #[staticmethod]
    fn from_json(py: Python<'_>, text: &str, base: PathBuf, places: Vec<String>) -> PyResult<Self> {
        let dataflow = py.detach(|| Dataflow::from_text(text, &base));
        let dataflow = dataflow.map_err(|error| DataflowError::new_err(placed(&error, &places)))?;
        Ok(Self { dataflow, name: None })
    }

    /// The ids of the nodes, and whether each is supplied by this process.
    fn nodes(&self) -> Vec<(String, bool)> {
        let embedded = |code: &Code| matches!(code, Code::Embedded);
        let nodes = self.dataflow.nodes().iter();
        nodes.map(|node| (node.id.to_string(), embedded(&node.code))).collect()
    }

    /// Compiles the components, starts every node or none, and resolves to a [`Run`]. `python` runs the
    /// scripts of nodes that name no interpreter.
    fn start<'py>(&self, py: Python<'py>, python: PathBuf) -> PyResult<Bound<'py, PyAny>> {
        let (dataflow, name) = (self.dataflow.clone(), self.name.clone());
        awaitable(py, async move {
            let prepared = tokio::task::spawn_blocking(move || prepare(dataflow)).await;
            let prepared =
                prepared.map_err(|error| PyRuntimeError::new_err(error.to_string()))??;
            start(prepared, python, name).await
        })
    }
}

impl Flow {
    fn checked(dataflow: Result<Dataflow, DescriptorError>) -> PyResult<Self> {
        let dataflow = dataflow.map_err(|error| DataflowError::new_err(whole(&error)))?;
        Ok(Self { dataflow, name: None })
    }
}

/// What is wrong, and why.
fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The problems, each with what the value is called that it is about.
fn placed(error: &DescriptorError, places: &[String]) -> String {
    let one = |problem: &Problem| match places.get(problem.line.saturating_sub(1)) {
        Some(place) if !place.is_empty() => format!("{place}: {problem}"),
        _ => problem.to_string(),
    };
    match error.problems() {
        [] => whole(error),
        problems => problems.iter().map(one).collect::<Vec<_>>().join("\n"),
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

async fn start(
    mut prepared: PreparedDataflow,
    python: PathBuf,
    name: Option<String>,
) -> PyResult<Run> {
    let embedded: Vec<_> = prepared.dataflow().nodes().iter().filter_map(embedded_id).collect();
    let (give, mut further) = mpsc::unbounded_channel();
    for id in &embedded {
        embed(&mut prepared, id, give.clone())?;
    }
    drop(give);
    let (logs, lines) = mpsc::channel(LOG_LINES);
    let (told, events) = mpsc::unbounded_channel();
    let options = StartOptions {
        logs: Some(logs),
        events: Some(told),
        python: Some(python.into()),
        name,
        ..StartOptions::default()
    };
    let running = prepared.start(options).await;
    let running = running.map_err(|error| StartError::new_err(error.to_string()))?;
    let mut first = VecDeque::with_capacity(embedded.len());
    while first.len() < embedded.len() {
        let Some(instance) = further.recv().await else { break };
        first.push_back(instance);
    }
    Run::new(running, RunFeed::new(lines, events, first, further))
}

/// Each instance of the node is given away, and lasts until whoever has it says that it has ended.
fn embed(
    prepared: &mut PreparedDataflow,
    id: &str,
    give: mpsc::UnboundedSender<(String, NodePorts)>,
) -> PyResult<()> {
    let name = id.to_owned();
    let node = prepared.dataflow().nodes().iter().find(|node| node.id.as_str() == id);
    let parameters = node.map(|node| node.parameters.clone()).unwrap_or_default();
    let embedded = prepared.embed_restartable(id, move |ports| {
        let (node, end) = NodePorts::new(ports, parameters.clone());
        let taken = give.send((name.clone(), node)).is_ok();
        async move {
            if !taken {
                return Err("nobody runs its code any more".into());
            }
            end.wait().await
        }
    });
    embedded.map_err(|error| StartError::new_err(error.to_string()))
}

fn embedded_id(node: &thalweg::Node) -> Option<String> {
    matches!(node.code, Code::Embedded).then(|| node.id.to_string())
}
