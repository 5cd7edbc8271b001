//! Sees a dataflow to its end: stops, kills, restarts, grace periods.

use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::alarms::{Alarm, Alarms, Due};
use super::control::{Control, NodeAsk, RestartAsk, RestartError};
use super::door::{Entrance, OpenDoor};
use super::happening::{Happenings, NodeEventKind};
use super::life::Next;
use super::swap::Swapped;
use super::tasks::{NodeTask, Refusal, Tasks};
use super::timers;
use crate::dataflow::{Dataflow, OnFailure};
use crate::exit::{KillReason, NodeExit};
use crate::node::{NotReady, StartLine};
use crate::prepare::Replacements;
use crate::report::RunReport;
use crate::router::Router;

pub(super) struct Supervisor {
    pub(super) dataflow: Dataflow,
    pub(super) router: Arc<Router>,
    pub(super) tasks: Tasks,
    pub(super) started: Instant,
    /// The clock of restarts, which tests can hold still.
    clock: tokio::time::Instant,
    /// Makes components for nodes that run.
    _replacements: Arc<Replacements>,
    /// Lines of nodes that have ended and are still on their way to the log.
    last_lines: JoinSet<()>,
    /// Until it is dropped, timers tick and threads share their work.
    _background: JoinSet<()>,
    door: Entrance,
    control: Control,
    pub(super) grace: Duration,
    /// Nodes whose last event is queued.
    stopping: mpsc::UnboundedReceiver<usize>,
    pub(super) alarms: Alarms,
    /// The node whose end stopped the dataflow.
    pub(super) stopped_by: Option<usize>,
    asks: mpsc::Receiver<NodeAsk>,
    /// Where instances say that they are ready, and what they said.
    ready: mpsc::UnboundedSender<Ready>,
    readies: mpsc::UnboundedReceiver<Ready>,
    /// Where instances say that they have made way, or why not.
    pub(super) swapped: mpsc::UnboundedSender<Swapped>,
    pub(super) swaps: mpsc::UnboundedReceiver<Swapped>,
    pub(super) happenings: Happenings,
}

/// Whether an instance of the node with this number is ready.
type Ready = (usize, Result<(), NotReady>);

impl Supervisor {
    pub(super) fn new(
        dataflow: Dataflow,
        router: Router,
        tasks: Tasks,
        (control, asks): (Control, mpsc::Receiver<NodeAsk>),
        replacements: Arc<Replacements>,
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
        let mut background = timers::start(&dataflow, &router);
        let nudge = Arc::clone(router.nudge());
        background.spawn(async move { nudge.idle().await });
        let (ready, readies) = mpsc::unbounded_channel();
        let (swapped, swaps) = mpsc::unbounded_channel();
        Self {
            _background: background,
            door: Entrance::default(),
            dataflow,
            router,
            tasks,
            started: Instant::now(),
            clock: tokio::time::Instant::now(),
            _replacements: replacements,
            last_lines: JoinSet::new(),
            control,
            grace,
            stopping,
            alarms: Alarms::default(),
            stopped_by: None,
            asks,
            ready,
            readies,
            swapped,
            swaps,
            happenings,
        }
    }

    /// The same, with a door by which processes attach to nodes.
    pub(super) fn with_door(mut self, door: Option<OpenDoor>) -> Self {
        self.door = Entrance::new(door, self.control.clone());
        self
    }

    pub(super) async fn run(mut self) -> RunReport {
        self.run_to_end().await;
        // Whoever still asks is answered: the dataflow has ended. Also who has begun to, and would otherwise put
        // its question where nobody looks any more.
        self.asks.close();
        while self.asks.recv().await.is_some() {}
        // Where all are ended by force, none sees the others end before its own turn has come.
        let places = self.tasks.take_places();
        while let Some((position, ended)) = self.tasks.join_next().await {
            self.note_end(position, ended);
        }
        self.end_waiting();
        drop(places);
        let duration = self.started.elapsed();
        tokio::select! {
            () = self.control.kill.cancelled() => {}
            () = all(&mut self.last_lines) => {}
        }
        self.door.close().await;
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
        self.watch_all();
        while !self.tasks.have_ended() {
            tokio::select! {
                biased;
                () = control.kill.cancelled() => return self.kill_all(KillReason::Immediate),
                Some((position, ended)) = self.tasks.join_next() => self.note_end(position, ended),
                () = control.stop.cancelled(), if !stop_asked => {
                    stop_asked = true;
                    self.note_stop();
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
                Some(position) = self.stopping.recv() => self.begin_grace(position),
                Some(alarm) = self.alarms.next() => self.note_alarm(alarm),
                Some(ready) = self.readies.recv() => self.note_ready(ready),
                Some(swapped) = self.swaps.recv() => self.note_swapped(swapped),
                Some(ask) = self.asks.recv() => match ask {
                    NodeAsk::Restart(ask) => self.restart(ask),
                    NodeAsk::Swap(ask) => self.swap(ask),
                },
            }
        }
    }

    fn note_end(&mut self, position: usize, ended: Result<NodeExit, JoinError>) {
        while let Ok(ready) = self.readies.try_recv() {
            self.note_ready(ready);
        }
        self.note_all_swapped();
        let stop = self.router.inbox(position).stop_reason();
        let now = self.clock.elapsed();
        let Some(node) = self.tasks.nodes.get_mut(position) else { return };
        let (exit, next) = node.next(ended, stop, now);
        node.give_up_swap(&exit);
        match next {
            Next::Start => self.start(position),
            Next::Wait(backoff) => {
                let kind = NodeEventKind::Restarting { exit: exit.clone(), backoff };
                tracing::warn!(node = %node.id, %exit, ?backoff, "a node is started again");
                self.happenings.tell(&node.id, kind);
                if !exit.is_ok() {
                    self.router.tell_failed(position, exit.name(), true);
                }
                node.last_exit = Some(exit);
                self.alarms.after_backoff(position, node.instances, backoff);
            }
            Next::End { gave_up } => {
                node.gave_up = gave_up;
                if gave_up {
                    tracing::warn!(node = %node.id, %exit, "a node has used up its restarts");
                }
                self.end(position, exit);
            }
        }
    }

    /// Starts another instance of a node that has none.
    pub(super) fn start(&mut self, position: usize) {
        let Some(node) = self.tasks.nodes.get_mut(position) else { return };
        // It may begin as soon as its readers are told of it.
        let open = CancellationToken::new();
        node.gate = Some(open.clone());
        let line = StartLine { ready: self.ready.clone(), node: position, open };
        if !self.tasks.start_again(line) {
            self.end(position, NodeExit::Killed(KillReason::Immediate));
        }
    }

    fn end(&mut self, position: usize, exit: NodeExit) {
        let Some(node) = self.tasks.nodes.get_mut(position) else { return };
        // Where all are ended by force, none is told of the others.
        if !exit.is_ok() && node.has_place() {
            self.router.tell_failed(position, exit.name(), false);
        }
        let notice = self.happenings.end_of(&node.id, exit.clone());
        for answer in node.answers.drain(..) {
            // Whoever asked may have gone.
            let _ = answer.send(Err(RestartError::Ended { node: node.id.as_str().into() }));
        }
        let (log, is_bad) = (node.log.clone(), !exit.is_ok());
        self.tasks.end(position, exit);
        self.last_lines.spawn(async move {
            log.finish().await;
            drop(notice);
        });
        let stops = self.dataflow.on_failure() == OnFailure::Stop;
        if stops && is_bad && !self.control.is_asked_to_end() {
            self.stopped_by = Some(position);
            self.control.stop();
        }
    }

    /// Ends the nodes that wait for their backoff, as their last instances ended.
    fn end_waiting(&mut self) {
        for position in 0..self.tasks.nodes.len() {
            let node = self.tasks.nodes.get_mut(position).filter(|node| node.life.is_waiting());
            if let Some(exit) = node.and_then(|node| node.last_exit.take()) {
                self.end(position, exit);
            }
        }
    }

    /// The dataflow was asked to stop. No node is started again by itself, and nobody waits for one.
    fn note_stop(&mut self) {
        self.router.request_stop();
        for node in &mut self.tasks.nodes {
            node.life.stop();
        }
        self.end_waiting();
    }

    fn restart(&mut self, ask: RestartAsk) {
        let Some(node) = self.tasks.nodes.get_mut(ask.node) else { return };
        let refusal = match node.make_way() {
            Ok(start) => {
                node.answers.push(ask.answer);
                if start {
                    self.start(ask.node);
                }
                return;
            }
            Err(Refusal::Ended) => RestartError::Ended { node: node.id.as_str().into() },
            Err(Refusal::OnlyOnce) => RestartError::OnlyOnce { node: node.id.as_str().into() },
        };
        // Whoever asked may have gone.
        let _ = ask.answer.send(Err(refusal));
    }

    /// Another instance of a node is ready, or cannot be; then its task ends, and the node with it.
    fn note_ready(&mut self, (position, ready): Ready) {
        let Some(node) = self.tasks.nodes.get_mut(position) else { return };
        let ready = ready.map_err(Arc::new);
        let is_swapped = node.note_swap_started(&ready);
        let ready = ready.map_err(RestartError::NotReady);
        if ready.is_ok() {
            node.restarts += 1;
            node.life.note_ready();
            watch(&mut self.alarms, position, node);
            let kind = NodeEventKind::Restarted { count: node.restarts };
            self.happenings.tell(&node.id, kind);
            if is_swapped {
                self.happenings.tell(&node.id, NodeEventKind::Swapped { count: node.swaps });
            }
            if node.has_place() {
                self.router.tell_restarted(position, node.successions());
            }
        }
        if let Some(gate) = node.gate.take() {
            gate.cancel();
        }
        for answer in node.answers.drain(..) {
            // Whoever asked may have gone.
            let _ = answer.send(ready.clone());
        }
        if ready.is_ok() && node.stopping.is_cancelled() {
            self.begin_grace(position);
        }
    }

    /// The last event of a node is queued. Gives its instance the grace period from now, and again from each
    /// event that it takes and each message that it sends. The code of the embedding program may take its
    /// time after its last event, as long as nobody asks it to stop.
    pub(super) fn begin_grace(&mut self, position: usize) {
        let Some(node) = self.tasks.nodes.get(position) else { return };
        node.stopping.cancel();
        let Some(grace) = node.grace(self.grace) else { return };
        let (inbox, counts) = (Arc::clone(self.router.inbox(position)), Arc::clone(&node.counts));
        let progress =
            move || inbox.delivered() + counts.redelivered() + counts.sent().sum::<u64>();
        self.alarms.after_grace(position, node.instances, grace, progress);
    }

    /// Begins to watch the nodes that have a watchdog.
    fn watch_all(&mut self) {
        for (position, node) in self.tasks.nodes.iter_mut().enumerate() {
            watch(&mut self.alarms, position, node);
        }
    }

    fn note_alarm(&mut self, Alarm { node: position, what }: Alarm) {
        let Some(node) = self.tasks.nodes.get_mut(position) else { return };
        match what {
            // While no instance is ready none can hurry; the next has the whole period for itself.
            Due::Grace { .. } if node.life.is_between() => {}
            Due::Grace { instance } if instance == node.instances => {
                let grace = node.grace(self.grace).unwrap_or(self.grace);
                node.kill(KillReason::Grace(grace));
            }
            Due::Backoff { instance } if instance == node.instances => {
                if node.life.end_backoff() {
                    self.start(position);
                }
            }
            // It cannot take events while another one is made ready: it is watched anew from now on.
            Due::Silence { instance } if instance == node.instances && node.is_making_way() => {
                watch(&mut self.alarms, position, node);
            }
            Due::Silence { instance } if instance == node.instances => node.silence(),
            Due::Patience { swap } => self.withdraw_swap(position, swap),
            Due::Grace { .. } | Due::Backoff { .. } | Due::Silence { .. } => {}
        }
    }

    fn kill_all(&mut self, reason: KillReason) {
        for node in &mut self.tasks.nodes {
            node.kill(reason);
        }
    }
}

/// Watches the instance of a node that has a watchdog.
pub(super) fn watch(alarms: &mut Alarms, position: usize, node: &mut NodeTask) {
    if let Some((pulse, patience)) = node.watch() {
        node.watchdog = Some(alarms.on_silence(position, node.instances, patience, pulse));
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
