//! One running component, from its instance to its end.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use wasmtime::component::{self, ResourceTableError, TypedFunc};
use wasmtime::{Store, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::engine::{PreparedComponent, World};
use super::error::ComponentProblem;
use super::handles::MAX_HANDLES;
use super::meter::Usage;
use super::rest::{Laid, Rest, Wish};
use super::state::NodeState;
use super::types::Event;
use super::wasi;
use crate::dataflow::{self, Limits};
use crate::event::Parameters;
use crate::exit::{Limit, MAX_FAILURE_BYTES, NodeExit, beginning};
use crate::log::NodeLog;
use crate::ports::{MAX_BATCH, Ports};

/// Guest functions in a backtrace, innermost first.
const MAX_FRAMES: usize = 20;
/// Bytes of each: the names are the component's own.
const MAX_FRAME_BYTES: usize = 1024;

/// What an instance is made of, beside its component.
pub(crate) struct InstanceSetup {
    /// None where it is to take the place of another; see [`Instance::take_over`].
    pub(crate) ports: Option<Ports>,
    pub(crate) parameters: Parameters,
    pub(crate) log: NodeLog,
    pub(crate) usage: Arc<Usage>,
    pub(crate) rest: Arc<Rest>,
}

/// A component with memory of its own, and the function that the host calls.
pub(crate) struct Instance {
    store: Store<NodeState>,
    instance: component::Instance,
    entry: Entry,
    /// Dropped last: it holds the room that the store takes.
    component: Arc<PreparedComponent>,
}

/// An instance that runs. Dropping it ends the instance, wherever it is.
pub(crate) struct Course {
    running: Pin<Box<dyn Future<Output = NodeExit> + Send>>,
    rest: Arc<Rest>,
}

/// Why an instance does not go on.
pub(crate) enum Pause {
    Ended(NodeExit),
    /// It is at rest, as it was asked to be: nothing is in hand.
    AtRest(Laid),
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
        component: Arc<PreparedComponent>,
        code: &dataflow::Component,
        setup: InstanceSetup,
    ) -> Result<Self, ComponentProblem> {
        let wasi =
            component.uses_wasi.then(|| wasi::context(code, &setup.log, &setup.usage)).transpose();
        let wasi = wasi.map_err(|error| ComponentProblem::NotReady(format!("{error:#}")))?;
        let mut state = NodeState::new(setup, code.limits, wasi);
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
        Ok(Self { store, instance, entry, component })
    }

    /// Gives it what another instance saved. To be called once, before it runs, where it has state.
    ///
    /// # Errors
    ///
    /// What it says against it, or that it came to a bad end. It is not to be used then.
    pub(crate) async fn restore(&mut self, state: Vec<u8>) -> Result<(), String> {
        let Some(saving) = &self.component.saving else { return Ok(()) };
        match saving.restore(&mut self.store, self.instance, state).await {
            Ok(restored) => restored.map_err(|message| beginning(message, MAX_FAILURE_BYTES)),
            Err(error) => Err(exit_of(&error).to_string()),
        }
    }

    /// Gives it the ports that another laid down.
    pub(crate) fn take_over(&mut self, ports: Ports) {
        self.store.data_mut().ports = Some(ports);
    }

    /// Runs it. With its end the instance is gone, and with it the node's ports.
    pub(crate) fn run(self) -> Course {
        let rest = Arc::clone(&self.store.data().rest);
        Course { running: Box::pin(self.run_to_end()), rest }
    }

    async fn run_to_end(mut self) -> NodeExit {
        let outcome = match self.entry {
            Entry::OnEvents(ref on_events) => {
                let (component, instance) = (&self.component, self.instance);
                call_with_events(&mut self.store, on_events, component, instance).await
            }
            Entry::Run(run) => run.call_async(&mut self.store, ()).await.map(|(outcome,)| outcome),
        };
        match outcome {
            Ok(Ok(())) => NodeExit::Finished,
            Ok(Err(message)) => NodeExit::failed(message),
            Err(error) => exit_of(&error),
        }
    }
}

impl Course {
    /// Returns when the instance has ended, or is at rest. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Pause {
        poll_fn(|context| match self.running.as_mut().poll(context) {
            Poll::Ready(exit) => Poll::Ready(Pause::Ended(exit)),
            Poll::Pending => match self.rest.take() {
                Some(laid) => Poll::Ready(Pause::AtRest(laid)),
                None => Poll::Pending,
            },
        })
        .await
    }

    /// Lets an instance that is at rest go on, with the next call of [`Self::next`].
    pub(crate) fn go_on(&mut self, ports: Ports) {
        self.rest.put_back(ports);
    }
}

/// Calls with batches until the stream has ended.
async fn call_with_events(
    store: &mut Store<NodeState>,
    on_events: &TypedFunc<(Vec<Event>,), Outcome>,
    component: &PreparedComponent,
    instance: component::Instance,
) -> wasmtime::Result<Result<(), String>> {
    loop {
        let Some(events) = store.data_mut().recv_unless_asked(MAX_BATCH).await? else {
            rest(store, component, instance).await?;
            continue;
        };
        if events.is_empty() {
            return Ok(Ok(()));
        }
        let (outcome,) = on_events.call_async(&mut *store, (events,)).await?;
        if outcome.is_err() || store.data().finished {
            return Ok(outcome);
        }
    }
}

/// Lays down the ports, and the state where that is wished; goes on when they are put back.
async fn rest(
    store: &mut Store<NodeState>,
    component: &PreparedComponent,
    instance: component::Instance,
) -> wasmtime::Result<()> {
    // Without its ports it cannot send while it saves.
    let Some(ports) = store.data_mut().ports.take() else { return Ok(()) };
    let saving = component.saving.as_ref().filter(|_| store.data().rest.wish() == Wish::Save);
    let saved = match saving {
        Some(saving) => Some(saving.save(store, instance).await?),
        None => None,
    };
    store.data_mut().lay_down(ports, saved).await;
    Ok(())
}

fn limit(store: &mut Store<NodeState>, limits: &Limits) {
    store.limiter(|state| state);
    // Ours are counted first, those of payloads and those of WASI, so that the end has its name.
    store.set_max_component_handles(3 * MAX_HANDLES);
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
