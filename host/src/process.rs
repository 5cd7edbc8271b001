//! Processes: starts the interpreter of a script, takes what it prints, and gives its end a name.
//!
//! A process is in no sandbox. What holds it is that it is a group of its own: it ends with all that it
//! started, and a Ctrl-C in the terminal reaches the host alone.

mod error;
mod group;
mod interpreter;
mod output;

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use command_fds::CommandFdExt;
use rustix::io::fcntl_dupfd_cloexec;
use tokio::process::Command;

use self::group::Group;
use self::interpreter::{Launch, Surroundings};
use self::output::Output;
use crate::dataflow;
use crate::digest::Digest;
use crate::exit::NodeExit;
use crate::log::{LogStream, NodeLog};
use crate::pace::Pace;

pub use error::{ProcessError, ProcessProblem};

/// The module that runs a script as a node.
const BOOTSTRAP: &str = "thalweg._process";
/// The variable with the number of the descriptor that is the link.
const LINK: &str = "THALWEG_LINK";
/// The variable with the id of the node.
const NODE: &str = "THALWEG_NODE";
/// Descriptors below are the standard streams, which the child has of its own.
const FIRST_FREE_DESCRIPTOR: i32 = 3;

/// A script that runs. Dropping it ends its process, and all that the process started, at once.
pub(crate) struct Process {
    program: PathBuf,
    group: Group,
    stdout: Output,
    stderr: Output,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct ProcessEnd {
    status: io::Result<ExitStatus>,
    stderr: String,
}

impl Process {
    /// Starts a script: `INTERPRETER -u -m thalweg._process SCRIPT ARGS...`, in the working directory of the
    /// host and with its environment. It inherits `link`, whose number is in `THALWEG_LINK`, and has no
    /// standard input; its lines go to `log`. `usual` is the interpreter of the embedding program.
    ///
    /// Must be called within a tokio runtime with I/O.
    ///
    /// # Errors
    ///
    /// [`ProcessError`]; then no process is left.
    pub(crate) fn start(
        code: &dataflow::Process,
        usual: Option<&Path>,
        link: OwnedFd,
        log: &NodeLog,
        pace: Option<&Arc<Pace>>,
    ) -> Result<Self, ProcessError> {
        let launch = check_locked(code)
            .and_then(|()| interpreter::launch(code, &Surroundings::of_host(usual)));
        let process = launch.and_then(|launch| {
            let program = launch.program.clone();
            let spawned = spawn(launch, code, link, log, pace);
            spawned.map_err(|source| ProcessProblem::NotStarted { program, source })
        });
        let (node, script) = (log.node().clone(), code.script.clone());
        process.map_err(|problem| ProcessError { node, script, problem })
    }

    /// The interpreter that runs it.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Waits until it has ended, and takes all that it wrote: the log has it, or has it once
    /// [`NodeLog::finish`] has found room. Meanwhile moves its lines to the log; it waits in its writes
    /// while the log is full. What it started and left behind is ended with it.
    ///
    /// Dropping the future loses nothing.
    pub(crate) async fn wait(&mut self) -> ProcessEnd {
        let Self { group, stdout, stderr, .. } = self;
        tokio::select! {
            () = group.ended() => {}
            () = async {
                tokio::join!(stdout.copy(), stderr.copy());
                group.ended().await;
            } => {}
        }
        group.kill();
        stdout.take_rest();
        stderr.take_rest();
        ProcessEnd { status: group.reap().await, stderr: stderr.tail() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.group.kill();
        // Its last words may say why it had to be ended.
        self.stdout.take_rest();
        self.stderr.take_rest();
    }
}

/// What is locked is looked at before each start, and read once more by the interpreter.
fn check_locked(code: &dataflow::Process) -> Result<(), ProcessProblem> {
    let Some(locked) = code.locked else { return Ok(()) };
    let actual = Digest::of(&std::fs::read(&code.script).map_err(ProcessProblem::Unreadable)?);
    if actual == locked { Ok(()) } else { Err(ProcessProblem::OtherThanLocked { locked, actual }) }
}

/// The program that would run a script; none where there is none. `usual` is the interpreter of the embedding
/// program.
pub(crate) fn program_of(code: &dataflow::Process, usual: Option<&Path>) -> Option<PathBuf> {
    let launch = interpreter::launch(code, &Surroundings::of_host(usual));
    launch.ok().map(|launch| launch.program)
}

fn spawn(
    launch: Launch,
    code: &dataflow::Process,
    link: OwnedFd,
    log: &NodeLog,
    pace: Option<&Arc<Pace>>,
) -> io::Result<Process> {
    let link = fcntl_dupfd_cloexec(link, FIRST_FREE_DESCRIPTOR)?;
    let program = launch.program;
    let mut command = Command::new(&program);
    command.args(launch.args).args(["-u", "-m", BOOTSTRAP]);
    command.arg(OsString::from(&code.script)).args(&code.args);
    command.env("PYTHONUNBUFFERED", "1").envs(&code.env);
    command.env(LINK, link.as_raw_fd().to_string()).env(NODE, log.node().as_str());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.preserved_fds(vec![link]);
    let (group, stdout, stderr) = Group::spawn(command)?;
    let stdout = Output::new(stdout, LogStream::Stdout, log, pace)?;
    let stderr = Output::new(stderr, LogStream::Stderr, log, pace)?;
    Ok(Process { program, group, stdout, stderr })
}

impl ProcessEnd {
    /// The end of the node whose process it was.
    pub(crate) fn exit(&self) -> NodeExit {
        let status = match &self.status {
            Ok(status) => status,
            Err(error) => {
                let message = format!("how its process ended cannot be told: {error}");
                return NodeExit::Failed { message };
            }
        };
        match (status.code(), status.signal()) {
            (Some(0), _) => NodeExit::Finished,
            (Some(code), _) => NodeExit::Exited { code },
            (None, signal) => NodeExit::Signaled { signal: signal.unwrap_or_default() },
        }
    }

    /// The last that it wrote to standard error, at most 16 KiB.
    pub(crate) fn stderr(&self) -> &str {
        &self.stderr
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(status: io::Result<ExitStatus>) -> NodeExit {
        ProcessEnd { status, stderr: String::new() }.exit()
    }

    #[test]
    fn each_end_of_a_process_has_a_name() {
        assert_eq!(exit(Ok(ExitStatus::from_raw(0))), NodeExit::Finished);
        assert_eq!(exit(Ok(ExitStatus::from_raw(3 << 8))), NodeExit::Exited { code: 3 });
        assert_eq!(exit(Ok(ExitStatus::from_raw(9))), NodeExit::Signaled { signal: 9 });
        let unknown = exit(Err(io::Error::from(io::ErrorKind::NotFound)));
        assert!(unknown.to_string().contains("cannot be told"), "{unknown}");
    }
}
