//! The lock file of a dataflow: which files it runs, by their digests, and what each node is given, as someone
//! approved it.
//!
//! It lies beside the descriptor (`flow.yaml`, `flow.lock`), is TOML, and has the nodes in the order of their
//! names, so that a change to the dataflow is a small change to it.

mod error;
mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::capability::{Capability, capabilities, dataflow_capabilities};
use crate::dataflow::{Code, Dataflow, Node};
use crate::digest::Digest;

pub use error::{LockError, LockProblem};

/// What was approved of a dataflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// What the dataflow as a whole is given.
    given: Vec<String>,
    nodes: BTreeMap<String, LockedNode>,
}

/// What was approved of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LockedNode {
    kind: Kind,
    /// What runs it, as the descriptor writes it.
    file: Option<String>,
    sha256: Option<Digest>,
    /// What it is given, each in one line, sorted.
    given: Vec<String>,
}

/// What kind of code runs a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Component,
    Script,
    Attached,
    Embedded,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Component, Self::Script, Self::Attached, Self::Embedded];

    fn name(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Script => "script",
            Self::Attached => "attached",
            Self::Embedded => "embedded",
        }
    }
}

impl Lock {
    /// What a dataflow is now. Reads its components and scripts.
    ///
    /// # Errors
    ///
    /// The files that cannot be read, or are not what the descriptor pins.
    pub fn of(dataflow: &Dataflow) -> Result<Self, Vec<LockProblem>> {
        let mut problems = Vec::new();
        let mut nodes = BTreeMap::new();
        for node in dataflow.nodes() {
            let mut locked = described(dataflow, node);
            match digest(node) {
                Ok(sha256) => locked.sha256 = sha256,
                Err(problem) => problems.push(problem),
            }
            nodes.insert(node.id.to_string(), locked);
        }
        let given = texts(&dataflow_capabilities(dataflow));
        if problems.is_empty() { Ok(Self { given, nodes }) } else { Err(problems) }
    }

    /// Where the lock file of a descriptor lies: beside it, with `.lock` in place of its extension.
    pub fn path_for(descriptor: &Path) -> PathBuf {
        descriptor.with_extension("lock")
    }

    /// How many nodes it has.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Holds a dataflow to what was approved: every node is in the lock and the other way round, runs the same
    /// file, and is given the same. The result prepares only components with the locked digests, of the
    /// very bytes that are compiled. Scripts are read and compared now, and again before each start of
    /// their process; what they import, and what runs them, is not held.
    ///
    /// # Errors
    ///
    /// Everything that is not as approved.
    pub fn hold(&self, mut dataflow: Dataflow) -> Result<Dataflow, Vec<LockProblem>> {
        let whole = differences(&self.given, &texts(&dataflow_capabilities(&dataflow)));
        let whole = whole.map(|(more, less)| LockProblem::OtherWhole { more, less });
        let mut problems: Vec<_> = whole.into_iter().collect();
        for node in dataflow.nodes() {
            match self.nodes.get(node.id.as_str()) {
                Some(locked) => problems.extend(locked.differences(&dataflow, node)),
                None => problems.push(LockProblem::NotLocked {
                    node: node.id.clone(),
                    file: described(&dataflow, node).file,
                }),
            }
        }
        let gone = self.nodes.keys().filter(|id| dataflow.position(id).is_none());
        problems.extend(gone.map(|id| LockProblem::Gone { node: id.clone() }));
        if !problems.is_empty() {
            return Err(problems);
        }
        for node in &mut dataflow.nodes {
            let locked = self.nodes.get(node.id.as_str()).and_then(|locked| locked.sha256);
            match &mut node.code {
                Code::Component(component) => component.locked = locked,
                Code::Process(process) => process.locked = locked,
                Code::Attached | Code::Embedded => {}
            }
        }
        Ok(dataflow)
    }

    /// Holds a dataflow to the lock file of its descriptor. See [`Self::hold`].
    ///
    /// # Errors
    ///
    /// [`LockError`]
    pub fn enforce(descriptor: &Path, dataflow: Dataflow) -> Result<Dataflow, LockError> {
        let path = Self::path_for(descriptor);
        let held = Self::read(&path)?.hold(dataflow);
        held.map_err(|problems| LockError::Differs { path, problems })
    }
}

impl LockedNode {
    /// What of a node is not as it was approved. The digest of a component is compared when it is prepared.
    fn differences(&self, dataflow: &Dataflow, node: &Node) -> Vec<LockProblem> {
        let mut problems = Vec::new();
        let id = || node.id.clone();
        let now = described(dataflow, node);
        if (self.kind, &self.file) != (now.kind, &now.file) {
            problems.push(LockProblem::OtherCode {
                node: id(),
                locked: self.code(),
                now: now.code(),
            });
        } else {
            problems.extend(self.other_digest(node));
        }
        if let Some((more, less)) = differences(&self.given, &now.given) {
            problems.push(LockProblem::OtherGrants { node: id(), more, less });
        }
        problems
    }

    fn other_digest(&self, node: &Node) -> Option<LockProblem> {
        let locked = self.sha256?;
        match &node.code {
            Code::Component(component) => {
                let pinned = component.sha256.map(Digest::from).filter(|pin| *pin != locked)?;
                let (node, path) = (node.id.clone(), component.path.clone());
                Some(LockProblem::OtherPin { node, path, pinned, locked })
            }
            Code::Process(process) => match digest(node) {
                Ok(Some(actual)) if actual != locked => {
                    let (node, path) = (node.id.clone(), process.script.clone());
                    Some(LockProblem::OtherScript { node, path, locked, actual })
                }
                other => other.err(),
            },
            Code::Attached | Code::Embedded => None,
        }
    }

    fn code(&self) -> String {
        match &self.file {
            Some(file) => format!("the {} `{file}`", self.kind.name()),
            None => format!("`{}`", self.kind.name()),
        }
    }
}

/// A node as it is now, without the digest of its file.
fn described(dataflow: &Dataflow, node: &Node) -> LockedNode {
    let (kind, path) = match &node.code {
        Code::Component(component) => (Kind::Component, Some(&component.path)),
        Code::Process(process) => (Kind::Script, Some(&process.script)),
        Code::Attached => (Kind::Attached, None),
        Code::Embedded => (Kind::Embedded, None),
    };
    let given = texts(&capabilities(dataflow, node));
    let file = path.map(|path| dataflow.as_written(path).to_string_lossy().into_owned());
    LockedNode { kind, file, sha256: None, given }
}

/// Each in its line, sorted.
fn texts(given: &[Capability]) -> Vec<String> {
    let mut texts: Vec<_> = given.iter().map(ToString::to_string).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// What is given now and not locked, and the other way round; none where there is neither.
fn differences(locked: &[String], now: &[String]) -> Option<(Vec<String>, Vec<String>)> {
    let beyond = |these: &[String], those: &[String]| {
        let beyond = these.iter().filter(|one| !those.contains(one));
        beyond.cloned().collect::<Vec<_>>()
    };
    let (more, less) = (beyond(now, locked), beyond(locked, now));
    (!more.is_empty() || !less.is_empty()).then_some((more, less))
}

/// The digest of the file that runs a node; none where none does.
fn digest(node: &Node) -> Result<Option<Digest>, LockProblem> {
    let (path, pinned) = match &node.code {
        Code::Component(component) => (&component.path, component.sha256.map(Digest::from)),
        Code::Process(process) => (&process.script, None),
        Code::Attached | Code::Embedded => return Ok(None),
    };
    let (id, path) = (node.id.clone(), path.clone());
    match std::fs::read(&path).map(|bytes| Digest::of(&bytes)) {
        Err(source) => Err(LockProblem::Unreadable { node: id, path, source }),
        Ok(actual) => match pinned.filter(|pinned| *pinned != actual) {
            Some(pinned) => Err(LockProblem::OtherThanPinned { node: id, path, pinned, actual }),
            None => Ok(Some(actual)),
        },
    }
}
