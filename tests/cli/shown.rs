//! What the command shows of itself, of dataflows and of components.

use std::process::Stdio;

use serde_json::Value;

use crate::support::{Folder, PROGRAM, assert_snapshot, root, thalweg};

const COMMANDS: [&str; 12] = [
    "",
    "run",
    "check",
    "lock",
    "graph",
    "inspect",
    "status",
    "stop",
    "restart",
    "swap",
    "schema",
    "completions",
];

#[test]
fn every_help_text_is_as_written() {
    let folder = Folder::with("");
    for command in COMMANDS {
        let arguments: Vec<_> = [command, "--help"].into_iter().filter(|a| !a.is_empty()).collect();
        let ended = folder.run(&arguments);
        assert_eq!(ended.code, Some(0));
        assert_snapshot(format!("help-{command}").trim_end_matches('-'), &ended.stdout);
    }
}

#[test]
fn the_help_and_the_readme_list_the_same_exit_codes() {
    let help = Folder::with("").run(&["--help"]).stdout;
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let codes: Vec<_> = codes.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(codes.len(), 4);
    for line in codes {
        let (code, meaning) = line.trim().split_once(' ').unwrap();
        let row = format!("| {code} | {} |", meaning.trim());
        assert!(readme.contains(&row), "README.md lacks `{row}`");
    }
}

#[test]
fn the_schema_is_json_for_editors() {
    let schema: Value = serde_json::from_str(&Folder::with("").run(&["schema"]).stdout).unwrap();
    assert!(schema["properties"]["nodes"].is_object());
}

#[test]
fn every_shell_has_completions() {
    let folder = Folder::with("");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = folder.run(&["completions", shell]);
        assert_eq!(ended.code, Some(0));
        assert!(ended.stdout.contains("report-file"), "{shell}");
    }
}

#[test]
fn a_dataflow_is_drawn_in_each_form() {
    let draw = |arguments: &[&str]| {
        let ended =
            thalweg(&root()).args(["graph", "examples/quickstart.yaml"]).args(arguments).output();
        String::from_utf8(ended.unwrap().stdout).unwrap()
    };
    assert_snapshot("graph-mermaid", &draw(&[]));
    assert!(draw(&["--format", "svg"]).starts_with("<svg "));
    let page = draw(&["--format", "html"]);
    assert!(page.contains("<title>quickstart</title>") && page.contains("<svg "), "{page}");
    assert!(!page.contains("src=") && !page.contains("href="), "it needs nothing else: {page}");
}

#[test]
fn a_drawing_goes_into_a_file_if_asked() {
    let folder = Folder::with("nodes: [{ id: mine, embedded: true }]");
    let ended = folder.run(&["graph", "flow.yaml", "-o", "flow.mmd"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
    assert!(folder.read("flow.mmd").starts_with("flowchart LR\n"));
    let unwritable = folder.run(&["graph", "flow.yaml", "-o", "no/such/folder"]);
    assert_eq!(unwritable.code, Some(2));
}

#[test]
fn a_component_without_wasi_needs_no_grants() {
    let folder = Folder::with("").wat("node.wasm", &PROGRAM.replace("{}", ""));
    assert_snapshot("inspect-program", &folder.run(&["inspect", "node.wasm"]).stdout);
}

#[test]
fn imports_are_told_by_who_gives_them_a_meaning() {
    let imports = r#"
        (import "thalweg:node/types@0.1.0" (instance))
        (import "wasi:filesystem/preopens@0.2.6" (instance))
        (import "wasi:cli/environment@0.2.6" (instance))
        (import "wasi:sockets/network@0.2.6" (instance))
        (import "wasi:sockets/ip-name-lookup@0.2.6" (instance))
        (import "acme:gpu/draw@1.0.0" (instance))"#;
    let folder = Folder::with("").wat("node.wasm", &PROGRAM.replace("{}", imports));
    assert_snapshot("inspect-imports", &folder.run(&["inspect", "node.wasm"]).stdout);
    let json: Value =
        serde_json::from_str(&folder.run(&["inspect", "node.wasm", "--json"]).stdout).unwrap();
    assert_eq!(json["world"], "program");
    assert_eq!(json["imports"]["refused"][0]["name"], "acme:gpu/draw@1.0.0");
    assert_eq!(json["may_use_grants"][0], "read");
}

#[test]
fn what_a_component_says_of_itself_moves_no_cursor() {
    let module = r#"(core module $m (import "\1b[2Jgone" "\1b]0;owned\07" (func))
        (@producers (language "\1b[31mRust" "1\0d")))"#;
    let exports = r#"(core instance (instantiate $m))"#;
    let text = |rest: &str| format!("(component {module} {rest})");
    let flow = "nodes: [{ id: evil, component: evil.wasm }]";
    let folder = Folder::with(flow).wat("evil.wasm", &text(exports)).wat("shown.wasm", &text(""));
    let shown = folder.run(&["inspect", "shown.wasm"]).stdout;
    assert!(shown.contains("made with  \\u{1b}[31mRust 1\n"), "{shown:?}");
    let checked = folder.run(&["check", "flow.yaml"]);
    assert_eq!(checked.code, Some(2));
    let told = checked.stdout + &checked.stderr;
    assert!(told.contains("\\u{1b}[2Jgone") && !told.contains('\u{1b}'), "{told:?}");
}

#[test]
fn a_component_of_no_world_says_why() {
    let folder = Folder::with("").wat("node.wasm", "(component)");
    let ended = folder.run(&["inspect", "node.wasm"]);
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.stdout.starts_with("world      none: it is of another world: it exports nothing")
    );
}

#[test]
fn every_guest_can_be_inspected() {
    let folder = Folder::with("");
    for guest in std::fs::read_dir(folder.path().join("guests")).unwrap() {
        let guest = guest.unwrap().path();
        if guest.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        let ended = folder.run(&["inspect", "--json", guest.to_str().unwrap()]);
        let json: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert!(json["world"].is_string(), "{guest:?}: {json}");
        assert_eq!(json["imports"]["refused"], serde_json::json!([]), "{guest:?}");
    }
}

#[test]
fn a_file_that_is_no_component_is_not_inspected() {
    let folder = Folder::with("").wat("module.wasm", "(module)").file("text.wasm", b"text");
    for file in ["module.wasm", "text.wasm", "none.wasm"] {
        let ended = folder.run(&["inspect", file]);
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.starts_with(&format!("error: `{file}`: ")), "{}", ended.stderr);
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let folder = Folder::with("");
    let output =
        folder.command(&["schema"]).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
