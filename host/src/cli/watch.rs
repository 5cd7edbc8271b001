//! `thalweg run --watch`: component files that change take the place of those that run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{self, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use super::eprint;
use super::open::Rejection;
use super::text::{error_text, help_text, visible};
use crate::dataflow::{Code, Dataflow};
use crate::runtime::{Control, OldState, SwapError};

/// A file is taken to be whole when nothing has happened to it for so long.
const SETTLE: Duration = Duration::from_millis(200);

/// The component files of a dataflow, watched until this is dropped.
pub(super) struct Watch {
    files: Arc<Files>,
    /// It has a thread of its own.
    _watcher: RecommendedWatcher,
}

struct Files {
    nodes: Vec<Watched>,
    /// The numbers, in `nodes`, of those whose files have changed.
    changed: Mutex<BTreeSet<usize>>,
    news: Notify,
}

/// The file of a node.
struct Watched {
    node: String,
    path: PathBuf,
    /// Where it is, if the path leads there by a link.
    target: Option<PathBuf>,
}

impl Watch {
    /// Begins to watch. Folders are watched, for tools replace a file by another of its name.
    ///
    /// # Errors
    ///
    /// When a component is pinned, or the system has no more watches.
    pub(super) fn start(dataflow: &Dataflow) -> anyhow::Result<Self> {
        let files = Arc::new(Files {
            nodes: watched(dataflow)?,
            changed: Mutex::default(),
            news: Notify::new(),
        });
        let told = Arc::clone(&files);
        let mut watcher = notify::recommended_watcher(move |event| told.note(event))
            .context("cannot watch files")?;
        for folder in files.folders() {
            watcher
                .watch(folder, RecursiveMode::NonRecursive)
                .with_context(|| format!("cannot watch the folder `{}`", folder.display()))?;
        }
        Ok(Self { files, _watcher: watcher })
    }

    /// Swaps the nodes whose files change, and tells of it; does not return.
    pub(super) async fn follow(self, control: Control) {
        loop {
            self.files.news.notified().await;
            while tokio::time::timeout(SETTLE, self.files.news.notified()).await.is_ok() {}
            for watched in self.files.take_changed() {
                let swapped = control.swap(&watched.node, &watched.path, OldState::Keep).await;
                if let Some(told) = watched.told(swapped) {
                    eprint(&told);
                }
            }
        }
    }
}

fn watched(dataflow: &Dataflow) -> Result<Vec<Watched>, Rejection> {
    let mut nodes = Vec::new();
    for node in dataflow.nodes() {
        let Code::Component(component) = &node.code else { continue };
        if component.sha256.is_some() {
            let problem = format!(
                "`--watch` runs a component that has changed, and node `{}` pins one by `sha256`",
                node.id
            );
            let help = "take the pin away, or run it without `--watch`";
            return Err(Rejection(error_text(&problem) + &help_text(help)));
        }
        // What is told of a file has the path of its folder, which a bare name has not.
        let path = path::absolute(&component.path).unwrap_or_else(|_| component.path.clone());
        let target = fs::canonicalize(&path).ok().filter(|target| *target != path);
        nodes.push(Watched { node: node.id.to_string(), path, target });
    }
    Ok(nodes)
}

impl Files {
    fn folders(&self) -> BTreeSet<&Path> {
        self.nodes.iter().flat_map(Watched::paths).filter_map(|path| path.parent()).collect()
    }

    /// Called by the thread of the watcher.
    fn note(&self, event: notify::Result<Event>) {
        let event = match event {
            Ok(event) => event,
            Err(error) => return tracing::warn!(%error, "a change of a file may have been missed"),
        };
        let is_changed = |watched: &Watched| {
            event.need_rescan() || watched.paths().any(|path| event.paths.iter().any(|p| p == path))
        };
        if !event.need_rescan() && !may_be_whole(event.kind) {
            return;
        }
        let nodes = self.nodes.iter().enumerate();
        let changed = nodes.filter(|(_, watched)| is_changed(watched)).map(|(number, _)| number);
        let changed: Vec<_> = changed.collect();
        if !changed.is_empty() {
            self.changed.lock().unwrap_or_else(PoisonError::into_inner).extend(changed);
            self.news.notify_one();
        }
    }

    fn take_changed(&self) -> Vec<&Watched> {
        let changed =
            std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner));
        changed.into_iter().filter_map(|number| self.nodes.get(number)).collect()
    }
}

/// Whether there may be something new to read behind such an event.
fn may_be_whole(kind: EventKind) -> bool {
    match kind {
        EventKind::Create(_) | EventKind::Modify(_) => true,
        EventKind::Access(AccessKind::Close(mode)) => mode == AccessMode::Write,
        EventKind::Any | EventKind::Access(_) | EventKind::Remove(_) | EventKind::Other => false,
    }
}

impl Watched {
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.path).chain(&self.target)
    }

    /// What came of a swap. Of a node that has ended nothing needs to be said.
    fn told(&self, swapped: Result<(), SwapError>) -> Option<String> {
        match swapped {
            Ok(()) => {
                let path = self.path.display().to_string();
                Some(format!("thalweg: node `{}` runs the new `{}`\n", self.node, visible(&path)))
            }
            Err(SwapError::Ended { .. }) => None,
            Err(error) => Some(error_text(&visible(&error.to_string()))),
        }
    }
}
