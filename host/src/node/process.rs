//! A node whose code is a script: a process of its own, linked to the node's ports.

use std::io;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::time::Duration;

use super::{NodeSetup, StartLine};
use crate::dataflow;
use crate::exit::NodeExit;
use crate::link::{HandshakeError, HostLink, Served};
use crate::process::{Process, ProcessEnd, ProcessError, ProcessProblem};

/// How long the link of a process that has ended may take to say so. It does at once, unless another
/// process that it started holds it.
const LAST_FRAMES: Duration = Duration::from_secs(5);

pub(super) async fn run(code: &dataflow::Process, setup: NodeSetup, line: StartLine) -> NodeExit {
    let (mut link, mut process) = match start(code, &setup) {
        Ok(started) => started,
        Err(problem) => return fail(code, setup, line, problem).await,
    };
    let program = process.program().to_owned();
    let mut end = Ending { process: Box::pin(process.wait()), end: None };
    let ready = async {
        link.introduction().await?;
        link.welcome(setup.id.as_str(), &setup.ports, &setup.parameters).await?;
        link.ready().await
    };
    let ready = end.meanwhile(tokio::time::timeout(setup.ready, ready)).await;
    let problem = match ready {
        Some(Ok(Ok(()))) => None,
        Some(Ok(Err(HandshakeError::OtherVersion(text)))) => {
            Some(ProcessProblem::OtherVersion(text))
        }
        Some(Ok(Err(HandshakeError::Ended(Some(failure))))) => {
            Some(ProcessProblem::Failed { failure: failure.trim_end().to_owned() })
        }
        Some(Ok(Err(HandshakeError::Wire(crate::link::WireError::Malformed(rule))))) => {
            Some(ProcessProblem::Broken(rule.into()))
        }
        Some(Err(_)) => Some(ProcessProblem::Silent(setup.ready)),
        Some(Ok(Err(_))) | None => Some(ended(end.wait().await, program)),
    };
    if let Some(problem) = problem {
        drop(end);
        drop(process); // Its last words come before the reason.
        return fail(code, setup, line, problem).await;
    }
    end.meanwhile(line.wait(Ok(()))).await;
    let mut ports = setup.ports;
    let served = end.meanwhile(link.serve(&mut ports)).await;
    match &served {
        // Its script may go on without it for long. One that failed ends with its process, for its readers are
        // told of that before its outputs close.
        Some(Served::Ended { failure: None }) => ports.end(),
        _ => drop(ports),
    }
    match served {
        Some(Served::Broken(rule)) => {
            NodeExit::Failed { message: ProcessProblem::Broken(rule.into()).to_string() }
        }
        Some(Served::Ended { failure: Some(message) }) => {
            end.wait().await;
            NodeExit::failed(message.trim_end().to_owned())
        }
        Some(Served::Ended { failure: None } | Served::Gone) | None => end.wait().await.exit(),
    }
}

fn start(
    code: &dataflow::Process,
    setup: &NodeSetup,
) -> Result<(HostLink, Process), ProcessProblem> {
    let not_linked =
        |source: io::Error| ProcessProblem::NotStarted { program: code.script.clone(), source };
    let (ours, theirs) = UnixStream::pair().map_err(not_linked)?;
    let link = HostLink::new(ours.into(), setup.ports.max_payload()).map_err(not_linked)?;
    let process = Process::start(
        code,
        setup.python.as_deref(),
        theirs.into(),
        &setup.log,
        setup.usage.log.as_ref(),
    );
    Ok((link, process.map_err(|error| error.problem)?))
}

/// Says that the node cannot start, and why.
async fn fail(
    code: &dataflow::Process,
    setup: NodeSetup,
    line: StartLine,
    problem: ProcessProblem,
) -> NodeExit {
    let message = problem.to_string();
    let error = ProcessError { node: setup.id, script: code.script.clone(), problem };
    line.wait(Err(error.into())).await;
    NodeExit::Failed { message }
}

/// Why a process that ended early did so.
fn ended(end: &ProcessEnd, program: std::path::PathBuf) -> ProcessProblem {
    // With quotes where there is no package, and without where it has no module of this name.
    let missing = ["No module named 'thalweg'", "No module named thalweg"];
    if missing.iter().any(|text| end.stderr().contains(text)) {
        return ProcessProblem::NoPackage { program };
    }
    let exit = match end.exit() {
        NodeExit::Finished => "ended".into(),
        other => other.to_string(),
    };
    ProcessProblem::Ended { exit, stderr: end.stderr().to_owned() }
}

/// The end of a process, waited for beside whatever else is done: its lines are moved to the log by that.
struct Ending<F> {
    process: std::pin::Pin<Box<F>>,
    end: Option<ProcessEnd>,
}

impl<F: Future<Output = ProcessEnd>> Ending<F> {
    /// Does `other` to its end. None when the process has ended and `other` does not end with it.
    async fn meanwhile<T>(&mut self, other: impl Future<Output = T>) -> Option<T> {
        let mut other = pin!(other);
        if self.end.is_none() {
            tokio::select! {
                biased;
                done = &mut other => return Some(done),
                end = &mut self.process => self.end = Some(end),
            }
        }
        tokio::time::timeout(LAST_FRAMES, other).await.ok()
    }

    async fn wait(&mut self) -> &ProcessEnd {
        if self.end.is_none() {
            self.end = Some(self.process.as_mut().await);
        }
        self.end.as_ref().expect("it has ended")
    }
}
