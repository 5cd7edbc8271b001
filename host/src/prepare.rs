//! From a checked graph to one that can start: every component read, compiled and linked.

mod replacement;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::component::{
    Compiler, ComponentProblem, Components, Demand, PrepareError, PreparedComponent, demand_of,
    load, read,
};
use crate::dataflow::{self, Dataflow};
use crate::digest::Digest;
use crate::id::NodeId;
use crate::node::Code;
use crate::ports::Ports;

pub(crate) use replacement::{Replacement, Replacements};

/// A dataflow that can start.
pub struct PreparedDataflow {
    pub(crate) dataflow: Dataflow,
    /// For each node its component; none for other kinds of nodes.
    components: Vec<Option<Arc<PreparedComponent>>>,
    embedded: BTreeMap<usize, Code>,
    replacements: Replacements,
}

/// What a dataflow starts with.
pub(crate) struct Parts {
    pub(crate) dataflow: Dataflow,
    /// What runs each node; none where processes attach to it.
    pub(crate) codes: Vec<Option<Code>>,
    pub(crate) replacements: Replacements,
}

/// A component file, compiled.
struct Compiled {
    code: Vec<u8>,
    digest: Digest,
}

impl PreparedDataflow {
    /// Reads, compiles and links every component, each file once. `progress` is called with each file
    /// before it is compiled; it may take seconds for a large one.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any component.
    pub fn new(
        dataflow: Dataflow,
        compiler: &Compiler,
        mut progress: impl FnMut(&Path),
    ) -> Result<Self, Vec<PrepareError>> {
        let (compiled, mut errors) = compile_all(&dataflow, compiler, &mut progress);
        if !errors.is_empty() {
            return Err(errors);
        }
        let components = Components::new(demand(&dataflow, compiler, &compiled));
        let components = components.map_err(|error| machine_error(&dataflow, &error))?;
        let mut by_path = BTreeMap::new();
        for (path, compiled) in &compiled {
            match components.prepare(&compiled.code) {
                Ok(component) => drop(by_path.insert(path.clone(), component)),
                Err(problem) => errors.extend(first_user(&dataflow, path, problem)),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let component = |node: &dataflow::Node| {
            let path = &component_of(node)?.path;
            let component = components.for_node(by_path.get(path)?);
            Some(component.map(Arc::new).map_err(|problem| PrepareError {
                node: node.id.clone(),
                path: path.clone(),
                problem,
            }))
        };
        let placed = dataflow.nodes().iter().map(|node| component(node).transpose());
        let placed = placed.collect::<Result<_, _>>().map_err(|error| vec![error])?;
        Ok(Self::with_components(dataflow, placed, compiler.clone(), components))
    }

    fn with_components(
        dataflow: Dataflow,
        prepared: Vec<Option<Arc<PreparedComponent>>>,
        compiler: Compiler,
        components: Components,
    ) -> Self {
        let code = |node: &dataflow::Node| component_of(node).cloned().map(Arc::new);
        let codes = dataflow.nodes().iter().map(|node| (node.id.clone(), code(node))).collect();
        let replacements = Replacements { compiler, components, codes };
        Self { dataflow, components: prepared, embedded: BTreeMap::new(), replacements }
    }

    /// Supplies the code of a node that the descriptor calls `embedded`. It runs as a task of its own;
    /// what it returns is how the node ends, and a panic ends this node alone. There is one instance of
    /// it: [`crate::Control::restart`] refuses the node; see [`Self::embed_restartable`].
    ///
    /// # Errors
    ///
    /// [`EmbedError`] when there is no such node, or when it is of another kind.
    pub fn embed<F, R>(&mut self, id: &str, node: F) -> Result<(), EmbedError>
    where
        F: FnOnce(Ports) -> R + Send + 'static,
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.supply(id, Code::EmbeddedOnce(Box::new(move |ports| Box::pin(node(ports)))))
    }

    /// Supplies like [`Self::embed`] the code of a node that may be started again: it is called for each
    /// instance. An instance that is to make way for another is dropped at its next await.
    ///
    /// # Errors
    ///
    /// As [`Self::embed`].
    pub fn embed_restartable<F, R>(&mut self, id: &str, node: F) -> Result<(), EmbedError>
    where
        F: Fn(Ports) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.supply(id, Code::Embedded(Arc::new(move |ports| Box::pin(node(ports)))))
    }

    fn supply(&mut self, id: &str, code: Code) -> Result<(), EmbedError> {
        let position = self.dataflow.position(id);
        let position = position.ok_or_else(|| EmbedError::UnknownNode { node: id.into() })?;
        let known = self.dataflow.nodes().get(position).map(|node| &node.code);
        if !matches!(known, Some(dataflow::Code::Embedded)) {
            return Err(EmbedError::NotEmbedded { node: id.into() });
        }
        self.embedded.insert(position, code);
        Ok(())
    }

    /// The graph.
    pub fn dataflow(&self) -> &Dataflow {
        &self.dataflow
    }

    /// Takes it apart.
    ///
    /// # Errors
    ///
    /// The embedded nodes that nobody supplied.
    pub(crate) fn into_parts(mut self) -> Result<Parts, Vec<NodeId>> {
        let mut codes = Vec::with_capacity(self.components.len());
        let mut missing = Vec::new();
        let nodes = self.dataflow.nodes().iter().zip(self.components);
        let nodes = nodes.zip(&self.replacements.codes).enumerate();
        for (position, ((node, component), (_, code))) in nodes {
            let code = match &node.code {
                dataflow::Code::Component(_) => component
                    .zip(code.clone())
                    .map(|(component, code)| Code::Component(component, code)),
                dataflow::Code::Process(process) => {
                    Some(Code::Process(Arc::new(dataflow::Process::clone(process))))
                }
                dataflow::Code::Attached => {
                    codes.push(None);
                    continue;
                }
                dataflow::Code::Embedded => self.embedded.remove(&position),
            };
            match code {
                Some(code) => codes.push(Some(code)),
                None => missing.push(node.id.clone()),
            }
        }
        let Self { dataflow, replacements, .. } = self;
        if missing.is_empty() { Ok(Parts { dataflow, codes, replacements }) } else { Err(missing) }
    }
}

#[cfg(test)]
impl PreparedDataflow {
    /// Runs every node that is a component by this one.
    pub(crate) fn with_component(dataflow: Dataflow, component: &Arc<PreparedComponent>) -> Self {
        let component = |node| component_of(node).map(|_| Arc::clone(component));
        let prepared = dataflow.nodes().iter().map(component).collect();
        let components = Components::new(Demand::default()).expect("this machine has an engine");
        let compiler = Compiler::new(None).expect("this machine has a compiler");
        Self::with_components(dataflow, prepared, compiler, components)
    }
}

/// Why a node cannot be supplied by the embedding program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// The dataflow has no such node.
    #[error("the dataflow has no node `{node}`")]
    UnknownNode {
        /// The name that was asked for.
        node: Box<str>,
    },
    /// The node is of another kind.
    #[error("node `{node}` is not `embedded: true`; only such a node is supplied by the program")]
    NotEmbedded {
        /// The node.
        node: Box<str>,
    },
}

fn component_of(node: &dataflow::Node) -> Option<&dataflow::Component> {
    match &node.code {
        dataflow::Code::Component(component) => Some(component),
        dataflow::Code::Process(_) | dataflow::Code::Attached | dataflow::Code::Embedded => None,
    }
}

fn compile_all(
    dataflow: &Dataflow,
    compiler: &Compiler,
    progress: &mut dyn FnMut(&Path),
) -> (BTreeMap<PathBuf, Compiled>, Vec<PrepareError>) {
    let mut compiled: BTreeMap<PathBuf, Result<Compiled, ()>> = BTreeMap::new();
    let mut errors = Vec::new();
    for node in dataflow.nodes() {
        let Some(component) = component_of(node) else { continue };
        let path = &component.path;
        let mut fail = |problem| {
            errors.push(PrepareError { node: node.id.clone(), path: path.clone(), problem });
        };
        let entry = compiled
            .entry(path.clone())
            .or_insert_with(|| compile(path, compiler, progress).map_err(&mut fail));
        if let Ok(known) = entry
            && let Err(problem) = demanded(component, known.digest)
        {
            fail(problem);
        }
    }
    let compiled = compiled.into_iter().filter_map(|(path, code)| Some((path, code.ok()?)));
    (compiled.collect(), errors)
}

/// Whether a file with this digest is what the descriptor pins and what was approved.
fn demanded(component: &dataflow::Component, actual: Digest) -> Result<(), ComponentProblem> {
    let other = |digest: &Digest| *digest != actual;
    if let Some(pinned) = component.sha256.map(Digest::from).filter(other) {
        return Err(ComponentProblem::OtherDigest { pinned, actual });
    }
    match component.locked.filter(other) {
        Some(locked) => Err(ComponentProblem::OtherThanLocked { locked, actual }),
        None => Ok(()),
    }
}

fn compile(
    path: &Path,
    compiler: &Compiler,
    progress: &mut dyn FnMut(&Path),
) -> Result<Compiled, ComponentProblem> {
    let (bytes, digest) = read(path)?;
    progress(path);
    Ok(Compiled { code: compiler.compile(&bytes, digest)?, digest })
}

fn demand(
    dataflow: &Dataflow,
    compiler: &Compiler,
    compiled: &BTreeMap<PathBuf, Compiled>,
) -> Demand {
    let mut nodes: BTreeMap<&Path, u32> = BTreeMap::new();
    let mut demand = Demand::default();
    for component in dataflow.nodes().iter().filter_map(component_of) {
        *nodes.entry(&component.path).or_default() += 1;
        demand = demand.and(Demand {
            memory_bytes: component.limits.memory,
            table_elements: component.limits.table_elements,
            ..Demand::default()
        });
    }
    for (path, nodes) in nodes {
        // What cannot be loaded is reported when it is prepared.
        if let Some(compiled) = compiled.get(path)
            && let Ok(component) = load(compiler.engine(), &compiled.code)
        {
            demand = demand.and(demand_of(&component, nodes));
        }
    }
    demand
}

/// A file is prepared once; what is wrong with it is told of the first node that runs it.
fn first_user(dataflow: &Dataflow, path: &Path, problem: ComponentProblem) -> Option<PrepareError> {
    let runs_it = |node: &&dataflow::Node| component_of(node).is_some_and(|c| c.path == path);
    let node = dataflow.nodes().iter().find(runs_it)?;
    Some(PrepareError { node: node.id.clone(), path: path.to_owned(), problem })
}

fn machine_error(dataflow: &Dataflow, error: &anyhow::Error) -> Vec<PrepareError> {
    let problem = ComponentProblem::NotReady(format!("{error:#}"));
    let first = dataflow.nodes().iter().find_map(|node| Some((node, component_of(node)?)));
    let error = first.map(|(node, component)| PrepareError {
        node: node.id.clone(),
        path: component.path.clone(),
        problem,
    });
    error.into_iter().collect()
}
