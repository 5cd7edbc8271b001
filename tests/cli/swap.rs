//! Components that take the place of others, by `thalweg swap` and `thalweg run --watch`.

use std::fs;

use crate::running::Running;
use crate::support::{Ended, Folder, root};

const FLOW: &str = "nodes:
  - id: ticks
    component: ticks.wasm
    inputs: { tick: { timer: 5ms } }
";

const RUN: [&str; 4] = ["run", "flow.yaml", "--report", "none"];

/// A folder in which `ticks.wasm` is a file of its own.
fn folder(flow: &str) -> Folder {
    Folder::with(flow).file("ticks.wasm", &guest("report-line"))
}

fn guest(name: &str) -> Vec<u8> {
    fs::read(root().join(format!("guests/target/components/{name}.wasm"))).unwrap()
}

fn refused(ended: &Ended, told: &str) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    assert!(ended.stderr.contains(told), "{ended:?}");
}

#[test]
fn a_node_is_swapped_by_its_name_and_goes_on_where_the_file_does_not_fit() {
    let folder = folder(FLOW).file("core.wasm", b"\0asm\x01\0\0\0");
    let running = Running::start(&folder, &[&RUN[..], &["--report-file", "report.json"]].concat());
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("new.wasm"), guest("echo")).unwrap();
    // The path begins where the command is given.
    let mut command = folder.command(&["swap", "ticks", "new.wasm"]);
    let ended = Ended::from(command.current_dir(other.path()).output().unwrap());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert_eq!(ended.stdout, "dataflow `flow`: node `ticks` runs `new.wasm`\n");
    refused(&folder.run(&["swap", "ticks", "core.wasm"]), "core.wasm`: it is a core module");
    refused(&folder.run(&["swap", "ticks", "none.wasm"]), "cannot read it");
    refused(&folder.run(&["swap", "tick", "ticks.wasm"]), "the dataflow has no node `tick`");
    refused(&folder.run(&["swap", "ticks", "x.wasm", "--dataflow", "y"]), "no dataflow `y` runs");
    for arguments in
        [&["swap", "ticks", "guests/sums.wasm"][..], &["swap", "ticks", "ticks.wasm", "--fresh"]]
    {
        assert_eq!(folder.run(arguments).code, Some(0), "{arguments:?}");
    }
    refused_state(&folder);
    assert_eq!(folder.run(&["stop", "flow"]).code, Some(0));
    assert_eq!(running.end(), Some(0));
    let report: serde_json::Value = serde_json::from_str(&folder.read("report.json")).unwrap();
    assert_eq!(report["nodes"][0]["swaps"], 4);
}

/// That state is not lost for want of a word.
fn refused_state(folder: &Folder) {
    assert_eq!(folder.run(&["swap", "ticks", "guests/sums.wasm"]).code, Some(0));
    refused(&folder.run(&["swap", "ticks", "ticks.wasm"]), "`--fresh`");
}

#[test]
fn a_component_that_does_not_start_is_a_failure_and_not_wrong_input() {
    let folder = folder(FLOW).wat(
        "traps.wasm",
        r#"(component
            (core module $m (func $t unreachable) (start $t)
              (func (export "run") (result i32) i32.const 0) (memory (export "memory") 1))
            (core instance $i (instantiate $m))
            (func (export "run") (result (result (error string)))
              (canon lift (core func $i "run") (memory (core memory $i "memory")))))"#,
    );
    let mut running = Running::start(&folder, &RUN);
    let ended = folder.run(&["swap", "ticks", "traps.wasm"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.stderr.contains("its start function trapped"), "{ended:?}");
    assert!(ended.stderr.ends_with("; the present component goes on\n"), "{ended:?}");
    running.wait_for_line("tick");
}

#[test]
fn a_file_that_changes_takes_the_place_of_the_one_that_runs() {
    let folder = folder(FLOW);
    let mut running = Running::start(&folder, &[&RUN[..], &["--watch"]].concat());
    // As compilers and editors do it: written aside, and renamed.
    let replace = |bytes: &[u8]| {
        fs::write(folder.path().join("aside"), bytes).unwrap();
        fs::rename(folder.path().join("aside"), folder.path().join("ticks.wasm")).unwrap();
    };
    replace(b"no component");
    let told = running.next_error_line();
    assert!(told.contains("ticks.wasm`: it is no WebAssembly"), "{told}");
    assert!(told.ends_with("; the present component goes on\n"), "{told}");
    running.wait_for_line("tick");
    for name in ["echo", "report-line"] {
        replace(&guest(name));
        let told = running.next_error_line();
        assert!(told.starts_with("thalweg: node `ticks` runs the new `"), "{told}");
    }
    // In place, as a copy is made.
    fs::write(folder.path().join("ticks.wasm"), guest("report-line")).unwrap();
    let told = running.next_error_line();
    assert!(told.starts_with("thalweg: node `ticks` runs the new `"), "{told}");
    assert_eq!(folder.run(&["stop", "flow"]).code, Some(0));
    running.wait_for_line("as requested");
    assert_eq!(running.end(), Some(0));
}

#[test]
fn what_is_pinned_or_locked_is_not_watched() {
    let pinned = FLOW.to_owned() + "    sha256: " + &"0".repeat(64) + "\n";
    let ended = folder(&pinned).run(&["run", "flow.yaml", "--watch"]);
    refused(
        &ended,
        "`--watch` runs a component that has changed, and node `ticks` pins one by `sha256`",
    );
    let ended = folder(FLOW).run(&["run", "flow.yaml", "--watch", "--locked"]);
    refused(&ended, "'--watch' cannot be used with '--locked'");
}

#[test]
fn a_lock_refuses_every_other_component() {
    let folder = folder(FLOW);
    assert_eq!(folder.run(&["lock", "flow.yaml"]).code, Some(0));
    let running = Running::start(&folder, &[&RUN[..], &["--locked"]].concat());
    let told = "if the change is meant, run `thalweg lock`";
    refused(&folder.run(&["swap", "ticks", "guests/echo.wasm"]), told);
    assert_eq!(folder.run(&["swap", "ticks", "guests/report-line.wasm"]).code, Some(0));
    drop(running);
}
