//! Descriptors: the good ones check, the bad ones say what is wrong.
//!
//! Every `tests/dataflows/bad/*.yaml` has a `.err` file with what a person sees. `BLESS=1` writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use thalweg::cli::problems::render;
use thalweg::{
    Code, Dataflow, DescriptorError, Feed, InHand, Interpreter, MAX_DESCRIPTOR_BYTES, MAX_PROBLEMS,
    OnFailure, Overflow, RestartPolicy, RestartWhen, Supervision, Value,
};

pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/dataflows").join(name)
}

pub(crate) fn descriptors(name: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

pub(crate) fn good(name: &str) -> Dataflow {
    let path = folder("good").join(name);
    let text = fs::read_to_string(&path).unwrap();
    Dataflow::from_file(&path)
        .unwrap_or_else(|error| panic!("{}", render(&path, &text, &error, false)))
}

fn error(path: &Path) -> DescriptorError {
    match Dataflow::from_file(path) {
        Ok(_) => panic!("{} is no bad descriptor", path.display()),
        Err(error) => error,
    }
}

#[test]
fn good_descriptors_check() {
    for path in descriptors("good") {
        good(path.file_name().unwrap().to_str().unwrap());
    }
}

#[test]
fn bad_descriptors_say_what_is_wrong() {
    let mut differences = String::new();
    for path in descriptors("bad") {
        let text = fs::read_to_string(&path).unwrap();
        let name = Path::new(path.file_name().unwrap());
        let shown = render(name, &text, &error(&path), false);
        let expected = path.with_extension("err");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected, &shown).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != shown {
            differences += &format!("{}:\n{shown}\n", path.display());
        }
    }
    assert!(differences.is_empty(), "not as expected (BLESS=1 accepts them):\n{differences}");
}

#[test]
fn every_rule_is_broken_by_a_bad_descriptor() {
    let source = include_str!("../../host/src/descriptor/kind.rs");
    let (_, rules) = source.split_once("pub enum ProblemKind {").unwrap();
    let (rules, _) = rules.split_once("\n}\n").unwrap();
    let variants = rules.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?.trim_end_matches([' ', '{', ',']);
        let name = name.split('(').next()?;
        name.starts_with(|c: char| c.is_ascii_uppercase()).then_some(name)
    });
    let rules: BTreeSet<_> = variants.map(str::to_owned).collect();
    assert!(rules.len() > 30, "{rules:?}");
    let broken = descriptors("bad").into_iter().flat_map(|path| {
        let kinds: Vec<_> =
            error(&path).problems().iter().map(|problem| format!("{:?}", problem.kind)).collect();
        kinds
    });
    let name = |kind: String| kind.split([' ', '(']).next().unwrap_or_default().to_owned();
    let broken: BTreeSet<_> = broken.map(name).collect();
    assert_eq!(rules, broken);
}

#[test]
fn problems_are_in_the_order_of_the_text_and_point_into_it() {
    for path in descriptors("bad") {
        let text = fs::read_to_string(&path).unwrap();
        let error = error(&path);
        let mut last = (0, 0);
        for problem in error.problems() {
            assert!(text.get(problem.span.clone()).is_some(), "{}: {problem:?}", path.display());
            assert!((problem.line, problem.column) >= last, "{}: {problem:?}", path.display());
            last = (problem.line, problem.column);
        }
    }
}

#[test]
fn the_supervision_arrives_in_the_dataflow() {
    let seconds = Duration::from_secs;
    let dataflow = good("supervision.yaml");
    assert_eq!(dataflow.on_failure(), OnFailure::Stop);
    assert_eq!(good("processes.yaml").on_failure(), OnFailure::Continue);
    let [usual, short, long, slow, quick] = dataflow.nodes() else { panic!("five nodes") };
    let never = RestartPolicy {
        when: RestartWhen::Never,
        limit: 5,
        window: seconds(60),
        backoff: Duration::from_millis(100),
        max_backoff: seconds(30),
        in_hand: InHand::Lose,
    };
    let expected =
        Supervision { restart: never.clone(), watchdog: None, ready: seconds(60), grace: None };
    assert_eq!(usual.supervision, expected);
    let restart = RestartPolicy { when: RestartWhen::OnFailure, ..never.clone() };
    assert_eq!(short.supervision, Supervision { restart, ..expected.clone() });
    let restart = RestartPolicy {
        when: RestartWhen::Always,
        limit: 3,
        window: seconds(10),
        backoff: Duration::from_millis(20),
        max_backoff: seconds(1),
        in_hand: InHand::Redeliver,
    };
    let (watchdog, ready, grace) = (Some(seconds(2)), seconds(3), Some(seconds(4)));
    assert_eq!(long.supervision, Supervision { restart, watchdog, ready, grace });
    // The backoff that is not given follows the one that is.
    let restart = RestartPolicy { backoff: seconds(40), max_backoff: seconds(40), ..never.clone() };
    assert_eq!(slow.supervision.restart, restart);
    let most = Duration::from_millis(10);
    assert_eq!(
        (quick.supervision.restart.backoff, quick.supervision.restart.max_backoff),
        (most, most)
    );
}

#[test]
fn every_field_of_a_process_arrives_in_the_dataflow() {
    let dataflow = good("processes.yaml");
    let [camera, report, supervisor] = dataflow.nodes() else { panic!("three nodes") };
    let Code::Process(process) = &camera.code else { panic!("a process") };
    assert_eq!(process.script, folder("good").join("../report.py"));
    let Interpreter::Command { name, path } = &process.interpreter else { panic!("a command") };
    assert!(name == "sh" && path.is_absolute() && path.ends_with("sh"), "{path:?}");
    assert_eq!(process.args, ["--fast", "5"]);
    assert_eq!(process.env, BTreeMap::from([("LEVEL".into(), "3".into())]));
    let Code::Process(process) = &report.code else { panic!("a process") };
    assert_eq!(process.interpreter, Interpreter::Usual);
    assert!(process.args.is_empty() && process.env.is_empty());
    assert!(matches!(supervisor.code, Code::Attached));
}

#[test]
fn an_interpreter_with_a_slash_is_relative_to_the_descriptor() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.py"), "").unwrap();
    let python = folder.path().join("python");
    std::os::unix::fs::symlink("/bin/sh", &python).unwrap();
    let text = "nodes: [{ id: a, python: a.py, interpreter: ./python }]";
    let dataflow = Dataflow::from_text(text, folder.path()).unwrap();
    let Code::Process(process) = &dataflow.nodes()[0].code else { panic!("a process") };
    assert_eq!(process.interpreter, Interpreter::Path(folder.path().join("./python")));
}

#[test]
fn every_field_arrives_in_the_dataflow() {
    let dataflow = good("everything.yaml");
    assert_eq!(dataflow.grace().as_secs(), 2);
    let [sensor, report, quiet] = dataflow.nodes() else { panic!("three nodes") };
    let Code::Component(component) = &sensor.code else { panic!("a component") };
    assert_eq!(component.path, folder("good").join("../node.wasm"));
    assert_eq!(component.sha256.unwrap()[..2], [0x8c, 0x1d]);
    assert_eq!(component.args, ["--fast", "5"]);
    assert_eq!(component.env["LEVEL"], "3");
    assert_eq!(component.env["PATH"], std::env::var("PATH").unwrap());
    let folders: Vec<_> =
        component.grants.folders.iter().map(|f| (&*f.guest, f.writable)).collect();
    assert_eq!(folders, [("/in", false), ("/out", true)]);
    assert_eq!(component.grants.connect.len(), 4);
    assert_eq!(component.grants.listen.len(), 1);
    assert!(component.grants.name_lookup && component.grants.stdio);
    assert_eq!(component.limits.memory, 32 << 20);
    assert_eq!(component.limits.table_elements, 5000);
    assert_eq!(component.limits.cpu.as_millis(), 20);
    assert_eq!(component.limits.payload, 1 << 30);
    assert_eq!(component.limits.inline, 0);
    assert_eq!(sensor.parameters.get("name"), Some(&Value::Text("left".into())));
    assert_eq!(sensor.parameters.get("rate"), Some(&Value::Float(2.5)));
    assert_eq!(sensor.parameters.get("count"), Some(&Value::Integer(3)));
    assert_eq!(sensor.parameters.get("on"), Some(&Value::Boolean(true)));
    assert_eq!(sensor.parameters.get("code"), Some(&Value::Text("007".into())));
    assert!(matches!(report.code, Code::Embedded));
    assert!(quiet.inputs.is_empty() && quiet.outputs.is_empty());
    let queues: Vec<_> =
        report.inputs.iter().map(|input| (input.id.as_str(), &input.feed)).collect();
    let queue = |name: &str| match queues.iter().find(|(id, _)| *id == name) {
        Some((_, Feed::Source { node: 0, queue, .. })) => {
            (queue.events.get(), queue.bytes, queue.overflow)
        }
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(queue("load"), (256, 64 << 20, Overflow::Block));
    assert_eq!(queue("raw"), (64, 16_000_000, Overflow::DropOldest));
    assert_eq!(queue("last"), (1, 64 << 20, Overflow::DropOldest));
    assert_eq!(queue("few"), (256, 64 << 20, Overflow::DropNewest));
    assert_eq!(queue("wait"), (256, 64 << 20, Overflow::Block));
    assert!(queues.is_sorted_by_key(|(id, _)| *id));
}

#[test]
fn a_descriptor_that_cannot_be_read_is_an_error() {
    let error = error(&folder("good/no-such-file.yaml"));
    assert!(matches!(error, DescriptorError::Unreadable { .. }));
}

#[test]
fn a_descriptor_that_is_too_large_or_no_text_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataflow.yaml");
    fs::write(&path, "#".repeat(MAX_DESCRIPTOR_BYTES + 1)).unwrap();
    assert!(matches!(error(&path), DescriptorError::TooLarge));
    let text = fs::read_to_string(&path).unwrap();
    assert!(matches!(Dataflow::from_text(&text, &path), Err(DescriptorError::TooLarge)));
    fs::write(&path, b"nodes: \xff").unwrap();
    assert!(matches!(error(&path), DescriptorError::Unreadable { .. }));
}

#[test]
fn a_file_in_one_long_line_checks() {
    let node = |n: usize| format!("{{\"id\": \"n{n}\", \"embedded\": true, \"outputs\": [\"ö\"]}}");
    let nodes: Vec<_> = (0..10_000).map(node).collect();
    let text = format!("{{\"nodes\": [{}]}}", nodes.join(", "));
    let error = Dataflow::from_text(&text, Path::new("")).unwrap_err();
    let first = error.problems().first().unwrap();
    assert_eq!(text.get(first.span.clone()), Some("\"ö\""));
    assert_eq!(error.problems().len(), MAX_PROBLEMS + 1);
}

#[test]
fn a_dataflow_of_ten_thousand_nodes_checks() {
    let mut text = "nodes:\n  - { id: n0, embedded: true, outputs: [x] }\n".to_owned();
    for node in 1..10_000 {
        let source = node - 1;
        text += &format!(
            "  - {{ id: n{node}, embedded: true, outputs: [x], inputs: {{ x: n{source}/x }} }}\n"
        );
    }
    let dataflow = Dataflow::from_text(&text, Path::new("")).unwrap();
    assert_eq!(dataflow.nodes().len(), 10_000);
}

/// Pieces that a descriptor is made of, and some that break it.
const PIECES: &[&str] = &[
    "nodes:",
    "\n",
    "  ",
    "- ",
    "id: a",
    "embedded: true",
    "inputs:",
    "outputs: [x]",
    "x: a/x",
    "{",
    "}",
    "[",
    "]",
    "timer: 5s",
    "queue: 0",
    "grants:",
    "read:",
    "/: .",
    ": ",
    ",",
    "\"",
    "'",
    "#",
    "&a ",
    "*a",
    "!t ",
    "? ",
    "|",
    ">",
    "---",
    "...",
    "~",
    "\t",
    "\r",
    "\r\n",
    "é",
    "\u{FEFF}",
    "\u{E000}",
    "%YAML 1.2",
    "overflow: latest",
    "<<",
    "component: .",
    "python: .",
    "interpreter: sh",
    "attached: true",
    "limits: { memory: 1",
    "env: { A: ",
    "\\",
    "\0",
    "x: x: ",
    "-",
    "@",
    "`",
];

fn check_never_panics(text: &str) {
    if let Err(error) = Dataflow::from_text(text, Path::new("")) {
        assert!(!error.problems().is_empty());
        for problem in error.problems() {
            assert!(text.get(problem.span.clone()).is_some(), "{problem:?} in {text:?}");
        }
        assert!(!render(Path::new("x.yaml"), text, &error, true).is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_dataflow_or_a_list_of_problems_in_it(text in any::<String>()) {
        check_never_panics(&text);
    }

    #[test]
    fn any_bytes_are_a_dataflow_or_a_list_of_problems(bytes in vec(any::<u8>(), 0..300)) {
        check_never_panics(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_mixture_of_pieces_is_a_dataflow_or_a_list_of_problems(pieces in vec(select(PIECES), 0..60)) {
        check_never_panics(&pieces.concat());
    }

    #[test]
    fn a_good_descriptor_with_one_change_is_a_dataflow_or_a_list_of_problems(
        at in any::<Index>(), length in 0..20usize, piece in select(PIECES),
    ) {
        let text = include_str!("../dataflows/good/everything.yaml");
        let at = at.index(text.len());
        let end = (at + length).min(text.len());
        check_never_panics(&[&text[..at], piece, &text[end..]].concat());
    }
}

#[test]
fn deep_nesting_is_refused_without_a_stack_overflow() {
    let lines =
        |line: &str| (0..200).map(|depth| " ".repeat(depth) + line + "\n").collect::<String>();
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        "? ".repeat(100_000),
        format!("nodes: {}", "[".repeat(255) + &"]".repeat(255)),
        lines("a:") + &" ".repeat(200) + &"[".repeat(255) + &"]".repeat(255),
        lines("? - a:"),
    ] {
        check_never_panics(&text);
    }
}
