//! The dataflows that run, as the commands that speak to them find them.

use std::path::{Path, PathBuf};

use super::open::Rejection;
use super::text::{error_text, help_text, visible};
use crate::attach::{self, Answer, Ask, AskError, Asked};
use crate::report::DataflowStatus;

/// A dataflow that runs, and how it is doing.
pub(super) struct Running {
    socket: PathBuf,
    pub(super) status: DataflowStatus,
}

/// All that run, and what is wrong with those that do not answer.
pub(super) struct Found {
    pub(super) running: Vec<Running>,
    pub(super) silent: Vec<String>,
}

/// Asks every dataflow of this user how it is doing.
///
/// # Errors
///
/// When they cannot be looked for.
pub(super) fn all() -> Result<Found, Rejection> {
    let sockets = attach::sockets().map_err(|error| Rejection(error_text(&error.to_string())))?;
    let mut found = Found { running: Vec::new(), silent: Vec::new() };
    for socket in sockets {
        match attach::ask(&socket, &Ask::Status) {
            Ok((Answer::Status { status }, _)) => found.running.push(Running { socket, status }),
            // It left its socket behind, or ended just now.
            Err(AskError::Nobody | AskError::Ended) => {}
            Ok((answer, _)) => found.silent.push(silent(&socket, &reason_of(&answer))),
            Err(error) => found.silent.push(silent(&socket, &error.to_string())),
        }
    }
    Ok(found)
}

fn silent(socket: &Path, reason: &str) -> String {
    format!("{}: {}", socket.display(), visible(reason))
}

impl Found {
    /// Those of a name or a process; all if none is given.
    ///
    /// # Errors
    ///
    /// When there is none of it.
    pub(super) fn named(self, name: Option<&str>) -> Result<Vec<Running>, Rejection> {
        let Some(name) = name else { return Ok(self.running) };
        let (named, others): (Vec<_>, Vec<_>) =
            self.running.into_iter().partition(|running| running.is_called(name));
        if named.is_empty() {
            let problem = format!("no dataflow `{name}` runs");
            return Err(with_help(&problem, running_help(&others), &self.silent));
        }
        Ok(named)
    }

    /// The one of a name or a process; the only one if none is given.
    ///
    /// # Errors
    ///
    /// When there is none, or more than one.
    pub(super) fn one(mut self, name: Option<&str>) -> Result<Running, Rejection> {
        let silent = std::mem::take(&mut self.silent);
        let mut named = self.named(name)?;
        match (named.pop(), named.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(with_help("no dataflow runs", None, &silent)),
            (Some(last), false) => {
                named.push(last);
                let problem = format!("several dataflows run: {}", list(&named));
                let help = "say which: by its name, or by the number of its process";
                Err(with_help(&problem, Some(help.to_owned()), &silent))
            }
        }
    }
}

impl Running {
    /// What it is called in texts.
    pub(super) fn name(&self) -> &str {
        self.status.name.as_deref().unwrap_or("dataflow")
    }

    fn is_called(&self, name: &str) -> bool {
        self.name() == name || self.status.pid.to_string() == name
    }

    /// Asks it. What it refuses is an error.
    ///
    /// # Errors
    ///
    /// When it does not do what was asked, or has ended.
    pub(super) fn ask(&self, ask: &Ask) -> Result<(Answer, Asked), Rejection> {
        let wrong = |reason: &str| Rejection(error_text(&self.told(reason)));
        match attach::ask(&self.socket, ask) {
            Ok((Answer::Refused { reason }, _)) => Err(wrong(&reason)),
            Ok(answered) => Ok(answered),
            Err(AskError::Nobody) => Err(wrong(&AskError::Ended.to_string())),
            Err(error) => Err(wrong(&error.to_string())),
        }
    }

    /// What it says, under its name.
    pub(super) fn told(&self, reason: &str) -> String {
        format!("dataflow `{}`: {}", visible(self.name()), visible(reason))
    }
}

/// What an answer says that was not expected.
pub(super) fn reason_of(answer: &Answer) -> String {
    match answer {
        Answer::Refused { reason } | Answer::Failed { reason } => reason.clone(),
        Answer::Status { .. } | Answer::Stopping | Answer::Restarted | Answer::Swapped => {
            AskError::Malformed.to_string()
        }
    }
}

fn running_help(running: &[Running]) -> Option<String> {
    (!running.is_empty()).then(|| format!("what runs: {}", list(running)))
}

fn list(running: &[Running]) -> String {
    let one = |running: &Running| {
        format!("`{}` (process {})", visible(running.name()), running.status.pid)
    };
    let mut all: Vec<_> = running.iter().map(one).collect();
    all.sort();
    all.join(", ")
}

fn with_help(problem: &str, help: Option<String>, silent: &[String]) -> Rejection {
    let help = help.into_iter().chain(silent.iter().cloned());
    Rejection(error_text(problem) + &help.map(|text| help_text(&text)).collect::<String>())
}
