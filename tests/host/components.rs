//! What is wrong with a component is told before anything starts, and compiled code is kept on disk.

use std::fs;
use std::path::{Path, PathBuf};

use thalweg::{
    CodeCache, Compiler, ComponentProblem, Digest, PrepareError, PreparedDataflow, StartOptions,
};

use crate::support::{compiler, flow, root, soon, wat};

/// The problem of a node whose file holds these bytes.
fn problem_of(bytes: &[u8]) -> ComponentProblem {
    let flow = flow("nodes: [{ id: node, component: wat/node.wasm }]").file("wat/node.wasm", bytes);
    let mut errors = flow.prepare().err().expect("a component that is refused");
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0).problem
}

fn problem_of_wat(text: &str) -> ComponentProblem {
    problem_of(&::wat::parse_str(text).unwrap())
}

/// A component that returns at once, beside which `beside` stands.
fn bare(beside: &str) -> String {
    wat::bare_program(beside, &wat::memory(1))
}

fn guest(name: &str) -> PathBuf {
    root().join(format!("guests/target/components/{name}.wasm"))
}

#[test]
fn a_file_that_vanished_is_an_error() {
    let flow = flow("nodes: [{ id: node, component: wat/node.wasm }]").file("wat/node.wasm", b"");
    let dataflow = flow.dataflow();
    fs::remove_file(flow.folder().join("wat/node.wasm")).unwrap();
    let errors = PreparedDataflow::new(dataflow, compiler(), |_| {}).err().unwrap();
    let [PrepareError { problem: ComponentProblem::Unreadable(_), .. }] = &errors[..] else {
        panic!("{errors:?}");
    };
    let text = errors[0].to_string();
    assert!(text.starts_with("node `node`: component `"), "{text}");
    assert!(text.contains("cannot read it: No such file"), "{text}");
}

#[test]
fn what_is_no_webassembly_is_told_apart() {
    for bytes in [&b""[..], b"#!/bin/sh\necho hello\n", b"\x7fELF\0\0\0\0", b"\0as"] {
        let problem = problem_of(bytes);
        let expected = if bytes == b"\0as" { "cut short" } else { "it is no WebAssembly" };
        assert!(problem.to_string().contains(expected), "{bytes:?}: {problem}");
    }
    let problem = problem_of_wat("(module (func (export \"run\")))");
    assert!(matches!(problem, ComponentProblem::CoreModule), "{problem}");
    assert!(problem.to_string().contains("wasm-tools component new"), "{problem}");
}

#[test]
fn a_component_that_was_cut_short_is_not_valid() {
    let whole = fs::read(guest("echo")).unwrap();
    for length in [4, 7, 8, 9, 100, 1000, whole.len() / 2, whole.len() - 1] {
        let problem = problem_of(&whole[..length]);
        let refused =
            matches!(problem, ComponentProblem::Invalid(_) | ComponentProblem::NoWorld { .. });
        assert!(refused, "{length} bytes: {problem}");
    }
}

#[test]
fn a_component_whose_bytes_were_changed_is_refused_or_prepared() {
    let whole = fs::read(guest("echo")).unwrap();
    let compiler = Compiler::new(None).unwrap();
    for position in (8..whole.len()).step_by(whole.len() / 40) {
        let mut changed = whole.clone();
        changed[position] ^= 0x55;
        let flow =
            flow("nodes: [{ id: node, component: wat/node.wasm }]").file("wat/node.wasm", &changed);
        let dataflow = flow.dataflow();
        drop(PreparedDataflow::new(dataflow, &compiler, |_| {}));
    }
}

#[test]
fn components_of_other_worlds_are_named_by_what_they_export() {
    let command = r#"(component
        (core module $m (func (export "run") (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $run (export "run" (func $run)))
        (export "wasi:cli/run@0.2.6" (instance $run)))"#;
    let text = problem_of_wat(command).to_string();
    assert!(text.contains("it exports `wasi:cli/run@0.2.6`, but a node exports"), "{text}");
    let text = problem_of_wat("(component)").to_string();
    assert!(text.contains("it exports nothing, but a node exports"), "{text}");
    let both = bare("").replace(
        "(func (export \"run\")",
        "(func (export \"on-events\") (canon lift (core func $node \"none\")))
         (func (export \"run\")",
    );
    let both = both.replace("(core module $code", "(core module $code (func (export \"none\"))");
    let problem = problem_of_wat(&both);
    assert!(matches!(problem, ComponentProblem::TwoWorlds), "{problem}");
}

#[test]
fn imports_that_no_node_has_are_named() {
    let problem = problem_of_wat(&bare(r#"(import "thalweg:node/types@0.2.0" (instance))"#));
    let text = problem.to_string();
    assert!(matches!(problem, ComponentProblem::OtherVersion { .. }), "{text}");
    assert!(text.contains("built for `thalweg:node/types@0.2.0`"), "{text}");
    for import in ["wasi:http/types@0.2.0", "wasi:cli/environment@0.3.0", "env"] {
        let problem = problem_of_wat(&bare(&format!("(import \"{import}\" (instance))")));
        assert!(matches!(problem, ComponentProblem::UnknownImport { .. }), "{problem}");
        assert!(problem.to_string().contains(&format!("it imports `{import}`")), "{problem}");
    }
    let unknown = r#"(import "thalweg:node/secrets@0.1.0" (instance (export "get" (func))))"#;
    let problem = problem_of_wat(&bare(unknown));
    assert!(problem.to_string().contains("thalweg:node/secrets@0.1.0"), "{problem}");
}

#[test]
fn functions_of_another_type_are_refused_before_the_start() {
    let import = r#"(import "thalweg:node/lifecycle@0.1.0"
        (instance (export "finish" (func (param "now" bool)))))"#;
    let export = bare("").replace("(result (result (error string)))", "(result s32)");
    let export = export.replace("(memory (core memory $node \"memory\"))", "");
    for (text, name) in [(bare(import), "finish"), (export, "run")] {
        let problem = problem_of_wat(&text);
        assert!(matches!(problem, ComponentProblem::OtherType(_)), "{problem}");
        assert!(problem.to_string().starts_with("it does not fit its world: "), "{problem}");
        assert!(problem.to_string().contains(name), "{problem}");
    }
}

#[test]
fn a_pinned_component_must_have_its_digest() {
    let digest = Digest::of(&fs::read(guest("echo")).unwrap()).to_string();
    let text = |pin: &str| {
        format!("nodes: [{{ id: node, component: guests/echo.wasm, sha256: '{pin}' }}]")
    };
    assert!(flow(&text(&digest)).prepare().is_ok());
    let other = "0".repeat(digest.len());
    let errors = flow(&text(&other)).prepare().err().unwrap();
    let problem = errors[0].problem.to_string();
    assert!(matches!(errors[0].problem, ComponentProblem::OtherDigest { .. }), "{problem}");
    assert!(problem.contains(&digest) && problem.contains(&other), "{problem}");
}

#[test]
fn every_problem_of_every_node_is_told() {
    let text = "
nodes:
  - { id: a, component: wat/core.wasm }
  - { id: b, component: guests/echo.wasm }
  - { id: c, component: wat/text.wasm }
  - { id: d, component: wat/text.wasm }
";
    let flow = flow(text).wat("core", "(module)").file("wat/text.wasm", b"not wasm at all");
    let errors = flow.prepare().err().unwrap();
    let nodes: Vec<_> = errors.iter().map(|error| error.node.as_str()).collect();
    assert_eq!(nodes, ["a", "c"], "a file that two nodes share is told of once");
}

/// The entries of a cache, each with when it was made.
fn entries(cache: &Path) -> Vec<(PathBuf, std::time::SystemTime)> {
    let Ok(folder) = fs::read_dir(cache) else { return Vec::new() };
    let paths = folder.map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), fs::metadata(path).unwrap().modified().unwrap())).collect()
}

async fn runs_with_cache(cache: &Path) {
    let compiler = Compiler::new(Some(CodeCache::new(cache))).unwrap();
    let flow = flow("nodes: [{ id: node, component: wat/node.wasm }]").wat("node", &bare(""));
    let dataflow = flow.dataflow();
    let prepared = PreparedDataflow::new(dataflow, &compiler, |_| {}).unwrap();
    let running = prepared.start(StartOptions::default()).await.unwrap();
    assert!(soon(running.wait()).await.is_ok());
}

#[tokio::test]
async fn a_component_is_compiled_once_and_its_code_kept() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("code");
    runs_with_cache(&cache).await;
    let kept = entries(&cache);
    assert_eq!(kept.len(), 1);
    runs_with_cache(&cache).await;
    assert_eq!(entries(&cache), kept, "the entry is used, not made again");
}

#[tokio::test]
async fn an_entry_that_is_not_whole_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("code");
    runs_with_cache(&cache).await;
    let (entry, _) = entries(&cache).remove(0);
    let whole = fs::read(&entry).unwrap();
    let foreign = b"someone else's".repeat(100);
    let cut = whole[..whole.len() / 2].to_vec();
    let changed: Vec<_> = whole.iter().map(|byte| byte ^ 1).collect();
    for damaged in [foreign, cut, changed, Vec::new()] {
        fs::write(&entry, damaged).unwrap();
        runs_with_cache(&cache).await;
        assert_eq!(fs::read(&entry).unwrap().len(), whole.len());
    }
}

#[tokio::test]
async fn a_cache_that_cannot_be_used_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "no folder").unwrap();
    runs_with_cache(&file).await;
}
