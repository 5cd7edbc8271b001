//! The command while it runs a dataflow.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::Folder;

pub(crate) const TICKS: &str = "nodes:
  - id: ticks
    component: guests/report-line.wasm
    inputs: { tick: { timer: 5ms } }
";

/// The command while it runs. Ended by force if a test gives up.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    /// Comes back when the first node has printed.
    pub(crate) fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let mut command = folder.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut running = Self { child, stdout, stderr };
        running.wait_for_line("tick");
        running
    }

    /// Reads standard output up to a line that holds `text`.
    pub(crate) fn wait_for_line(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "no line with `{text}` came");
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn wait_until_it_drains(&mut self) {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        assert_eq!(line, "thalweg: draining; press Ctrl-C again to end at once\n");
    }

    /// The next line of standard error.
    pub(crate) fn next_error_line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line
    }

    /// Reads what is still printed, and gives the exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.stdout.read_to_end(&mut Vec::new()).unwrap();
        self.stderr.read_to_end(&mut Vec::new()).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
