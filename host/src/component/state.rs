//! What lives in the store of a component: its side of the dataflow, its handles, its limits, its WASI.

use std::sync::Arc;

use wasmtime::{ResourceLimiter, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::handles::Handles;
use super::meter::{Budget, Turn, Usage};
use super::types::{Event, lower};
use crate::dataflow::Limits;
use crate::event::{self, Parameters};
use crate::exit::Limit;
use crate::log::NodeLog;
use crate::ports::{Ports, TryRecvError};

/// Instances, memories and tables of one component. Python components have about a dozen of each.
const MAX_CORE_ITEMS: usize = 100;

pub(crate) struct NodeState {
    pub(crate) ports: Ports,
    pub(crate) handles: Handles,
    pub(crate) parameters: Parameters,
    pub(crate) log: NodeLog,
    pub(crate) budget: Budget,
    /// The component said that it is done.
    pub(crate) finished: bool,
    limits: Limits,
    /// Only where the component imports WASI.
    wasi: Option<Box<WasiCtx>>,
    pub(crate) usage: Arc<Usage>,
    memory: u64,
    table_elements: u64,
    /// Room to receive into.
    batch: Vec<event::Event>,
}

impl NodeState {
    pub(crate) fn new(
        ports: Ports,
        parameters: Parameters,
        log: NodeLog,
        limits: Limits,
        usage: Arc<Usage>,
        wasi: Option<WasiCtx>,
    ) -> Self {
        Self {
            ports,
            handles: Handles::new(limits.buffers, Arc::clone(&usage)),
            parameters,
            log,
            budget: Budget::new(Arc::clone(&usage), limits.cpu),
            finished: false,
            limits,
            wasi: wasi.map(Box::new),
            usage,
            memory: 0,
            table_elements: 0,
            batch: Vec::new(),
        }
    }

    /// Waits for events and gives them in the form of the component. Empty once the stream has ended.
    ///
    /// # Errors
    ///
    /// When the component holds too many handles to be given another.
    pub(crate) async fn recv_batch(&mut self, max: usize) -> wasmtime::Result<Vec<Event>> {
        if max == 0 {
            return Ok(Vec::new()); // Nothing is handed over, so the time for what was still counts.
        }
        self.batch.clear();
        self.ports.recv_batch(&mut self.batch, max).await;
        self.budget.begin(self.batch.len());
        let lowered =
            self.batch.drain(..).map(|event| lower(event, self.limits.inline, &mut self.handles));
        lowered.collect()
    }

    /// The next event if there is one now.
    ///
    /// # Errors
    ///
    /// As [`Self::recv_batch`].
    pub(crate) fn try_recv(&mut self) -> wasmtime::Result<Result<Event, TryRecvError>> {
        let event = match self.ports.try_recv() {
            Ok(event) => event,
            Err(none) => return Ok(Err(none)),
        };
        self.budget.begin(1);
        lower(event, self.limits.inline, &mut self.handles).map(Ok)
    }

    /// What to do at the end of an epoch.
    pub(crate) fn epoch_ended(&mut self) -> wasmtime::Result<UpdateDeadline> {
        match self.budget.epoch_ended()? {
            Turn::Continue => Ok(UpdateDeadline::Continue(1)),
            Turn::Yield => Ok(UpdateDeadline::Yield(1)),
        }
    }
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
