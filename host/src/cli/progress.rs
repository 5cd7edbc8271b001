//! What is shown while components compile: a line that changes on a terminal, and elsewhere nothing but
//! how long it took, where that was long.

use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::eprint;
use super::text::{count, duration_text};

/// From here on a person wonders where the time went.
const LONG: Duration = Duration::from_secs(1);
const TURN: Duration = Duration::from_millis(100);

pub(super) struct Progress {
    bar: ProgressBar,
    started: Instant,
}

impl Progress {
    /// There are so many components to compile.
    pub(super) fn new(components: usize) -> Self {
        let bar = ProgressBar::new(components as u64);
        let style = ProgressStyle::with_template("{spinner} compiling {msg} ({pos}/{len})");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { bar, started: Instant::now() }
    }

    /// This file comes next.
    pub(super) fn compiling(&mut self, path: &Path) {
        let name = path.file_name().unwrap_or(path.as_os_str());
        self.bar.inc(1);
        self.bar.set_message(name.to_string_lossy().into_owned());
        self.bar.enable_steady_tick(TURN);
    }

    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
        let took = self.started.elapsed();
        if took >= LONG {
            let components =
                count(usize::try_from(self.bar.position()).unwrap_or_default(), "component");
            eprint(&format!("compiled {components} in {}\n", duration_text(took)));
        }
    }
}
