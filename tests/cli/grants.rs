//! What a dataflow hands out, as someone sees it before they run it.

use serde_json::Value;

use crate::support::{Folder, PROGRAM, assert_snapshot};

const ALL: &str = "queued_bytes: 2GiB
nodes:
  - id: disk
    component: guests/system-load.wasm
    args: [--fast, a b]
    env: { MODE: \"quick\\nly\" }
    grants:
      read: { /data: data, /here: . }
      write: { \"/out put\": data }
      env: [HOME]
      connect: [\"10.0.0.1:80\", \"*:443\"]
      listen: [\"[::1]:*\"]
      name_lookup: true
      stdio: inherit
    limits: { memory: 256MiB, cpu: 2s, cpu_share: 50%, rate: 10, log: 2MiB }
  - id: deaf
    component: deaf.wasm
    grants: { read: { /data: data }, name_lookup: true }
  - { id: greedy, component: greedy.wasm, limits: { inline: 0 } }
  - id: script
    python: script.py
    interpreter: bin/python
    args: [-v]
    env: { LEVEL: debug }
  - { id: seat, attached: true }
  - { id: mine, embedded: true }
  - { id: quiet, component: deaf.wasm }
  - { id: still, component: greedy.wasm }
";

fn folder() -> Folder {
    let greedy = r#"(import "wasi:filesystem/preopens@0.2.6" (instance))
        (import "wasi:sockets/network@0.2.6" (instance))
        (import "wasi:cli/stdout@0.2.6" (instance))"#;
    let folder = Folder::with(ALL)
        .wat("deaf.wasm", &PROGRAM.replace("{}", ""))
        .wat("greedy.wasm", &PROGRAM.replace("{}", greedy))
        .file("script.py", b"");
    for name in ["data", "bin"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    std::os::unix::fs::symlink("/bin/sh", folder.path().join("bin/python")).unwrap();
    folder
}

/// The text with the folder of the test left out, which has another name each time.
fn listed(folder: &Folder, arguments: &[&str]) -> String {
    let ended = folder.run(arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let real = folder.path().canonicalize().unwrap();
    ended.stdout.replace(real.to_str().unwrap(), "FOLDER")
}

#[test]
fn everything_that_is_given_is_listed_and_what_is_asked_for_beside_it() {
    let folder = folder();
    assert_snapshot("grants", &listed(&folder, &["check", "--grants", "flow.yaml"]));
}

#[test]
fn without_components_only_what_is_given_is_listed() {
    let folder = folder().file("greedy.wasm", b"none");
    let text = listed(&folder, &["check", "--grants", "--no-components", "flow.yaml"]);
    assert!(text.contains("disk: component guests/system-load.wasm\n  read /data from data"));
    assert!(!text.contains("it also imports"), "{text}");
    assert_eq!(folder.run(&["check", "--grants", "flow.yaml"]).code, Some(2));
}

#[test]
fn programs_read_the_same_as_json() {
    let folder = folder();
    let text = listed(&folder, &["check", "--grants", "--format", "json", "flow.yaml"]);
    let files: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(files[0]["file"], "flow.yaml");
    assert_eq!(files[0]["given"][0]["text"], "limit queued_bytes 2GiB");
    let nodes = &files[0]["nodes"];
    assert_eq!(nodes[0]["given"][1]["text"], "read /here from .");
    assert_eq!(nodes[0]["given"][1]["note"], "here FOLDER");
    assert_eq!(nodes[0]["given"][1]["usable"], true);
    assert_eq!(nodes[1]["given"][0]["usable"], false);
    assert_eq!(nodes[1]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(nodes[2]["imported_not_granted"], serde_json::json!(["folders", "network"]));
    assert_eq!((&nodes[3]["kind"], &nodes[3]["sandboxed"]), (&"script".into(), &false.into()));
    assert_eq!(nodes[6]["given"], serde_json::json!([]));
}

#[test]
fn a_form_without_a_list_is_wrong_input() {
    assert_eq!(folder().run(&["check", "--format", "json", "flow.yaml"]).code, Some(2));
}
