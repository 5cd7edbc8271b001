//! Lock files: what they hold, and that nothing else is started.

use std::fs;

use crate::support::{Ended, Folder, PROGRAM, assert_snapshot, root};

const FLOW: &str = "queued_bytes: 2GiB
nodes:
  - id: one
    component: one.wasm
    grants: { read: { /data: data }, connect: [\"*:80\"] }
    limits: { memory: 1MiB }
  - id: script
    python: script.py
    interpreter: bin/python
    args: [-v]
  - { id: seat, attached: true }
  - { id: another, component: one.wasm }
";

fn folder() -> Folder {
    let folder = Folder::with(FLOW)
        .wat("one.wasm", &PROGRAM.replace("{}", ""))
        .file("script.py", b"print('hello')\n");
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::create_dir(folder.path().join("bin")).unwrap();
    std::os::unix::fs::symlink("/bin/true", folder.path().join("bin/python")).unwrap();
    folder
}

fn locked() -> Folder {
    let folder = folder();
    let ended = folder.run(&["lock", "flow.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "locked: flow.lock: 4 nodes\n"));
    folder
}

/// What `run --locked` tells, which must be nothing but an error, and the same as `check --locked` tells.
fn refused(folder: &Folder) -> String {
    let ended = folder.run(&["run", "--locked", "flow.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    assert_eq!(folder.run(&["check", "--locked", "flow.yaml"]).stderr, ended.stderr);
    ended.stderr
}

fn changed(folder: Folder, from: &str, to: &str) -> Folder {
    let flow = folder.read("flow.yaml");
    assert!(flow.contains(from), "{flow}");
    folder.file("flow.yaml", flow.replace(from, to).as_bytes())
}

#[test]
fn a_lock_file_is_the_same_for_the_same_dataflow() {
    let folder = locked();
    let text = folder.read("flow.lock");
    assert_snapshot("lock", &text);
    assert_eq!(folder.run(&["check", "--locked", "flow.yaml"]).code, Some(0));
    // The order of the nodes, and what they say to each other, is not held.
    let reordered = changed(folder, "  - { id: seat, attached: true }\n", "");
    let flow = reordered.read("flow.yaml") + "  - { id: seat, attached: true, outputs: [out] }\n";
    let reordered = reordered.file("flow.yaml", flow.as_bytes());
    assert_eq!(reordered.run(&["check", "--locked", "flow.yaml"]).code, Some(0));
    assert_eq!(reordered.run(&["lock", "flow.yaml"]).code, Some(0));
    assert_eq!(reordered.read("flow.lock"), text);
}

#[test]
fn what_is_locked_runs() {
    let flow = "nodes:\n  - { id: logs, component: guests/logs.wasm }\n";
    let folder = Folder::with(flow);
    assert_eq!(folder.run(&["run", "--locked", "flow.yaml"]).code, Some(2));
    assert_eq!(folder.run(&["lock", "flow.yaml"]).code, Some(0));
    assert_eq!(folder.run(&["run", "--locked", "flow.yaml"]).code, Some(0));
}

#[test]
fn without_its_lock_file_nothing_starts() {
    assert_eq!(
        refused(&folder()),
        "error: there is no lock file `flow.lock`; `thalweg lock` writes it\n"
    );
}

#[test]
fn another_component_does_not_start() {
    let other = PROGRAM.replace("{}", r#"(import "thalweg:node/types@0.1.0" (instance))"#);
    assert_snapshot("locked-component", &refused(&locked().wat("one.wasm", &other)));
}

#[test]
fn another_script_does_not_start() {
    assert_snapshot("locked-script", &refused(&locked().file("script.py", b"print('bye')\n")));
}

#[test]
fn a_script_that_is_gone_is_told() {
    let folder = locked();
    // The descriptor sees that there is a file, and nobody may read it; but the superuser may.
    fs::remove_file(folder.path().join("script.py")).unwrap();
    std::os::unix::fs::symlink("/proc/self/mem", folder.path().join("script.py")).unwrap();
    let told = refused(&folder);
    assert!(told.contains("node `script`: cannot read `script.py`: "), "{told}");
    let ended = folder.run(&["lock", "flow.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("node `script`: cannot read `script.py`: "), "{ended:?}");
}

#[test]
fn a_node_that_is_given_more_does_not_start() {
    let folder = changed(locked(), "read: { /data: data }", "write: { /data: data }, env: [PATH]");
    let folder = changed(folder, "1MiB", "2MiB");
    let folder = changed(folder, "args: [-v]", "env: { PYTHONPATH: /tmp }");
    let folder = changed(folder, "2GiB", "3GiB");
    assert_snapshot("locked-grants", &refused(&folder));
}

#[test]
fn a_node_that_is_new_or_gone_or_of_other_code_is_told() {
    let folder =
        changed(locked(), "id: another, component: one.wasm", "id: new, component: two.wasm");
    let folder =
        changed(folder, "- { id: seat, attached: true }", "- { id: seat, python: script.py }");
    let folder = folder.wat("two.wasm", &PROGRAM.replace("{}", ""));
    assert_snapshot("locked-nodes", &refused(&folder));
}

#[test]
fn a_pin_that_is_not_what_is_locked_is_told() {
    let pin = format!("component: one.wasm\n    sha256: {}\n    grants", "ab".repeat(32));
    let folder = changed(locked(), "component: one.wasm\n    grants", &pin);
    assert_snapshot("locked-pin", &refused(&folder));
    let ended = folder.run(&["lock", "flow.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("but the descriptor pins abab"), "{ended:?}");
}

#[test]
fn a_lock_file_that_is_none_is_told_with_its_line() {
    let folder = locked();
    let text = folder.read("flow.lock");
    let twice = text.split_once("[[node]]").unwrap().1;
    let digest = text.lines().find(|line| line.starts_with("sha256")).unwrap();
    let mut told = String::new();
    for wrong in [
        "version = \n".to_owned(),
        text.replace("version = 1", "version = 2"),
        text.replace("version = 1", "version = 1\nsize = 3"),
        text.replace("version = 1\n", ""),
        text.replace("version = 1", "version = 1\nversion = 1"),
        format!("{text}\n[[node]]{twice}"),
        text.replace(digest, "sha256 = \"ab\""),
        text.replace(digest, ""),
        text.replace("\"attached\"", "\"sitting\""),
        text.replace("\"attached\"", "\"script\""),
        text.replace("[[node]]", "[[knot]]"),
    ] {
        fs::write(folder.path().join("flow.lock"), wrong).unwrap();
        told += &refused(&folder);
    }
    assert_snapshot("locked-malformed", &told);
}

#[test]
fn a_lock_file_that_cannot_be_read_is_told() {
    let folder = folder();
    fs::create_dir(folder.path().join("flow.lock")).unwrap();
    assert!(refused(&folder).starts_with("error: cannot read the lock file `flow.lock`: "));
    let ended = folder.run(&["lock", "flow.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.starts_with("error: cannot write the lock file `flow.lock`: "));
    fs::remove_dir(folder.path().join("flow.lock")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("flow.lock")).unwrap();
    assert!(refused(&folder).contains("larger than 64 MiB"));
}

#[test]
fn a_script_that_changes_after_the_check_is_not_started_again() {
    let flow = "nodes:
  - { id: first, python: first.py, interpreter: bin/python }
";
    // It stands for an interpreter that is slow to start: by then the script is another.
    let folder = Folder::with(flow).file("first.py", b"1");
    fs::create_dir(folder.path().join("bin")).unwrap();
    std::os::unix::fs::symlink("/bin/true", folder.path().join("bin/python")).unwrap();
    assert_eq!(folder.run(&["lock", "flow.yaml"]).code, Some(0));
    let dataflow = thalweg::Dataflow::from_file(&folder.path().join("flow.yaml")).unwrap();
    let held = thalweg::Lock::enforce(&folder.path().join("flow.yaml"), dataflow).unwrap();
    let folder = folder.file("first.py", b"2");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let start = |dataflow: thalweg::Dataflow| {
        let compiler = thalweg::Compiler::new(None).unwrap();
        let prepared = thalweg::PreparedDataflow::new(dataflow, &compiler, |_| {}).unwrap();
        let started = runtime.block_on(prepared.start(thalweg::StartOptions::default()));
        started.map(drop).unwrap_err().to_string()
    };
    let told = start(held.clone());
    assert!(told.contains("its sha256 is ") && told.contains("but the lock file has "), "{told}");
    fs::remove_file(folder.path().join("first.py")).unwrap();
    assert!(start(held).contains("cannot read it: No such file"));
}

#[test]
fn the_lock_of_a_descriptor_that_is_wrong_is_not_written() {
    let folder = Folder::with("nodes: [{ id: one, component: none.wasm }]");
    assert_eq!(folder.run(&["lock", "flow.yaml"]).code, Some(2));
    assert!(!folder.path().join("flow.lock").exists());
}

#[test]
fn paths_are_locked_relative_to_the_descriptor() {
    let folder = folder();
    let arguments = [&folder.path().join("flow.yaml")];
    let output = crate::support::thalweg(&root()).arg("lock").args(arguments).output().unwrap();
    assert_eq!(Ended::from(output).code, Some(0));
    let absolute = folder.read("flow.lock");
    assert_eq!(folder.run(&["lock", "flow.yaml"]).code, Some(0));
    assert_eq!(folder.read("flow.lock"), absolute);
}
