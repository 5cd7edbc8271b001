//! Ctrl-C: once drains, twice is at once. Nothing here waits for a time, only for what is printed.

use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use crate::running::{Running, TICKS};
use crate::support::Folder;

/// Beside it a node that never returns from its last event.
const STUBBORN: &str = "  - id: stubborn
    component: guests/misbehaves.wasm
    inputs: { tick: { timer: 5ms } }
    parameters: { how: ignores-stop }
";

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
