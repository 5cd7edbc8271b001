//! From compiled code to components that are ready to be instantiated, in one engine for a dataflow.

use std::time::Duration;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::compiler::{Compiler, config};
use super::error::ComponentProblem;
use super::imports;
use super::instance::Outcome;
use super::room::{Needs, Room, Taken};
use super::saving::Saving;
use super::state::NodeState;
use super::types::Event;

/// How often running components are looked at: the longest that one of them keeps a thread to itself. Never
/// where instructions are counted, which takes fifty times as long and must not depend on how long.
const EPOCH: Duration =
    if cfg!(feature = "counting") { Duration::MAX } else { Duration::from_millis(10) };

/// Bytes of a page of linear memory.
const PAGE: u64 = 64 << 10;

/// Core instances of one component: only counted, so generous.
const MAX_CORE_INSTANCES: u32 = 100;

/// A component that is compiled, linked and of a known world.
pub(crate) struct PreparedComponent {
    pub(crate) pre: InstancePre<NodeState>,
    pub(crate) world: World,
    /// Whether it imports anything of WASI.
    pub(crate) uses_wasi: bool,
    /// How it hands its state on, if it does.
    pub(super) saving: Option<Saving>,
    needs: Needs,
    /// What its instances take of the pool, where it is that of a node.
    _taken: Option<Taken>,
}

impl PreparedComponent {
    /// Whether it hands its state on, and takes that of another.
    pub(crate) fn has_state(&self) -> bool {
        self.saving.is_some()
    }
}

/// Which world a component is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// It exports `on-events`.
    Handler,
    /// It exports `run`.
    Program,
}

impl World {
    /// The function that the host calls.
    pub(crate) fn export(self) -> &'static str {
        match self {
            Self::Handler => "on-events",
            Self::Program => "run",
        }
    }
}

/// What the components of a dataflow need together, to make room for them beforehand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Demand {
    pub(crate) nodes: u32,
    pub(crate) memories: u32,
    pub(crate) tables: u32,
    pub(crate) most_memories: u32,
    pub(crate) most_tables: u32,
    pub(crate) memory_bytes: u64,
    pub(crate) table_elements: u64,
}

/// What a component may have of memories and tables to take the place of another, where no component of the
/// dataflow has more: those that carry an interpreter have about a dozen. It costs address space alone.
const SPARE: u32 = 16;

/// The engine of a dataflow and what its components may import.
pub(crate) struct Components {
    engine: Engine,
    linker: Linker<NodeState>,
    room: Room,
    /// What the engine was made for; none where it allocates piece by piece.
    pool: Option<Demand>,
}

impl Components {
    /// An engine with room for `demand`: reserved beforehand if this machine has the address space, and
    /// piece by piece otherwise, which is slower to start and the same to run.
    ///
    /// There is room for one instance more, of whichever component takes the place of another.
    pub(crate) fn new(demand: Demand) -> anyhow::Result<Self> {
        let demand = demand.with_spare();
        let mut pooled = config();
        pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(demand)));
        let engine = Engine::new(&pooled).map(|engine| (engine, Some(demand))).or_else(|error| {
            tracing::debug!(%error, "no room for a pool of instances; allocating one by one");
            Ok::<_, wasmtime::Error>((Engine::new(&config())?, None))
        });
        let (engine, pool) = engine.map_err(anyhow::Error::from)?;
        let room = Room::new(pool.map_or(Needs::ANY, Demand::total));
        let mut linker = Linker::new(&engine);
        imports::add_to_linker(&mut linker).map_err(anyhow::Error::from)?;
        spawn_epochs(&engine)?;
        Ok(Self { engine, linker, room, pool })
    }

    /// Makes a component of code that [`super::Compiler::compile`] gave.
    pub(crate) fn prepare(&self, code: &[u8]) -> Result<PreparedComponent, ComponentProblem> {
        let component = load(&self.engine, code)?;
        check_imports(&component)?;
        self.link(&component)
    }

    /// The component of one node, with room for its instance.
    ///
    /// # Errors
    ///
    /// Where there is no room. It is made for the nodes that there are, and one more.
    pub(crate) fn for_node(
        &self,
        component: &PreparedComponent,
    ) -> Result<PreparedComponent, ComponentProblem> {
        let taken = self.room.take(component.needs).ok_or(ComponentProblem::NoRoom)?;
        Ok(PreparedComponent {
            pre: component.pre.clone(),
            world: component.world,
            uses_wasi: component.uses_wasi,
            saving: component.saving.clone(),
            needs: component.needs,
            _taken: Some(taken),
        })
    }

    /// Whether the pool has places that a component fits into: looked at before it is put into the engine,
    /// which would say the same in words of its own.
    ///
    /// # Errors
    ///
    /// Where it has none.
    pub(crate) fn check_size(
        &self,
        compiler: &Compiler,
        code: &[u8],
    ) -> Result<(), ComponentProblem> {
        let Some(pool) = &self.pool else { return Ok(()) };
        let demand = demand_of(&load(compiler.engine(), code)?, 1);
        let fits = demand.most_memories <= pool.most_memories
            && demand.most_tables <= pool.most_tables
            && demand.memory_bytes <= pool.memory_bytes
            && demand.table_elements <= pool.table_elements;
        if fits { Ok(()) } else { Err(ComponentProblem::NoRoom) }
    }

    fn link(&self, component: &Component) -> Result<PreparedComponent, ComponentProblem> {
        let world = world_of(component)?;
        let pre = self.linker.instantiate_pre(component);
        let pre = pre.map_err(|error| ComponentProblem::OtherType(format!("{error:#}")))?;
        check_export(&pre, world).map_err(|error| {
            ComponentProblem::OtherType(format!("`{}`: {error:#}", world.export()))
        })?;
        let saving = Saving::of(&pre, world).map_err(|error| {
            ComponentProblem::OtherType(format!("`{}`: {error:#}", super::saving::EXPORT))
        })?;
        let uses_wasi = imports_of(component).iter().any(|name| is_wasi(name));
        let needs = demand_of(component, 1).total();
        Ok(PreparedComponent { pre, world, uses_wasi, saving, needs, _taken: None })
    }
}

#[cfg(test)]
impl Components {
    /// Offers one more function, which panics.
    pub(crate) fn add_panic(&mut self, name: &str, message: &'static str) {
        let panics = move |_: wasmtime::StoreContextMut<'_, NodeState>,
                           ()|
              -> wasmtime::Result<()> { panic!("{message}") };
        self.linker.root().func_wrap(name, panics).unwrap();
    }

    /// Like [`Self::prepare`], whatever the component imports.
    pub(crate) fn prepare_unchecked(
        &self,
        code: &[u8],
    ) -> Result<PreparedComponent, ComponentProblem> {
        self.link(&load(&self.engine, code)?)
    }
}

/// Puts compiled code into an engine.
pub(crate) fn load(engine: &Engine, code: &[u8]) -> Result<Component, ComponentProblem> {
    #[expect(unsafe_code, reason = "compiled code can only be loaded by an unsafe call")]
    // SAFETY: the code comes from this process's compiler, or from the cache, which gives only what this
    // user stored and what is whole by its digest. `cache.rs` tests what it refuses.
    let component = unsafe { Component::deserialize(engine, code) };
    component.map_err(|error| ComponentProblem::Invalid(format!("{error:#}")))
}

/// What `nodes` instances of a component need.
pub(crate) fn demand_of(component: &Component, nodes: u32) -> Demand {
    let needs = component.resources_required();
    let needs = needs.as_ref();
    let (memories, tables) = needs.map_or((1, 1), |needs| (needs.num_memories, needs.num_tables));
    let pages = needs.and_then(|needs| needs.max_initial_memory_size).unwrap_or(0);
    Demand {
        nodes,
        memories: memories * nodes,
        tables: tables * nodes,
        most_memories: memories,
        most_tables: tables,
        // What is over the limits of a node is refused by their name, not for want of room.
        memory_bytes: pages.saturating_mul(PAGE),
        table_elements: needs.and_then(|needs| needs.max_initial_table_size).unwrap_or(0),
    }
}

impl Demand {
    /// The same, and one instance more. Where no component runs, none can be swapped.
    fn with_spare(self) -> Self {
        if self.nodes == 0 {
            return self;
        }
        let most_memories = self.most_memories.max(SPARE);
        let most_tables = self.most_tables.max(SPARE);
        Self {
            nodes: self.nodes + 1,
            memories: self.memories + most_memories,
            tables: self.tables + most_tables,
            most_memories,
            most_tables,
            ..self
        }
    }

    /// All of it together.
    fn total(self) -> Needs {
        Needs { instances: self.nodes, memories: self.memories, tables: self.tables }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            nodes: self.nodes + other.nodes,
            memories: self.memories + other.memories,
            tables: self.tables + other.tables,
            most_memories: self.most_memories.max(other.most_memories),
            most_tables: self.most_tables.max(other.most_tables),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            table_elements: self.table_elements.max(other.table_elements),
        }
    }
}

fn pool(demand: Demand) -> PoolingAllocationConfig {
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(demand.nodes)
        .total_core_instances(demand.nodes.saturating_mul(MAX_CORE_INSTANCES))
        .total_memories(demand.memories)
        .total_tables(demand.tables)
        // A component that waits in the middle of a call keeps its stack, and all may wait at once.
        .total_stacks(demand.nodes)
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(demand.most_memories)
        .max_memories_per_module(demand.most_memories)
        .max_tables_per_component(demand.most_tables)
        .max_tables_per_module(demand.most_tables)
        .max_memory_size(size(demand.memory_bytes))
        .table_elements(size(demand.table_elements));
    pool
}

/// Ends an epoch every [`EPOCH`], for as long as the engine lives.
fn spawn_epochs(engine: &Engine) -> std::io::Result<()> {
    let engine: EngineWeak = engine.weak();
    std::thread::Builder::new().name("thalweg-epochs".into()).spawn(move || {
        loop {
            std::thread::sleep(EPOCH);
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
        }
    })?;
    Ok(())
}

fn world_of(component: &Component) -> Result<World, ComponentProblem> {
    let ty = component.component_type();
    let exports = ty
        .exports(component.engine())
        .map(|(name, item)| (name.to_owned(), matches!(item.ty, ComponentItem::ComponentFunc(_))));
    let exports: Vec<_> = exports.collect();
    world_by(&exports)
}

/// The world by the names of all exports, each with whether it is a function.
pub(super) fn world_by(exports: &[(String, bool)]) -> Result<World, ComponentProblem> {
    let exports_function =
        |wanted: &str| exports.iter().any(|(name, function)| name == wanted && *function);
    match (exports_function(World::Handler.export()), exports_function(World::Program.export())) {
        (true, false) => Ok(World::Handler),
        (false, true) => Ok(World::Program),
        (true, true) => Err(ComponentProblem::TwoWorlds),
        (false, false) => {
            let names: Vec<_> = exports.iter().map(|(name, _)| format!("`{name}`")).collect();
            let exports = if names.is_empty() { "nothing".into() } else { names.join(", ") };
            Err(ComponentProblem::NoWorld { exports })
        }
    }
}

/// Tells before the start what would otherwise be found at it: that the function has another type.
fn check_export(pre: &InstancePre<NodeState>, world: World) -> wasmtime::Result<()> {
    let component = pre.component();
    let ty = component.component_type();
    let export = ty.get_export(component.engine(), world.export());
    let Some(ComponentItem::ComponentFunc(function)) = export.map(|export| export.ty) else {
        return Ok(());
    };
    let types = pre.instance_type();
    match world {
        World::Handler => function.typecheck::<(Vec<Event>,), Outcome>(&types),
        World::Program => function.typecheck::<(), Outcome>(&types),
    }
}

fn check_imports(component: &Component) -> Result<(), ComponentProblem> {
    imports_of(component).iter().try_for_each(|import| check_import(import))
}

/// Whether the host offers an import of this name.
pub(super) fn check_import(import: &str) -> Result<(), ComponentProblem> {
    let import = import.to_owned();
    if import.starts_with("thalweg:node/") && !import.ends_with("@0.1.0") {
        return Err(ComponentProblem::OtherVersion { import });
    }
    if is_ours(&import) || is_wasi(&import) {
        Ok(())
    } else {
        Err(ComponentProblem::UnknownImport { import })
    }
}

/// Whether an interface is one that only this host gives its meaning, and that reaches nothing outside.
pub(super) fn is_ours(import: &str) -> bool {
    import.starts_with("thalweg:node/") || import == "wasi:logging/logging@0.1.0-draft"
}

pub(super) fn is_wasi(import: &str) -> bool {
    const PACKAGES: [&str; 6] = [
        "wasi:cli/",
        "wasi:clocks/",
        "wasi:filesystem/",
        "wasi:io/",
        "wasi:random/",
        "wasi:sockets/",
    ];
    PACKAGES.iter().any(|package| import.starts_with(package)) && import.contains("@0.2.")
}

fn imports_of(component: &Component) -> Vec<String> {
    let ty = component.component_type();
    ty.imports(component.engine()).map(|(name, _)| name.to_owned()).collect()
}
