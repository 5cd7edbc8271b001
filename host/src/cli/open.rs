//! From the path of a descriptor to a dataflow that can start, or to what a person must change.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::problems;
use super::progress::Progress;
use super::text::{error_text, help_text};
use crate::component::{CodeCache, Compiler, ComponentProblem, PrepareError};
use crate::dataflow::{Code, Dataflow};
use crate::descriptor::{DescriptorError, MAX_DESCRIPTOR_BYTES};
use crate::node::NotReady;
use crate::prepare::PreparedDataflow;

/// What is wrong with what the command was given: all of it, as it is shown, with line ends.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Rejection(pub(super) String);

/// The dataflow of a file. Its text is read once: it may be a pipe.
pub(super) fn dataflow(path: &Path) -> Result<Dataflow, Rejection> {
    let text = read(path).map_err(|error| {
        Rejection(error_text(&format!("cannot read the descriptor `{}`: {error}", path.display())))
    })?;
    let base = path.parent().unwrap_or(Path::new(""));
    Dataflow::from_text(&text, base).map_err(|error| describe(path, &text, &error))
}

fn describe(path: &Path, text: &str, error: &DescriptorError) -> Rejection {
    Rejection(problems::render(path, text, error, true))
}

/// The text, up to one byte more than is accepted: a device file does not end.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let most = u64::try_from(MAX_DESCRIPTOR_BYTES).unwrap_or(u64::MAX);
    File::open(path)?.take(most.saturating_add(1)).read_to_string(&mut text)?;
    Ok(text)
}

/// Compiles and links every component, and shows which one is being compiled.
pub(super) fn prepare(dataflow: Dataflow, cache: bool) -> Result<PreparedDataflow, Rejection> {
    let cache = cache.then(CodeCache::of_user).flatten();
    let compiler = Compiler::new(cache);
    let compiler = compiler.map_err(|error| Rejection(error_text(&format!("{error:#}"))))?;
    let mut progress = Progress::new(component_files(&dataflow));
    let prepared = PreparedDataflow::new(dataflow, &compiler, |path| progress.compiling(path));
    progress.finish();
    prepared.map_err(|errors| not_ready(errors.into_iter().map(NotReady::from)))
}

fn component_files(dataflow: &Dataflow) -> usize {
    let path = |node: &'_ crate::dataflow::Node| match &node.code {
        Code::Component(component) => Some(component.path.clone()),
        Code::Process(_) | Code::Attached | Code::Embedded => None,
    };
    let paths: std::collections::BTreeSet<_> = dataflow.nodes().iter().filter_map(path).collect();
    paths.len()
}

/// Nodes that cannot start: each on its own, and what helps.
pub(super) fn not_ready(errors: impl IntoIterator<Item = NotReady>) -> Rejection {
    let one = |error: NotReady| {
        let help = match &error {
            NotReady::Component(PrepareError { problem, .. }) => remedy(problem),
            // It says itself where it looked and what helps.
            NotReady::Process(_) | NotReady::Attached { .. } | NotReady::Late { .. } => None,
        };
        error_text(&error.to_string()) + &help.map(help_text).unwrap_or_default()
    };
    Rejection(errors.into_iter().map(one).collect::<Vec<_>>().join("\n"))
}

/// What to do, where the problem itself does not say it.
pub(super) fn remedy(problem: &ComponentProblem) -> Option<&'static str> {
    match problem {
        ComponentProblem::NotWasm => Some("`component` names a `.wasm` file"),
        ComponentProblem::Invalid(_) => Some(
            "build or download the file again; `sha256` in the descriptor tells of a changed file",
        ),
        ComponentProblem::NoWorld { .. } | ComponentProblem::TwoWorlds => Some(
            "`wit/world.wit` says what a node exports; `thalweg inspect` shows what this one does",
        ),
        ComponentProblem::UnknownImport { .. } | ComponentProblem::OtherType(_) => {
            Some("`thalweg inspect` shows all of its imports")
        }
        ComponentProblem::OverLimit(_) => Some("raise the limit under `limits` of this node"),
        ComponentProblem::Unreadable(_)
        | ComponentProblem::OtherDigest { .. }
        | ComponentProblem::OtherThanLocked { .. }
        | ComponentProblem::CoreModule
        | ComponentProblem::OtherVersion { .. }
        | ComponentProblem::TooLarge
        | ComponentProblem::NoRoom
        | ComponentProblem::NotReady(_) => None,
    }
}
