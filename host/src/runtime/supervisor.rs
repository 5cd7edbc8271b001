//! Sees a dataflow to its end: stops, kills, restarts, grace periods.

use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::control::{Control, RestartAsk, RestartError};
use super::door::OpenDoor;
use super::happening::{Happenings, NodeEventKind};
use super::tasks::{Next, Refusal, Tasks};
use super::timers;
use crate::dataflow::Dataflow;
use crate::exit::{KillReason, NodeExit};
use crate::node::{NotReady, StartLine};
use crate::report::RunReport;
use crate::router::Router;

pub(super) struct Supervisor {
    pub(super) dataflow: Dataflow,
    pub(super) router: Arc<Router>,
    pub(super) tasks: Tasks,
    pub(super) started: Instant,
    /// Lines of nodes that have ended and are still on their way to the log.
    last_lines: JoinSet<()>,
    /// They tick until this is dropped.
    _timers: JoinSet<()>,
    /// Lets processes in until this is dropped.
    door: JoinSet<()>,
    control: Control,
    grace: Duration,
    /// Nodes whose last event is queued.
    stopping: mpsc::UnboundedReceiver<usize>,
    /// Nodes that have had the grace period to end since.
    overdue: JoinSet<usize>,
    asks: mpsc::Receiver<RestartAsk>,
    /// Where instances say that they are ready, and what they said.
    ready: mpsc::UnboundedSender<Ready>,
    readies: mpsc::UnboundedReceiver<Ready>,
    happenings: Happenings,
}

/// Whether an instance of the node with this number is ready.
type Ready = (usize, Result<(), NotReady>);

impl Supervisor {
    pub(super) fn new(
        dataflow: Dataflow,
        router: Router,
        tasks: Tasks,
        (control, asks): (Control, mpsc::Receiver<RestartAsk>),
        happenings: Happenings,
        grace: Duration,
    ) -> Self {
        let router = Arc::new(router);
        let (stop_queued, stopping) = mpsc::unbounded_channel();
        for (position, node) in dataflow.nodes().iter().enumerate() {
            let notice = StopNotice { position, stop_queued: stop_queued.clone() };
            router.inbox(position).watch_stop(Waker::from(Arc::new(notice)));
            happenings.tell(&node.id, NodeEventKind::Started);
        }
        let (ready, readies) = mpsc::unbounded_channel();
        Self {
            _timers: timers::start(&dataflow, &router),
            door: JoinSet::new(),
            dataflow,
            router,
            tasks,
            started: Instant::now(),
            last_lines: JoinSet::new(),
            control,
            grace,
            stopping,
            overdue: JoinSet::new(),
            asks,
            ready,
            readies,
            happenings,
        }
    }

    /// The same, with a door by which processes attach to nodes.
    pub(super) fn with_door(mut self, door: Option<OpenDoor>) -> Self {
        if let Some((door, seats)) = door {
            self.door.spawn(door.serve(seats));
        }
        self
    }

    pub(super) async fn run(mut self) -> RunReport {
        self.run_to_end().await;
        // Whoever still asks is answered: the dataflow has ended.
        self.asks.close();
        while self.asks.try_recv().is_ok() {}
        // Where all are ended by force, none sees the others end before its own turn has come.
        let places = self.tasks.take_places();
        while let Some((position, ended)) = self.tasks.join_next().await {
            self.note_end(position, ended);
        }
        drop(places);
        let duration = self.started.elapsed();
        tokio::select! {
            () = self.control.kill.cancelled() => {}
            () = all(&mut self.last_lines) => {}
        }
        self.report(duration)
    }

    /// Returns when all nodes have ended, or when all were ended by force.
    async fn run_to_end(&mut self) {
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
                () = control.kill.cancelled() => return self.kill_all(KillReason::Immediate),
                ended = self.tasks.join_next() => match ended {
                    Some((position, ended)) => self.note_end(position, ended),
                    None => return,
                },
                () = control.stop.cancelled(), if !stop_asked => {
                    stop_asked = true;
                    self.router.request_stop();
                    deadline.as_mut().reset(tokio::time::Instant::now() + self.grace / 2);
                }
                () = &mut deadline, if stop_asked => {
                    if cycles_closed {
                        return self.kill_all(KillReason::StopGrace(self.grace));
                    }
                    cycles_closed = true;
                    self.router.close_cycles();
                    deadline.as_mut().reset(tokio::time::Instant::now() + self.grace / 2);
                }
                Some(position) = self.stopping.recv() => self.watch(position),
                Some(Ok(position)) = self.overdue.join_next() => {
                    self.kill(position, KillReason::Grace(self.grace));
                }
                Some(ready) = self.readies.recv() => self.note_ready(ready),
                Some(ask) = self.asks.recv() => self.restart(ask),
            }
        }
    }

    fn note_end(&mut self, position: usize, ended: Result<NodeExit, JoinError>) {
        while let Ok(ready) = self.readies.try_recv() {
            self.note_ready(ready);
        }
        let stop = self.router.inbox(position).stop_reason();
        let Some(node) = self.tasks.nodes.get_mut(position) else { return };
        match node.next(ended, stop) {
            Next::End(exit) => self.end(position, exit),
            Next::Restart => {
                // It may begin as soon as its readers are told of it.
                let open = CancellationToken::new();
                node.gate = Some(open.clone());
                let line = StartLine { ready: self.ready.clone(), node: position, open };
                if !self.tasks.start_again(line) {
                    self.end(position, NodeExit::Killed(KillReason::Immediate));
                }
            }
        }
    }

    fn end(&mut self, position: usize, exit: NodeExit) {
        let Some(node) = self.tasks.nodes.get_mut(position) else { return };
        // Where all are ended by force, none is told of the others.
        if !exit.is_ok() && node.has_place() {
            self.router.tell_failed(position, &exit.to_string(), false);
        }
        let notice = self.happenings.end_of(&node.id, exit.clone());
        node.end(exit);
        for answer in node.answers.drain(..) {
            // Whoever asked may have gone.
            let _ = answer.send(Err(RestartError::Ended { node: node.id.as_str().into() }));
        }
        let log = node.log.clone();
        self.last_lines.spawn(async move {
            log.finish().await;
            drop(notice);
        });
    }

    fn restart(&mut self, ask: RestartAsk) {
        let Some(node) = self.tasks.nodes.get_mut(ask.node) else { return };
        let refusal = match node.make_way() {
            Ok(()) => return node.answers.push(ask.answer),
            Err(Refusal::Ended) => RestartError::Ended { node: node.id.as_str().into() },
            Err(Refusal::OnlyOnce) => RestartError::OnlyOnce { node: node.id.as_str().into() },
        };
        // Whoever asked may have gone.
        let _ = ask.answer.send(Err(refusal));
    }

    /// Another instance of a node is ready, or cannot be; then its task ends, and the node with it.
    fn note_ready(&mut self, (position, ready): Ready) {
        let Some(node) = self.tasks.nodes.get_mut(position) else { return };
        let ready = ready.map_err(|error| RestartError::NotReady(Arc::new(error)));
        if ready.is_ok() {
            node.restarts += 1;
            let kind = NodeEventKind::Restarted { count: node.restarts };
            self.happenings.tell(&node.id, kind);
            if node.has_place() {
                self.router.tell_restarted(position, node.restarts);
            }
        }
        if let Some(gate) = node.gate.take() {
            gate.cancel();
        }
        for answer in node.answers.drain(..) {
            // Whoever asked may have gone.
            let _ = answer.send(ready.clone());
        }
    }

    /// The last event of a node is queued. Gives the node the grace period from now, and again from each
    /// event that it takes and each message that it sends. The code of the embedding program may take its
    /// time after its last event, as long as nobody asks it to stop.
    fn watch(&mut self, position: usize) {
        let Some(node) = self.tasks.nodes.get(position) else { return };
        node.stopping.cancel();
        if !node.has_grace {
            return;
        }
        let (inbox, counts) = (Arc::clone(self.router.inbox(position)), Arc::clone(&node.counts));
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
        for node in &mut self.tasks.nodes {
            node.kill(reason);
        }
    }

    fn kill(&mut self, position: usize, reason: KillReason) {
        if let Some(node) = self.tasks.nodes.get_mut(position) {
            node.kill(reason);
        }
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

async fn all(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}
