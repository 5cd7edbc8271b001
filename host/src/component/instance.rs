//! One running component, from its instance to its end.

use std::sync::Arc;

use wasmtime::component::{ResourceTableError, TypedFunc};
use wasmtime::{Store, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::engine::{PreparedComponent, World};
use super::error::ComponentProblem;
use super::handles::MAX_HANDLES;
use super::meter::Usage;
use super::state::NodeState;
use super::types::Event;
use super::wasi;
use crate::dataflow::{self, Limits};
use crate::event::Parameters;
use crate::exit::{Limit, NodeExit, beginning};
use crate::log::NodeLog;
use crate::ports::{MAX_BATCH, Ports};

/// Guest functions in a backtrace, innermost first.
const MAX_FRAMES: usize = 20;
/// Bytes of each: the names are the component's own.
const MAX_FRAME_BYTES: usize = 1024;

/// What an instance is made of, beside its component.
pub(crate) struct InstanceSetup {
    pub(crate) ports: Ports,
    pub(crate) parameters: Parameters,
    pub(crate) log: NodeLog,
    pub(crate) usage: Arc<Usage>,
}

/// A component with memory of its own, and the function that the host calls.
pub(crate) struct Instance {
    store: Store<NodeState>,
    entry: Entry,
}

/// What the function of either world gives.
pub(crate) type Outcome = (Result<(), String>,);

enum Entry {
    OnEvents(TypedFunc<(Vec<Event>,), Outcome>),
    Run(TypedFunc<(), Outcome>),
}

impl Instance {
    /// Instantiates a component. Its start functions run here, within its limits.
    pub(crate) async fn new(
        component: &PreparedComponent,
        code: &dataflow::Component,
        setup: InstanceSetup,
    ) -> Result<Self, ComponentProblem> {
        let wasi =
            component.uses_wasi.then(|| wasi::context(code, &setup.log, &setup.usage)).transpose();
        let wasi = wasi.map_err(|error| ComponentProblem::NotReady(format!("{error:#}")))?;
        let InstanceSetup { ports, parameters, log, usage } = setup;
        let mut state = NodeState::new(ports, parameters, log, code.limits, usage, wasi);
        state.budget.renewed_by_sending = component.world == World::Program;
        let mut store = Store::new(component.pre.engine(), state);
        limit(&mut store, &code.limits);
        let instance = component.pre.instantiate_async(&mut store).await.map_err(start_problem)?;
        let export = component.world.export();
        let entry = match component.world {
            World::Handler => instance.get_typed_func(&mut store, export).map(Entry::OnEvents),
            World::Program => instance.get_typed_func(&mut store, export).map(Entry::Run),
        };
        let entry = entry.map_err(|error| ComponentProblem::OtherType(format!("{error:#}")))?;
        Ok(Self { store, entry })
    }

    /// Runs it to its end. The instance is gone afterwards, and with it the node's ports.
    pub(crate) async fn run(mut self) -> NodeExit {
        let outcome = match self.entry {
            Entry::OnEvents(on_events) => call_with_events(&mut self.store, &on_events).await,
            Entry::Run(run) => run.call_async(&mut self.store, ()).await.map(|(outcome,)| outcome),
        };
        match outcome {
            Ok(Ok(())) => NodeExit::Finished,
            Ok(Err(message)) => NodeExit::failed(message),
            Err(error) => exit_of(&error),
        }
    }
}

/// Calls with batches until the stream has ended.
async fn call_with_events(
    store: &mut Store<NodeState>,
    on_events: &TypedFunc<(Vec<Event>,), Outcome>,
) -> wasmtime::Result<Result<(), String>> {
    loop {
        let events = store.data_mut().recv_batch(MAX_BATCH).await?;
        if events.is_empty() {
            return Ok(Ok(()));
        }
        let (outcome,) = on_events.call_async(&mut *store, (events,)).await?;
        if outcome.is_err() || store.data().finished {
            return Ok(outcome);
        }
    }
}

fn limit(store: &mut Store<NodeState>, limits: &Limits) {
    store.limiter(|state| state);
    // Ours is counted first, so that the end has its name.
    store.set_max_component_handles(2 * MAX_HANDLES);
    // What one call may copy out: a payload that is too large by up to as much again is refused with an
    // error that the component can act on; beyond that it traps.
    let payload = usize::try_from(limits.payload).unwrap_or(usize::MAX);
    store.set_hostcall_fuel(payload.saturating_mul(2).max(1024 * 1024));
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| store.data_mut().epoch_ended());
}

fn start_problem(error: wasmtime::Error) -> ComponentProblem {
    match exit_of(&error) {
        NodeExit::OverLimit(limit) => ComponentProblem::OverLimit(limit.to_string()),
        NodeExit::Trapped { trap, .. } => {
            ComponentProblem::NotReady(format!("its start function trapped: {trap}"))
        }
        other => ComponentProblem::NotReady(other.to_string()),
    }
}

fn exit_of(error: &wasmtime::Error) -> NodeExit {
    if let Some(limit) = error.downcast_ref::<Limit>() {
        return NodeExit::OverLimit(*limit);
    }
    // The handles of WASI are in the same table, and are not made by us.
    if let Some(ResourceTableError::Full) = error.downcast_ref() {
        return NodeExit::OverLimit(Limit::Handles { limit: MAX_HANDLES });
    }
    match error.downcast_ref::<I32Exit>() {
        Some(I32Exit(0)) => NodeExit::Finished,
        Some(I32Exit(code)) => NodeExit::Exited { code: *code },
        None => NodeExit::Trapped { trap: trap_text(error), backtrace: backtrace(error) },
    }
}

fn trap_text(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    }
}

fn backtrace(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    let frames = backtrace.frames().iter().take(MAX_FRAMES);
    frames
        .map(|frame| {
            let name = frame.func_name().map_or_else(
                || format!("function {}", frame.func_index()),
                |name| format!("{:#}", rustc_demangle::demangle(name)),
            );
            match frame.symbols().first().and_then(|symbol| Some((symbol.file()?, symbol.line()?)))
            {
                Some((file, line)) => format!("{name} at {file}:{line}"),
                None => name,
            }
        })
        .map(|frame| beginning(frame, MAX_FRAME_BYTES))
        .collect()
}
