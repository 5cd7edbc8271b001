//! What lives in the store of a component: its side of the dataflow, its handles, its limits, its WASI.

use std::future::poll_fn;
use std::sync::Arc;

use wasmtime::{ResourceLimiter, UpdateDeadline, format_err};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::handles::Handles;
use super::instance::InstanceSetup;
use super::meter::{Budget, Turn, Usage};
use super::rest::{Laid, Rest};
use super::types::{Event, lower};
use crate::dataflow::Limits;
use crate::event::{self, Parameters};
use crate::exit::Limit;
use crate::log::NodeLog;
use crate::payload::Copies;
use crate::ports::{Ports, TryRecvError};

/// Instances, memories and tables of one component. Python components have about a dozen of each.
const MAX_CORE_ITEMS: usize = 100;

pub(crate) struct NodeState {
    /// None while another instance has them: before this one takes its place, or once it has laid them down.
    pub(crate) ports: Option<Ports>,
    pub(crate) handles: Handles,
    pub(crate) parameters: Parameters,
    pub(crate) log: NodeLog,
    pub(crate) budget: Budget,
    /// The component said that it is done.
    pub(crate) finished: bool,
    pub(super) rest: Arc<Rest>,
    /// It was given an event, and has not asked for the next.
    in_hand: bool,
    /// How many messages it has sent since it last took events, or let others have a turn.
    pub(crate) sends: u32,
    limits: Limits,
    /// Only where the component imports WASI.
    wasi: Option<Box<WasiCtx>>,
    pub(crate) usage: Arc<Usage>,
    memory: u64,
    table_elements: u64,
    /// Room to receive into.
    batch: Vec<event::Event>,
    /// Makes the copies of what it sends.
    pub(super) copies: Copies,
}

impl NodeState {
    pub(crate) fn new(
        InstanceSetup { ports, parameters, log, usage, rest }: InstanceSetup,
        limits: Limits,
        wasi: Option<WasiCtx>,
    ) -> Self {
        Self {
            ports,
            rest,
            in_hand: false,
            handles: Handles::new(limits.buffers, Arc::clone(&usage)),
            parameters,
            log,
            budget: Budget::new(Arc::clone(&usage), limits.cpu),
            finished: false,
            sends: 0,
            limits,
            wasi: wasi.map(Box::new),
            usage,
            memory: 0,
            table_elements: 0,
            batch: Vec::new(),
            copies: Copies::default(),
        }
    }

    /// The side of the dataflow that this instance has.
    ///
    /// # Errors
    ///
    /// While another instance has it.
    pub(crate) fn ports(&mut self) -> wasmtime::Result<&mut Ports> {
        self.ports.as_mut().ok_or_else(not_its_turn)
    }

    /// Waits for events and gives them in the form of the component. Empty once the stream has ended.
    ///
    /// # Errors
    ///
    /// When the component holds too many handles to be given another, or has no ports.
    pub(crate) async fn recv_batch(&mut self, max: usize) -> wasmtime::Result<Vec<Event>> {
        loop {
            match self.recv_unless_asked(max).await? {
                Some(events) => return Ok(events),
                None => self.rest().await,
            }
        }
    }

    /// Like [`Self::recv_batch`]; none once the instance is to come to rest, while there is anything left to
    /// take for another.
    pub(super) async fn recv_unless_asked(
        &mut self,
        max: usize,
    ) -> wasmtime::Result<Option<Vec<Event>>> {
        if max == 0 {
            return Ok(Some(Vec::new())); // Nothing is handed over, so the time for what was still counts.
        }
        self.in_hand = false;
        if self.is_to_rest() {
            return Ok(None);
        }
        self.batch.clear();
        self.sends = 0;
        let Self { ports, rest, batch, .. } = self;
        let ports = ports.as_mut().ok_or_else(not_its_turn)?;
        tokio::select! {
            biased;
            _ = ports.recv_batch(batch, max) => {}
            () = poll_fn(|context| rest.poll_wish(context)) => return Ok(None),
        }
        self.in_hand = !self.batch.is_empty();
        self.budget.begin(self.batch.len());
        let lowered =
            self.batch.drain(..).map(|event| lower(event, self.limits.inline, &mut self.handles));
        lowered.collect::<wasmtime::Result<_>>().map(Some)
    }

    /// The next event if there is one now.
    ///
    /// # Errors
    ///
    /// As [`Self::recv_batch`].
    pub(crate) async fn try_recv(&mut self) -> wasmtime::Result<Result<Event, TryRecvError>> {
        self.in_hand = false;
        self.rest_if_asked().await;
        let event = match self.ports()?.try_recv() {
            Ok(event) => event,
            Err(none) => return Ok(Err(none)),
        };
        self.in_hand = true;
        self.budget.begin(1);
        lower(event, self.limits.inline, &mut self.handles).map(Ok)
    }

    /// A message was sent: where no event is in hand, nothing is, and the instance may rest.
    pub(crate) async fn rest_if_asked(&mut self) {
        if self.is_to_rest() && !self.in_hand {
            self.rest().await;
        }
    }

    /// A message of so many bytes was sent.
    pub(crate) fn note_sent(&mut self, bytes: u64) {
        self.budget.sent();
        self.usage.note_message(bytes);
    }

    pub(crate) fn is_to_rest(&self) -> bool {
        // With its last event taken it is about to end.
        let is_left = |ports: &Ports| !ports.is_finished();
        self.rest.is_wished() && self.ports.as_ref().is_some_and(is_left)
    }

    /// Lays the ports down, and goes on when they are put back.
    async fn rest(&mut self) {
        if let Some(ports) = self.ports.take() {
            self.lay_down(ports, None).await;
        }
    }

    pub(super) async fn lay_down(
        &mut self,
        mut ports: Ports,
        saved: Option<Result<Vec<u8>, String>>,
    ) {
        ports.note_done();
        let rest = &self.rest;
        rest.lay_down(Laid { ports, saved, wish: rest.wish() });
        self.ports = Some(poll_fn(|_| rest.poll_back()).await);
    }

    /// What to do at the end of an epoch.
    pub(crate) fn epoch_ended(&mut self) -> wasmtime::Result<UpdateDeadline> {
        match self.budget.epoch_ended()? {
            Turn::Continue => Ok(UpdateDeadline::Continue(1)),
            Turn::Yield => Ok(UpdateDeadline::Yield(1)),
        }
    }
}

fn not_its_turn() -> wasmtime::Error {
    format_err!("it sent or asked for events while it was not the instance that runs")
}

impl WasiView for NodeState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.as_mut().expect("a component that calls WASI imports it");
        WasiCtxView { ctx, table: &mut self.handles.table }
    }
}

// An error here traps, which ends the node with the name of the limit; `Ok(false)` would leave it to the
// component to fail in words of its own.
impl ResourceLimiter for NodeState {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let asked = self.memory + desired.saturating_sub(current) as u64;
        if asked > self.limits.memory {
            Err(Limit::Memory { asked, limit: self.limits.memory })?;
        }
        self.memory = asked;
        self.usage.note_memory(asked);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let asked = self.table_elements + desired.saturating_sub(current) as u64;
        if asked > self.limits.table_elements {
            Err(Limit::TableElements { asked, limit: self.limits.table_elements })?;
        }
        self.table_elements = asked;
        Ok(true)
    }

    fn instances(&self) -> usize {
        MAX_CORE_ITEMS
    }

    fn tables(&self) -> usize {
        MAX_CORE_ITEMS
    }

    fn memories(&self) -> usize {
        MAX_CORE_ITEMS
    }
}
