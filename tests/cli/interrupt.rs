//! Ctrl-C: once drains, twice is at once. Nothing here waits for a time, only for what is printed.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::Folder;

const TICKS: &str = "nodes:
  - id: ticks
    component: guests/report-line.wasm
    inputs: { tick: { timer: 5ms } }
";
/// Beside it a node that never returns from its last event.
const STUBBORN: &str = "  - id: stubborn
    component: guests/misbehaves.wasm
    inputs: { tick: { timer: 5ms } }
    parameters: { how: ignores-stop }
";

/// The command while it runs. Ended by force if a test gives up.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    /// Comes back when the first node has printed.
    fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let mut command = folder.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut running = Self { child, stdout, stderr };
        running.wait_for_line("tick");
        running
    }

    /// Reads standard output up to a line that holds `text`.
    fn wait_for_line(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "no line with `{text}` came");
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn wait_until_it_drains(&mut self) {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        assert_eq!(line, "thalweg: draining; press Ctrl-C again to end at once\n");
    }

    /// Reads what is still printed, and gives the exit code.
    fn end(mut self) -> Option<i32> {
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

const RUN: [&str; 4] = ["run", "flow.yaml", "--report-file", "report.json"];

/// How each node ended.
fn exits(folder: &Folder) -> Vec<String> {
    let report: Value = serde_json::from_str(&folder.read("report.json")).unwrap();
    let nodes = report["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["exit"]["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn one_signal_lets_every_node_end() {
    for signal in [Signal::INT, Signal::TERM] {
        let folder = Folder::with(TICKS);
        let mut running = Running::start(&folder, &RUN);
        running.signal(signal);
        running.wait_until_it_drains();
        running.wait_for_line("as requested");
        assert_eq!(running.end(), Some(0));
        assert_eq!(exits(&folder), ["stopped"]);
    }
}

#[test]
fn a_second_ctrl_c_ends_everything_at_once() {
    let folder = Folder::with(&(TICKS.to_owned() + STUBBORN));
    let mut running = Running::start(&folder, &[&RUN[..], &["--grace", "1h"]].concat());
    running.signal(Signal::INT);
    running.wait_until_it_drains();
    running.wait_for_line("as requested");
    running.signal(Signal::INT);
    assert_eq!(running.end(), Some(130));
    assert_eq!(exits(&folder), ["stopped", "killed"]);
}

#[test]
fn what_does_not_end_within_the_grace_is_ended_by_force() {
    let folder = Folder::with(&(TICKS.to_owned() + STUBBORN));
    let mut running = Running::start(&folder, &[&RUN[..], &["--grace", "10ms"]].concat());
    running.signal(Signal::INT);
    running.wait_until_it_drains();
    assert_eq!(running.end(), Some(1));
    assert_eq!(exits(&folder).last().map(String::as_str), Some("killed"));
}

#[test]
fn a_dataflow_whose_lines_nobody_reads_any_more_is_stopped() {
    // A pipe whose reading end is gone, as after `| head`.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let folder = Folder::with(TICKS);
    let mut command = folder.command(&["run", "flow.yaml"]);
    assert_eq!(command.stdout(writer).stderr(Stdio::null()).status().unwrap().code(), Some(0));
}
