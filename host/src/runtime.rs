//! A running dataflow: all nodes start or none does, closings and stops are seen to their end, and the
//! report is made.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, Id, JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::component::Usage;
use crate::dataflow::{self, Dataflow, Feed, input_ids};
use crate::event::StopReason;
use crate::exit::{KillReason, NodeExit};
use crate::id::{InputId, NodeId};
use crate::inbox::InputCounts;
use crate::log::{LogLine, NodeLog};
use crate::node::{self, Code, NodeSetup, NotReady, StartLine};
use crate::ports::{self, PortCounts, Ports};
use crate::prepare::PreparedDataflow;
use crate::report::{InputReport, NodeReport, OutputReport, RunReport};
use crate::router::Router;

/// The largest payload that a node without limits may send, in bytes: the default of components.
const MAX_PAYLOAD: u64 = 64 << 20;

/// How a dataflow is started.
#[derive(Debug, Default)]
pub struct StartOptions {
    /// Where the lines go that nodes print and log; nowhere if none. A node that writes waits while it is
    /// full, so whoever gives one must read it until it closes.
    pub logs: Option<mpsc::Sender<LogLine>>,
    /// How long the dataflow may take to end after it was asked to stop, instead of what the descriptor
    /// says.
    pub grace: Option<Duration>,
    /// The Python that runs the scripts of nodes that name no interpreter, instead of the first that is
    /// found: a program in Python gives its own.
    pub python: Option<PathBuf>,
}

/// Why a dataflow did not start. Nothing runs then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nodes that the embedding program must supply, and did not.
    #[error("the program supplies no code for the embedded node(s) {}", list(.0))]
    NotSupplied(Vec<NodeId>),
    /// Components that could not be made ready, and processes that could not start.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    NotReady(Vec<NotReady>),
}

/// A dataflow that runs.
///
/// Dropping it ends every node at once. [`Self::stop`] only asks, and may be called twice; [`Self::wait`]
/// gives the report when the last node has ended. A node that fails, traps or panics ends alone: its
/// outputs close behind its last message.
#[must_use = "dropping this ends the dataflow; call `wait`"]
#[derive(Debug)]
pub struct RunningDataflow {
    control: Control,
    /// None once it has been waited for.
    supervisor: Option<JoinHandle<RunReport>>,
}

/// Asks a running dataflow to end. Clones speak to the same dataflow; when it has ended they do nothing.
#[derive(Clone, Debug)]
pub struct Control {
    stop: CancellationToken,
    kill: CancellationToken,
}

impl Control {
    /// Asks the sources to end. What was sent is delivered, and closings ripple downstream. What has not
    /// ended within the grace period is ended by force.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Ends every node at once.
    pub fn kill(&self) {
        self.kill.cancel();
    }
}

impl RunningDataflow {
    /// See [`Control::stop`].
    pub fn stop(&self) {
        self.control.stop();
    }

    /// A handle to stop it from elsewhere.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Waits until every node has ended, and reports.
    ///
    /// # Panics
    ///
    /// When the runtime itself has a bug: its panic is passed on.
    pub async fn wait(mut self) -> RunReport {
        let supervisor = self.supervisor.as_mut().expect("only `wait` takes it, and only once");
        let report = supervisor.await;
        self.supervisor = None;
        match report {
            Ok(report) => report,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl Drop for RunningDataflow {
    fn drop(&mut self) {
        if let Some(supervisor) = &self.supervisor {
            // Its tasks are dropped with it.
            supervisor.abort();
        }
    }
}

impl PreparedDataflow {
    /// Starts every node, or none: each is made ready first, and events flow only when all are.
    ///
    /// Must be called within a tokio runtime with time and I/O; a multi-threaded one spreads the nodes.
    ///
    /// # Errors
    ///
    /// [`StartError`]; then nothing runs.
    pub async fn start(self, options: StartOptions) -> Result<RunningDataflow, StartError> {
        let (dataflow, codes) = self.into_code().map_err(StartError::NotSupplied)?;
        let grace = options.grace.unwrap_or(dataflow.grace());
        let router = Router::new(&dataflow);
        let (ready, mut readies) = mpsc::unbounded_channel();
        let open = CancellationToken::new();
        let line = StartLine { ready, open: open.clone() };
        let mut tasks = Tasks::default();
        for (position, (node, code)) in dataflow.nodes().iter().zip(codes).enumerate() {
            tasks.spawn(position, node, code, &router, &options, line.clone());
        }
        drop(line);
        let mut errors = Vec::new();
        while let Some(ready) = readies.recv().await {
            errors.extend(ready.err());
        }
        if !errors.is_empty() {
            errors.sort_by_key(|error| dataflow.position(error.node().as_str()));
            return Err(StartError::NotReady(errors));
        }
        let control = Control { stop: CancellationToken::new(), kill: CancellationToken::new() };
        let supervisor = Supervisor::new(dataflow, router, tasks, control.clone(), grace);
        open.cancel();
        let supervisor = Some(tokio::spawn(supervisor.run()));
        Ok(RunningDataflow { control, supervisor })
    }
}

/// The tasks of the nodes, and what they leave behind.
#[derive(Default)]
struct Tasks {
    set: JoinSet<NodeExit>,
    positions: HashMap<Id, usize>,
    traces: Vec<Trace>,
}

/// What can be seen of a node from outside its task.
struct Trace {
    ids: Arc<[InputId]>,
    counts: Arc<PortCounts>,
    usage: Arc<Usage>,
    is_component: bool,
    /// Whether it must end soon after its last event: all but the code of the embedding program.
    has_grace: bool,
    log: NodeLog,
    task: AbortHandle,
    /// Why it was ended by force, if it was.
    killed: Option<KillReason>,
    exit: Option<NodeExit>,
}

impl Tasks {
    fn spawn(
        &mut self,
        position: usize,
        node: &dataflow::Node,
        code: Code,
        router: &Router,
        options: &StartOptions,
        line: StartLine,
    ) {
        let ids = input_ids(node);
        let counts = Arc::new(PortCounts::new(node.outputs.len()));
        let usage = Arc::new(Usage::default());
        let log = NodeLog::new(node.id.clone(), options.logs.clone());
        let (max_payload, is_component) = match &code {
            Code::Component(_, component) => (component.limits.payload, true),
            Code::Process(_) | Code::Attached | Code::Embedded(_) => (MAX_PAYLOAD, false),
        };
        let has_grace = !matches!(code, Code::Embedded(_));
        let setup = NodeSetup {
            id: node.id.clone(),
            ports: Ports::new(router, position, Arc::clone(&ids), max_payload, &counts),
            parameters: node.parameters.clone(),
            log: log.clone(),
            usage: Arc::clone(&usage),
            python: options.python.clone(),
        };
        let task = self.set.spawn(node::run(code, setup, line));
        self.positions.insert(task.id(), position);
        let (killed, exit) = (None, None);
        let trace = Trace { ids, counts, usage, is_component, has_grace, log, task, killed, exit };
        self.traces.push(trace);
    }
}

/// Sees a dataflow to its end.
struct Supervisor {
    dataflow: Dataflow,
    router: Arc<Router>,
    tasks: Tasks,
    /// Lines of nodes that have ended and are still on their way to the log.
    last_lines: JoinSet<()>,
    /// They tick until this is dropped.
    _timers: JoinSet<()>,
    control: Control,
    grace: Duration,
    /// Nodes whose last event is queued.
    stopping: mpsc::UnboundedReceiver<usize>,
    /// Nodes that have had the grace period to end since.
    overdue: JoinSet<usize>,
    started: Instant,
}

impl Supervisor {
    fn new(
        dataflow: Dataflow,
        router: Router,
        tasks: Tasks,
        control: Control,
        grace: Duration,
    ) -> Self {
        let router = Arc::new(router);
        let (stop_queued, stopping) = mpsc::unbounded_channel();
        for position in 0..dataflow.nodes().len() {
            let notice = StopNotice { position, stop_queued: stop_queued.clone() };
            router.inbox(position).watch_stop(Waker::from(Arc::new(notice)));
        }
        Self {
            _timers: timers(&dataflow, &router),
            dataflow,
            router,
            tasks,
            last_lines: JoinSet::new(),
            control,
            grace,
            stopping,
            overdue: JoinSet::new(),
            started: Instant::now(),
        }
    }

    async fn run(mut self) -> RunReport {
        let control = self.control.clone();
        let mut stop_asked = false;
        let deadline = tokio::time::sleep(Duration::MAX);
        tokio::pin!(deadline);
        // Cycles that go on by themselves are closed after half of the grace period, so that what they
        // still do has the other half.
        let mut cycles_closed = false;
        loop {
            tokio::select! {
                biased;
                () = control.kill.cancelled() => {
                    self.kill_all(KillReason::Immediate);
                    break;
                }
                ended = self.tasks.set.join_next_with_id() => match ended {
                    Some(ended) => self.note_end(ended),
                    None => break,
                },
                () = control.stop.cancelled(), if !stop_asked => {
                    stop_asked = true;
                    self.router.request_stop();
                    deadline.as_mut().reset(tokio::time::Instant::now() + self.grace / 2);
                }
                () = &mut deadline, if stop_asked => {
                    if cycles_closed {
                        self.kill_all(KillReason::StopGrace(self.grace));
                        break;
                    }
                    cycles_closed = true;
                    self.router.close_cycles();
                    deadline.as_mut().reset(tokio::time::Instant::now() + self.grace / 2);
                }
                Some(position) = self.stopping.recv() => self.watch(position),
                Some(Ok(position)) = self.overdue.join_next() => {
                    self.kill(position, KillReason::Grace(self.grace));
                }
            }
        }
        while let Some(ended) = self.tasks.set.join_next_with_id().await {
            self.note_end(ended);
        }
        let duration = self.started.elapsed();
        tokio::select! {
            () = control.kill.cancelled() => {}
            () = all(&mut self.last_lines) => {}
        }
        self.report(duration)
    }

    fn note_end(&mut self, ended: Result<(Id, NodeExit), JoinError>) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let Some(position) = self.tasks.positions.get(&id).copied() else { return };
        let reason = self.router.inbox(position).stop_reason();
        let Some(trace) = self.tasks.traces.get_mut(position) else { return };
        trace.exit = Some(match ended {
            Ok((_, NodeExit::Finished)) if reason == Some(StopReason::Requested) => {
                NodeExit::Stopped
            }
            Ok((_, exit)) => exit,
            Err(error) if error.is_panic() => {
                NodeExit::Panicked { message: panic_message(error.into_panic()) }
            }
            Err(_) => NodeExit::Killed(trace.killed.unwrap_or(KillReason::Immediate)),
        });
        let log = trace.log.clone();
        self.last_lines.spawn(async move { log.finish().await });
    }

    /// Gives a component or a process the grace period from now, and again from each event that it takes
    /// and each message that it sends. The code of the embedding program may take its time after its last
    /// event, as long as nobody asks it to stop.
    fn watch(&mut self, position: usize) {
        let Some(trace) = self.tasks.traces.get(position).filter(|trace| trace.has_grace) else {
            return;
        };
        let (inbox, counts) = (Arc::clone(self.router.inbox(position)), Arc::clone(&trace.counts));
        let grace = self.grace;
        self.overdue.spawn(async move {
            let progress = || inbox.delivered() + counts.sent().sum::<u64>();
            let mut last = progress();
            loop {
                tokio::time::sleep(grace).await;
                let now = progress();
                if now == std::mem::replace(&mut last, now) {
                    return position;
                }
            }
        });
    }

    fn kill_all(&mut self, reason: KillReason) {
        for position in 0..self.tasks.traces.len() {
            self.kill(position, reason);
        }
    }

    fn kill(&mut self, position: usize, reason: KillReason) {
        if let Some(trace) = self.tasks.traces.get_mut(position)
            && trace.exit.is_none()
        {
            trace.killed = Some(reason);
            trace.task.abort();
        }
    }

    fn report(self, duration: Duration) -> RunReport {
        let nodes = self.dataflow.nodes().iter().zip(&self.tasks.traces).enumerate();
        let nodes = nodes.map(|(position, (node, trace))| self.node_report(position, node, trace));
        RunReport { duration, nodes: nodes.collect() }
    }

    fn node_report(&self, position: usize, node: &dataflow::Node, trace: &Trace) -> NodeReport {
        let inbox = self.router.inbox(position);
        let inputs = node.inputs.iter().zip(inbox.counts());
        let inputs = inputs.filter_map(|(input, counts)| self.input_report(input, counts));
        let outputs = node.outputs.iter().zip(trace.counts.sent());
        let outputs: Vec<_> =
            outputs.map(|(id, sent)| OutputReport { id: id.to_string(), sent }).collect();
        let exit = trace.exit.clone().unwrap_or(NodeExit::Killed(KillReason::Immediate));
        let since_start = |at: Instant| at.saturating_duration_since(self.started);
        NodeReport {
            id: node.id.to_string(),
            last_event: if exit.is_ok() { None } else { trace.counts.last_events(&trace.ids) },
            exit,
            events_in: inbox.delivered(),
            events_out: outputs.iter().map(|output| output.sent).sum(),
            restarts: 0,
            cpu: trace.is_component.then(|| trace.usage.cpu()),
            peak_memory: trace.is_component.then(|| trace.usage.peak_memory()),
            first_event: trace.counts.first_event().map(since_start),
            inputs: inputs.collect(),
            outputs,
        }
    }

    /// None for a timer.
    fn input_report(&self, input: &dataflow::Input, counts: InputCounts) -> Option<InputReport> {
        Some(InputReport {
            id: input.id.to_string(),
            source: self.dataflow.source_of(&input.feed)?.to_string(),
            received: counts.received,
            delivered: counts.delivered,
            dropped: counts.dropped,
            discarded: counts.discarded,
        })
    }
}

/// Tells the supervisor that the last event of a node is queued.
struct StopNotice {
    position: usize,
    stop_queued: mpsc::UnboundedSender<usize>,
}

impl Wake for StopNotice {
    fn wake(self: Arc<Self>) {
        // Nobody listens when the dataflow is being dropped.
        let _ = self.stop_queued.send(self.position);
    }
}

fn timers(dataflow: &Dataflow, router: &Router) -> JoinSet<()> {
    let mut timers = JoinSet::new();
    for (position, node) in dataflow.nodes().iter().enumerate() {
        for (index, input) in node.inputs.iter().enumerate() {
            if let Feed::Timer(period) = input.feed {
                let inbox = Arc::clone(router.inbox(position));
                timers.spawn(async move {
                    let first = tokio::time::Instant::now() + period;
                    let mut due = tokio::time::interval_at(first, period);
                    // Each tick that was missed is counted, so each must be made.
                    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
                    loop {
                        due.tick().await;
                        if !inbox.tick(index, ports::now()) {
                            return;
                        }
                    }
                });
            }
        }
    }
    timers
}

async fn all(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

fn panic_message(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}

#[cfg(all(test, not(feature = "model")))]
mod tests;

fn list(nodes: &[NodeId]) -> String {
    nodes.iter().map(|node| format!("`{node}`")).collect::<Vec<_>>().join(", ")
}
