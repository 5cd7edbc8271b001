//! Runs to the end: what comes where, the report and the exit code.

use std::fs::File;
use std::io::Read as _;

use rustix::process::Signal;
use serde_json::Value;

use crate::running::{Running, TICKS};
use crate::support::{Ended, Folder, assert_snapshot, root, thalweg};

/// Sends three numbers to `verify`, which ends when it has them.
const COUNTED: &str = "nodes:
  - id: source
    component: guests/counts.wasm
    outputs: [out]
    parameters: { count: 3 }
  - id: sink
    component: guests/report-line.wasm
    inputs: { in: source/out }
";

/// One node that prints each tick and does as `how` says at its second.
fn misbehaving(how: &str, limits: &str) -> Folder {
    Folder::with(&format!(
        "nodes:
  - id: bad
    component: guests/misbehaves.wasm
    inputs: {{ tick: {{ timer: 10ms }} }}
    parameters: {{ how: {how}, at: 2 }}
    limits: {{ {limits} }}
"
    ))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The last line of the table before the explanations, without the time.
fn summary(ended: &Ended) -> String {
    let line = ended.stderr.lines().find(|line| line.contains(" after ")).unwrap();
    let (nodes, rest) = line.split_once(" after ").unwrap();
    let (_, outcome) = rest.split_once(": ").unwrap();
    format!("{nodes}: {outcome}")
}

#[test]
fn lines_come_on_stdout_and_the_report_on_stderr() {
    let ended = Folder::with(COUNTED).run(&["run", "flow.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let first = ended.stdout.lines().next().unwrap();
    assert!(first.starts_with("sink   | in "), "{first}");
    assert!(
        ended.stdout.ends_with("sink   | stop         all inputs closed\n"),
        "{}",
        ended.stdout
    );
    assert!(ended.stderr.starts_with("\n node     end "), "{}", ended.stderr);
    assert_eq!(summary(&ended), "2 nodes: every node ended well");
}

#[test]
fn the_report_tells_which_limits_a_node_has_waited_for() {
    let flow = COUNTED.replace("count: 3 }", "count: 40 }\n    limits: { rate: 100 }");
    let ended = Folder::with(&flow).run(&["run", "flow.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let waited = "node `source` waited for ";
    let line = ended.stderr.lines().find(|line| line.starts_with(waited)).unwrap();
    assert!(line.ends_with(" in all for `limits: { rate: }`"), "{line}");
}

#[test]
fn with_a_json_report_stdout_is_json_and_nothing_else() {
    let ended = Folder::with(COUNTED).run(&["run", "flow.yaml", "--report", "json"]);
    assert_eq!(ended.code, Some(0));
    let report = json(&ended.stdout);
    assert_eq!(report["nodes"][0]["exit"]["name"], "finished");
    assert_eq!(report["nodes"][0]["outputs"][0]["sent"], 3);
    assert_eq!(report["nodes"][1]["inputs"][0]["delivered"], 3);
    assert!(ended.stderr.starts_with("sink   | in "), "{}", ended.stderr);
}

#[test]
fn the_first_example_measures_this_machine_and_ends() {
    let arguments = ["run", "examples/load.yaml", "--report", "json"];
    let ended = Ended::from(thalweg(&root()).args(arguments).output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = json(&ended.stdout);
    assert_eq!(report["nodes"][0]["exit"]["name"], "finished");
    assert_eq!(report["nodes"][0]["outputs"][1]["sent"], 4, "{report}");
    let printed = ended.stderr.lines().filter(|line| line.ends_with(" %")).count();
    assert_eq!(report["nodes"][0]["events_out"], printed, "{}", ended.stderr);
}

#[test]
fn a_report_file_is_json_beside_any_report() {
    let folder = Folder::with(COUNTED);
    let arguments = ["run", "flow.yaml", "--report", "none", "--report-file", "report.json"];
    let ended = folder.run(&arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(json(&folder.read("report.json"))["nodes"][1]["id"], "sink");
}

#[test]
fn a_report_file_that_cannot_be_written_is_told_before_anything_starts() {
    let ended = Folder::with(COUNTED).run(&["run", "flow.yaml", "--report-file", "no/such/folder"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert_snapshot("report-file", &ended.stderr);
}

#[test]
fn without_a_cache_nothing_is_stored() {
    let folder = Folder::with(COUNTED);
    let cache = folder.path().join("cache");
    for (arguments, stored) in [
        (&["run", "flow.yaml", "--no-cache", "--threads", "1"][..], false),
        (&["run", "flow.yaml"], true),
    ] {
        let output = folder.command(arguments).env("XDG_CACHE_HOME", &cache).output().unwrap();
        assert!(output.status.success());
        assert_eq!(cache.exists(), stored, "{arguments:?}");
    }
}

#[test]
fn a_node_that_traps_is_explained() {
    let ended = misbehaving("traps", "").run(&["run", "flow.yaml"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(summary(&ended), "1 node: 1 did not end well");
    assert!(ended.stderr.contains("node `bad`: trapped: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("\n    misbehaves::ways::misbehave\n"), "{}", ended.stderr);
}

#[test]
fn a_node_beyond_a_limit_is_told_which_to_raise() {
    for (how, limits, field) in
        [("allocates", "memory: 16MiB", "memory"), ("spins", "cpu: 20ms", "cpu")]
    {
        let ended = misbehaving(how, limits).run(&["run", "flow.yaml"]);
        assert_eq!(ended.code, Some(1), "{how}");
        let help = format!("raise `limits: {{ {field}: }}` of this node");
        assert!(ended.stderr.contains(&help), "{}", ended.stderr);
    }
}

#[test]
fn without_its_grant_the_quick_start_says_which_grant_is_needed() {
    let flow = "nodes:
  - id: load
    component: guests/system-load.wasm
    inputs: { tick: { timer: 10ms } }
    outputs: [cpu, memory]
";
    let ended = Folder::with(flow).run(&["run", "flow.yaml"]);
    assert_eq!(ended.code, Some(1));
    let (_, told) = ended.stderr.split_once("1 did not end well\n\n").unwrap();
    assert_snapshot("no-grant", told);
}

#[test]
fn what_a_node_prints_moves_no_cursor() {
    let flow = "nodes:
  - id: source
    component: guests/prints-env.wasm
    inputs: { tick: { timer: 1ms } }
    env: { EVIL: \"\\e[2J\" }
";
    let ended = Folder::with(flow)
        .command(&["run", "flow.yaml", "--grace", "0s"])
        .env("CLICOLOR_FORCE", "1")
        .output()
        .map(Ended::from)
        .unwrap();
    let printed = ended.stdout + &ended.stderr;
    assert!(printed.contains("EVIL=\\u{1b}[2J"), "{printed}");
    assert!(!printed.contains("\u{1b}[2J"), "{printed}");
}

#[test]
fn cores_are_kept_ready_while_the_dataflow_runs_or_it_is_said_why_not() {
    const DEVICE: &str = "/dev/cpu_dma_latency";
    let (folder, arguments) = (Folder::with(TICKS), ["run", "flow.yaml", "--cpu-latency", "7us"]);
    if let Err(error) = File::options().write(true).open(DEVICE) {
        let ended = folder.run(&arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let said = format!("error: `--cpu-latency` cannot write to `{DEVICE}`: {error}\n");
        assert!(ended.stderr.starts_with(&said), "{ended:?}");
        return;
    }
    let asked_of_all = || {
        let mut microseconds = [0; 4];
        File::open(DEVICE).unwrap().read_exact(&mut microseconds).unwrap();
        i32::from_ne_bytes(microseconds)
    };
    let running = Running::start(&folder, &arguments);
    assert!(asked_of_all() <= 7);
    running.signal(Signal::TERM);
    assert_eq!(running.end(), Some(0));
}

#[test]
fn colours_are_only_written_where_they_are_wanted() {
    let folder = misbehaving("traps", "");
    let coloured = |variables: &[(&str, &str)]| {
        let mut command = folder.command(&["run", "flow.yaml"]);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        output.stderr.contains(&0x1b)
    };
    assert!(!coloured(&[]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "0"), ("NO_COLOR", "1")]));
}

#[test]
fn a_node_with_the_streams_of_the_host_prints_without_its_name() {
    let ended = Folder::with(
        "nodes:
  - { id: talks, component: guests/logs.wasm, grants: { stdio: inherit } }
  - { id: named, component: guests/logs.wasm }
",
    )
    .run(&["run", "flow.yaml", "--report", "none"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(lines.contains(&"a line on stdout"), "{ended:?}");
    assert!(lines.iter().any(|line| line.ends_with("named | a line on stdout")), "{ended:?}");
}

/// It traps at its second tick, twice, and is then left alone.
const GIVES_UP: &str = "
on_failure: stop
nodes:
  - id: stumbles
    component: guests/stumbles.wasm
    inputs: { tick: { timer: 1ms } }
    outputs: [out]
    parameters: { at: 2 }
    restart: { when: on-failure, limit: 1, backoff: 1ms, in_hand: redeliver }
  - { id: echo, component: guests/echo.wasm, inputs: { in: stumbles/out }, outputs: [out] }
  - { id: endless, component: guests/echo.wasm, inputs: { tick: { timer: 1ms } }, outputs: [out] }
";

#[test]
fn a_node_that_gave_up_and_what_it_stopped_are_told() {
    let ended = Folder::with(GIVES_UP).run(&["run", "flow.yaml"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for line in [
        "node `stumbles` stopped the dataflow by its end (`on_failure: stop`)",
        "  it gave up after 1 restart: `restart` allows no more within its window",
    ] {
        assert!(ended.stderr.lines().any(|told| told == line), "{}", ended.stderr);
    }
    let header = ended.stderr.lines().find(|line| line.contains("peak memory")).unwrap();
    assert!(header.contains("restarts   redelivered"), "{header}");
    let row = |node: &str| {
        // Its lines of log come before the table.
        let row = ended.stderr.lines().rfind(|line| line.trim_start().starts_with(node)).unwrap();
        row.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("stumbles ")[1], "trapped");
    assert_eq!(row("endless ")[1], "stopped");
}
