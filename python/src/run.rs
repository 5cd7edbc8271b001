//! Dataflows that run: what is asked of them, and what they tell.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use pyo3::IntoPyObjectExt as _;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use thalweg::{
    Control, LogLevel, LogLine, LogStream, NodeEvent, NodeEventKind, NodeExit, OldState,
    RestartError, RunReport, RunningDataflow, SwapError,
};
use tokio::sync::{mpsc, watch};

use crate::bridge::{awaitable, runtime};
use crate::fork::Origin;
use crate::node::{NodeClosed, NodePorts, StartError, ThalwegError, nothing_now};
use crate::readiness::Readiness;

/// A dataflow that runs. Dropping it ends every node at once.
#[pyclass(frozen)]
pub(crate) struct Run {
    control: Control,
    report: watch::Receiver<Option<String>>,
    feed: Mutex<Option<RunFeed>>,
    origin: Origin,
}

impl Run {
    pub(crate) fn new(running: RunningDataflow, feed: RunFeed) -> PyResult<Self> {
        let control = running.control();
        let (done, report) = watch::channel(None);
        runtime()?.spawn(async move {
            let report = running.wait().await;
            // Nobody may be waiting any more.
            let _ = done.send(Some(json(&report)));
        });
        let feed = Mutex::new(Some(feed));
        Ok(Self { control, report, feed, origin: Origin::here() })
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
    /// What the dataflow tells. There is one, and it does not keep the dataflow running.
    fn take_feed(&self) -> PyResult<RunFeed> {
        let feed = self.feed.lock().unwrap_or_else(PoisonError::into_inner).take();
        feed.ok_or_else(|| PyRuntimeError::new_err("the feed of the run was taken already"))
    }

    /// Asks the dataflow to end.
    fn stop(&self) -> PyResult<()> {
        self.origin.check()?;
        self.control.stop();
        Ok(())
    }

    /// Ends every node at once.
    fn kill(&self) -> PyResult<()> {
        self.origin.check()?;
        self.control.kill();
        Ok(())
    }

    /// Resolves when another instance of the node is ready.
    fn restart<'py>(&self, py: Python<'py>, node: String) -> PyResult<Bound<'py, PyAny>> {
        let control = self.control.clone();
        awaitable(py, async move { control.restart(&node).await.map_err(|error| refused(&error)) })
    }

    /// Resolves when the component of another file runs the node.
    fn swap<'py>(
        &self,
        py: Python<'py>,
        node: String,
        path: PathBuf,
        fresh: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let control = self.control.clone();
        let old_state = if fresh { OldState::Forget } else { OldState::Keep };
        awaitable(py, async move {
            let swapped = control.swap(&node, path, old_state).await;
            swapped.map_err(|error| not_swapped(&error))
        })
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
}

fn refused(error: &RestartError) -> PyErr {
    let text = error.to_string();
    match error {
        RestartError::UnknownNode { .. } => PyValueError::new_err(text),
        RestartError::Ended { .. } => NodeClosed::new_err(text),
        RestartError::NotReady(_) => StartError::new_err(text),
        RestartError::OnlyOnce { .. } => ThalwegError::new_err(text),
    }
}

fn not_swapped(error: &SwapError) -> PyErr {
    let text = error.to_string();
    match error {
        SwapError::UnknownNode { .. } | SwapError::NotComponent { .. } => {
            PyValueError::new_err(text)
        }
        SwapError::Ended { .. } => NodeClosed::new_err(text),
        SwapError::Unfit(_) | SwapError::NotReady(_) | SwapError::NotStarted(_) => {
            StartError::new_err(text)
        }
        SwapError::Busy { .. }
        | SwapError::StateLost { .. }
        | SwapError::NotAtRest { .. }
        | SwapError::InstanceEnded { .. }
        | SwapError::NotSaved { .. }
        | SwapError::NotRestored { .. } => ThalwegError::new_err(text),
    }
}

/// What a running dataflow tells. Everything returns at once; who must wait is woken by a [`Readiness`].
#[pyclass(frozen)]
pub(crate) struct RunFeed {
    happenings: Mutex<Happenings>,
    nodes: Mutex<Nodes>,
    waker: OnceLock<Waker>,
}

/// An embedded node and the ports of its instance.
type Instance = (String, NodePorts);

struct Nodes {
    /// The first instances, which are there from the start on.
    first: VecDeque<Instance>,
    further: mpsc::UnboundedReceiver<Instance>,
}

impl RunFeed {
    pub(crate) fn new(
        lines: mpsc::Receiver<LogLine>,
        events: mpsc::UnboundedReceiver<NodeEvent>,
        first: VecDeque<Instance>,
        further: mpsc::UnboundedReceiver<Instance>,
    ) -> Self {
        Self {
            happenings: Mutex::new(Happenings { lines, events, held: None }),
            nodes: Mutex::new(Nodes { first, further }),
            waker: OnceLock::new(),
        }
    }

    fn waker(&self) -> PyResult<&Waker> {
        self.waker.get().ok_or_else(|| PyRuntimeError::new_err("the run is not attached"))
    }
}

#[pymethods]
impl RunFeed {
    /// From now on what is told wakes by `readiness`, with this token.
    fn attach(&self, readiness: &Readiness, token: u64) -> PyResult<()> {
        let attached = self.waker.set(readiness.waker(token));
        attached.map_err(|_| PyRuntimeError::new_err("the run belongs to another event loop"))
    }

    /// What happened next, as a tuple that begins with its name; `None` once nothing will happen any more;
    /// `False` when there is nothing now.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut context = Context::from_waker(self.waker()?);
        let mut happenings = self.happenings.lock().unwrap_or_else(PoisonError::into_inner);
        match happenings.poll_next(&mut context) {
            Poll::Ready(Some(happened)) => happened.into_python(py),
            Poll::Ready(None) => Ok(py.None().into_bound(py)),
            Poll::Pending => Ok(nothing_now(py)),
        }
    }

    /// The next instance of an embedded node, as its id and its ports; `None` once there will be none;
    /// `False` when there is none now.
    fn next_node<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut context = Context::from_waker(self.waker()?);
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = nodes.first.pop_front() {
            return first.into_bound_py_any(py);
        }
        match nodes.further.poll_recv(&mut context) {
            Poll::Ready(Some(instance)) => instance.into_bound_py_any(py),
            Poll::Ready(None) => Ok(py.None().into_bound(py)),
            Poll::Pending => Ok(nothing_now(py)),
        }
    }
}

/// Lines and events, brought into one order: the start of a node comes before its lines, and the end of an
/// instance behind them.
struct Happenings {
    lines: mpsc::Receiver<LogLine>,
    events: mpsc::UnboundedReceiver<NodeEvent>,
    /// An event, and how many lines are still before it.
    held: Option<(NodeEvent, usize)>,
}

enum Happened {
    Line(LogLine),
    Node(NodeEvent),
}

impl Happenings {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Happened>> {
        let mut events_closed = false;
        if self.held.is_none() {
            match self.events.poll_recv(context) {
                Poll::Ready(Some(event)) => {
                    let is_start = event.kind == NodeEventKind::Started;
                    self.held = Some((event, if is_start { 0 } else { self.lines.len() }));
                }
                Poll::Ready(None) => events_closed = true,
                Poll::Pending => {}
            }
        }
        let may_wait = self.held.is_none();
        let line = match &mut self.held {
            Some((_, 0)) => Poll::Pending,
            Some((_, before)) => {
                *before -= 1;
                self.lines.poll_recv(context)
            }
            None => self.lines.poll_recv(context),
        };
        match line {
            Poll::Ready(Some(line)) => Poll::Ready(Some(Happened::Line(line))),
            Poll::Ready(None) if events_closed => Poll::Ready(None),
            _ if may_wait => Poll::Pending,
            _ => Poll::Ready(self.held.take().map(|(event, _)| Happened::Node(event))),
        }
    }
}

impl Happened {
    fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Self::Line(line) => {
                let (stream, level) = stream_and_level(line.stream);
                ("line", line.node.as_str(), stream, level, line.text).into_bound_py_any(py)
            }
            Self::Node(NodeEvent { node, kind, .. }) => match kind {
                NodeEventKind::Started => ("started", node.as_str()).into_bound_py_any(py),
                NodeEventKind::Restarting { exit, backoff } => {
                    ("restarting", node.as_str(), exit_of(&exit), backoff.as_secs_f64())
                        .into_bound_py_any(py)
                }
                NodeEventKind::Restarted { count } => {
                    ("restarted", node.as_str(), count).into_bound_py_any(py)
                }
                NodeEventKind::Swapped { count } => {
                    ("swapped", node.as_str(), count).into_bound_py_any(py)
                }
                NodeEventKind::Ended(exit) => {
                    ("ended", node.as_str(), exit_of(&exit)).into_bound_py_any(py)
                }
            },
        }
    }
}

fn exit_of(exit: &NodeExit) -> (&'static str, bool, String, Vec<String>) {
    (exit.name(), exit.is_ok(), exit.to_string(), exit.backtrace().to_vec())
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
