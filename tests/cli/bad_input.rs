//! What is wrong is told in full before anything starts, with exit code 2.

use crate::support::{Folder, PROGRAM, assert_snapshot};

/// Runs `flow.yaml`, which is wrong; what is told must be the snapshot.
fn assert_rejected(name: &str, folder: &Folder) {
    let ended = folder.run(&["run", "flow.yaml"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_eq!(ended.stdout, "");
    assert_snapshot(name, &ended.stderr);
    assert_eq!(folder.run(&["check", "flow.yaml"]).stderr, ended.stderr, "`check` tells the same");
}

const ONE: &str = "nodes:\n  - id: one\n    component: one.wasm\n";

#[test]
fn a_missing_component_is_told_with_its_place() {
    assert_rejected("missing-component", &Folder::with(ONE));
}

#[test]
fn a_truncated_component_is_told() {
    let whole = wat::parse_str(PROGRAM.replace("{}", "")).unwrap();
    let folder = Folder::with(ONE).file("one.wasm", &whole[..whole.len() / 2]);
    assert_rejected("truncated-component", &folder);
}

#[test]
fn a_file_that_is_no_wasm_is_told() {
    assert_rejected("no-wasm", &Folder::with(ONE).file("one.wasm", b"#!/bin/sh\n"));
}

#[test]
fn a_core_module_is_told_how_to_become_a_component() {
    assert_rejected("core-module", &Folder::with(ONE).wat("one.wasm", "(module)"));
}

#[test]
fn a_component_of_another_world_is_told_what_a_node_exports() {
    let other = r#"(component (instance $run) (export "wasi:cli/run@0.2.0" (instance $run)))"#;
    assert_rejected("other-world", &Folder::with(ONE).wat("one.wasm", other));
}

#[test]
fn a_component_of_a_newer_package_is_told_which_version_this_host_offers() {
    let newer = PROGRAM.replace("{}", r#"(import "thalweg:node/types@0.9.0" (instance))"#);
    assert_rejected("newer-package", &Folder::with(ONE).wat("one.wasm", &newer));
}

#[test]
fn an_import_that_no_host_offers_is_told() {
    let other = PROGRAM.replace("{}", r#"(import "acme:gpu/draw@1.0.0" (instance))"#);
    assert_rejected("unknown-import", &Folder::with(ONE).wat("one.wasm", &other));
}

#[test]
fn a_component_that_is_not_the_pinned_one_is_told_both_digests() {
    let flow = format!("{ONE}    sha256: {}\n", "ab".repeat(32));
    assert_rejected(
        "other-digest",
        &Folder::with(&flow).wat("one.wasm", &PROGRAM.replace("{}", "")),
    );
}

#[test]
fn every_problem_of_a_descriptor_is_told_with_its_line() {
    let flow = "nodes:
  - id: source
    component: guests/counts.wasm
    outputs: [out]
    grants: { read: { /data: no-such-folder } }
  - id: sink
    component: guests/verify.wasm
    inputs:
      in: source/uot
      few: { source: source/out, queue: 0 }
  - id: sink
    component: guests/echo.wasm
";
    assert_rejected("descriptor", &Folder::with(flow));
}

#[test]
fn every_component_that_is_wrong_is_told() {
    let flow = "nodes:
  - { id: one, component: one.wasm }
  - { id: two, component: two.wasm }
";
    let folder = Folder::with(flow).wat("one.wasm", "(module)").file("two.wasm", b"two");
    assert_rejected("two-components", &folder);
}

#[test]
fn a_descriptor_that_cannot_be_read_is_told_why() {
    let ended = Folder::with("").run(&["run", "no-such.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert_snapshot("no-descriptor", &ended.stderr);
}

#[test]
fn a_node_of_another_program_is_not_run() {
    let folder = Folder::with("nodes: [{ id: mine, embedded: true }]");
    let ended = folder.run(&["run", "flow.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert_snapshot("embedded", &ended.stderr);
    let checked = folder.run(&["check", "flow.yaml"]);
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(0), "ok: 1 node, 0 edges\n"));
}

#[test]
fn a_descriptor_is_checked_without_its_components_if_asked() {
    let folder = Folder::with(ONE).wat("one.wasm", "(module)");
    assert_eq!(folder.run(&["check", "flow.yaml"]).code, Some(2));
    assert_eq!(folder.run(&["check", "--no-components", "flow.yaml"]).code, Some(0));
}

#[test]
fn a_good_file_beside_a_bad_one_is_still_checked() {
    let good = "nodes: [{ id: mine, embedded: true }]";
    let folder = Folder::with("nodes:").file("good.yaml", good.as_bytes());
    let ended = folder.run(&["check", "flow.yaml", "good.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), "good.yaml: ok: 1 node, 0 edges\n"));
}

#[test]
fn what_the_command_line_does_not_know_is_wrong_input() {
    let folder = Folder::with(ONE);
    for arguments in [
        &["walk"][..],
        &["run"],
        &["run", "flow.yaml", "--threads", "0"],
        &["run", "flow.yaml", "--grace", "soon"],
    ] {
        assert_eq!(folder.run(arguments).code, Some(2), "{arguments:?}");
    }
    let unknown_level = folder.command(&["schema"]).env("THALWEG_LOG", "a=loud").output().unwrap();
    assert_eq!(unknown_level.status.code(), Some(2));
}
