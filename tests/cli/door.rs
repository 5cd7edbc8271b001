//! Dataflows that run, seen and asked from outside.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::Value;

use crate::running::{Running, TICKS};
use crate::support::{Ended, Folder};

const RUN: [&str; 4] = ["run", "flow.yaml", "--report", "none"];

/// What `thalweg status` says, as JSON.
fn status(folder: &Folder) -> Value {
    let ended = folder.run(&["status", "--format", "json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// What is refused is told on standard error, with exit code 2.
fn refused(folder: &Folder, arguments: &[&str]) -> String {
    let ended = folder.run(arguments);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {ended:?}");
    ended.stderr
}

/// A folder in which something else listens where a dataflow would.
fn listening(name: &str) -> (Folder, UnixListener) {
    let folder = Folder::with(TICKS);
    let place = folder.path().join("thalweg");
    fs::create_dir(&place).unwrap();
    fs::set_permissions(&place, Permissions::from_mode(0o700)).unwrap();
    let listener = UnixListener::bind(place.join(name)).unwrap();
    (folder, listener)
}

fn sockets(folder: &Folder) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.path().join("thalweg")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_dataflow_that_runs_is_seen_with_its_nodes() {
    let folder = Folder::with(TICKS);
    assert_eq!(status(&folder), serde_json::json!([]));
    let running = Running::start(&folder, &RUN);
    let seen = &status(&folder)[0];
    assert_eq!(seen["name"], "flow");
    assert_eq!(seen["pid"], running.pid());
    assert_eq!(seen["stopping"], false);
    assert!(seen["uptime_seconds"].as_f64().unwrap() >= 0.0);
    let node = &seen["nodes"][0];
    assert_eq!((&node["id"], &node["state"]), (&"ticks".into(), &"running".into()));
    assert!(node["events_in"].as_u64().unwrap() > 0, "{node}");
    assert_eq!((&node["restarts"], &node["exit"]), (&0.into(), &Value::Null));
    let table = folder.run(&["status"]).stdout;
    let row = table.lines().nth(2).unwrap();
    let pid = running.pid().to_string();
    let words: Vec<_> = row.split_whitespace().collect();
    assert_eq!(words[..3], ["flow", "running", &pid], "{table}");
    for name in ["flow", &pid] {
        let nodes = folder.run(&["status", name]).stdout;
        assert!(nodes.starts_with(&format!("flow: running, process {pid}, up ")), "{nodes}");
        assert!(nodes.lines().last().unwrap().trim().starts_with("ticks   running "), "{nodes}");
    }
}

#[test]
fn messages_that_wait_and_nodes_that_have_ended_are_seen() {
    let flow = "nodes:
  - id: source
    component: guests/counts.wasm
    outputs: [out]
    parameters: { count: 5 }
  - id: ticks
    component: guests/report-line.wasm
    inputs: { tick: { timer: 5ms } }
  - { id: seat, attached: true, inputs: { in: source/out, open: other/out } }
  - { id: other, attached: true, outputs: [out] }
";
    let folder = Folder::with(flow);
    let mut running = Running::start(&folder, &RUN);
    let ended = |status: &Value| status[0]["nodes"][0]["state"] == "ended";
    let mut seen = status(&folder);
    while !ended(&seen) {
        running.wait_for_line("tick");
        seen = status(&folder);
    }
    let nodes = &seen[0]["nodes"];
    assert_eq!((&nodes[0]["exit"], &nodes[0]["events_out"]), (&"finished".into(), &5.into()));
    assert_eq!((&nodes[2]["queued"], &nodes[2]["events_in"]), (&5.into(), &0.into()));
    assert!(refused(&folder, &["restart", "source"]).contains("node `source` has ended"));
}

#[test]
fn a_dataflow_is_stopped_by_its_name_and_has_ended_then() {
    let folder = Folder::with(TICKS);
    let mut running = Running::start(&folder, &[&RUN[..], &["--name", "my flow"]].concat());
    let ended = folder.run(&["stop", "my flow"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "dataflow `my flow`: it has ended\n");
    running.wait_for_line("as requested");
    assert_eq!(running.end(), Some(0));
    assert_eq!(sockets(&folder), [] as [PathBuf; 0]);
}

#[test]
fn a_node_is_started_again_by_its_name() {
    let folder = Folder::with(TICKS);
    let mut running = Running::start(&folder, &RUN);
    for arguments in [&["restart", "ticks"][..], &["restart", "ticks", "--dataflow", "flow"]] {
        let ended = folder.run(arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stdout, "dataflow `flow`: node `ticks` is ready\n");
        running.wait_for_line("tick");
    }
    assert_eq!(status(&folder)[0]["nodes"][0]["restarts"], 2);
    let told = refused(&folder, &["restart", "tick"]);
    assert_eq!(told, "error: dataflow `flow`: the dataflow has no node `tick`\n");
}

#[test]
fn a_node_that_cannot_be_made_ready_again_is_a_failure_and_not_wrong_input() {
    let flow = TICKS.to_owned() + "    grants: { read: { /data: data } }\n";
    let folder = Folder::with("");
    fs::create_dir(folder.path().join("data")).unwrap();
    let folder = folder.file("flow.yaml", flow.as_bytes());
    let running = Running::start(&folder, &RUN);
    fs::remove_dir(folder.path().join("data")).unwrap();
    let ended = folder.run(&["restart", "ticks"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    let told = "error: dataflow `flow`: node `ticks`: component `guests/report-line.wasm`: ";
    assert!(ended.stderr.starts_with(told), "{ended:?}");
    assert_eq!(running.end(), Some(1));
}

#[test]
fn where_nothing_runs_that_is_told() {
    let folder = Folder::with(TICKS);
    let ended = folder.run(&["status"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), "no dataflow runs\n"));
    assert_eq!(refused(&folder, &["restart", "ticks"]), "error: no dataflow runs\n");
    assert_eq!(refused(&folder, &["stop", "flow"]), "error: no dataflow `flow` runs\n");
    let running = Running::start(&folder, &RUN);
    let told = format!(
        "error: no dataflow `other` runs\n  help: what runs: `flow` (process {})\n",
        running.pid()
    );
    for arguments in
        [&["stop", "other"][..], &["status", "other"], &["restart", "ticks", "--dataflow", "other"]]
    {
        assert_eq!(refused(&folder, arguments), told);
    }
}

#[test]
fn of_several_dataflows_one_must_be_named() {
    let folder = Folder::with(TICKS);
    let first = Running::start(&folder, &RUN);
    let second = Running::start(&folder, &RUN);
    for arguments in [&["stop", "flow"][..], &["restart", "ticks"]] {
        let told = refused(&folder, arguments);
        assert!(told.starts_with("error: several dataflows run: `flow` (process "), "{told}");
        assert!(told.ends_with("help: say which: by its name, or by the number of its process\n"));
    }
    let pid = first.pid().to_string();
    assert_eq!(folder.run(&["restart", "ticks", "--dataflow", &pid]).code, Some(0));
    assert_eq!(folder.run(&["stop", &pid]).code, Some(0));
    assert_eq!(first.end(), Some(0));
    assert_eq!(status(&folder)[0]["pid"], second.pid());
}

#[test]
fn what_a_dead_process_left_behind_is_passed_over_and_cleaned_away() {
    let folder = Folder::with(TICKS);
    let killed = Running::start(&folder, &RUN);
    killed.signal(Signal::KILL);
    assert_eq!(killed.end(), None);
    assert_eq!(sockets(&folder).len(), 1);
    assert_eq!(status(&folder), serde_json::json!([]));
    assert!(refused(&folder, &["stop", "flow"]).contains("no dataflow `flow` runs"));
    let _running = Running::start(&folder, &RUN);
    assert_eq!(sockets(&folder).len(), 1);
}

#[test]
fn a_dataflow_that_does_not_answer_holds_up_nobody_for_long() {
    let (folder, _listener) = listening("mute.1.0.sock");
    let running = Running::start(&folder, &RUN);
    let ended = folder.run(&["status", "--format", "json"]);
    assert_eq!(ended.code, Some(0));
    let seen: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(seen[0]["pid"], running.pid());
    assert!(
        ended.stderr.ends_with("mute.1.0.sock: it does not answer; it may still be starting\n")
    );
}

#[test]
fn an_answer_that_is_none_is_told() {
    for (answer, told) in [
        ("{\"answer\":\"dance\"}\n", "its answer cannot be understood"),
        ("{\"answer\":\"stopping\"}\n", "its answer cannot be understood"),
        ("{\"answer\":\"refused\",\"reason\":\"no\\u001b\"}\n", "no\\u{1b}"),
    ] {
        let (folder, listener) = listening("liar.1.0.sock");
        let lie = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&socket).read_line(&mut line).unwrap();
            assert_eq!(line, "thalweg 1 {\"ask\":\"status\"}\n");
            socket.write_all(answer.as_bytes()).unwrap();
        });
        let ended = folder.run(&["status"]);
        lie.join().unwrap();
        assert!(ended.stderr.contains(&format!("liar.1.0.sock: {told}")), "{ended:?}");
    }
}

#[test]
fn a_folder_that_others_can_enter_is_not_used() {
    let folder = Folder::with("nodes:\n  - { id: logs, component: guests/logs.wasm }\n");
    fs::create_dir(folder.path().join("thalweg")).unwrap();
    fs::set_permissions(folder.path().join("thalweg"), Permissions::from_mode(0o755)).unwrap();
    let told = refused(&folder, &["status"]);
    assert!(told.contains("is not a folder of this user alone"), "{told}");
    // A dataflow runs without its door, unless processes attach to it.
    let ended = folder.run(&RUN);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("`thalweg status` will not see this dataflow"), "{ended:?}");
    let folder = folder.file("flow.yaml", b"nodes: [{ id: seat, attached: true }]");
    let ended: Ended = folder.run(&RUN);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.starts_with("error: node `seat`: "), "{ended:?}");
}
