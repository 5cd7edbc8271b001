//! Nodes that are processes, as the environment of the command has it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Ended, Folder, assert_snapshot, root};

const USUAL: &str = "nodes:\n  - { id: one, python: one.py }\n";
const BY_UV: &str = "nodes:\n  - { id: one, python: one.py, interpreter: uv }\n";

#[test]
fn uv_runs_a_script_as_a_command_of_its_project() {
    let script = "import os, sys; print(os.getcwd() == sys.argv[1])";
    let folder = Folder::with(BY_UV).file("one.py", script.as_bytes());
    // What uv does with `run --quiet --project FOLDER python ARGS`, but for the project.
    let uv = "#!/bin/sh\necho \"$1 $2 $3\"; shift 5; exec python3 \"$@\" \"$PWD\"\n";
    fs::create_dir(folder.path().join("bin")).unwrap();
    let folder = folder.file("bin/uv", uv.as_bytes());
    fs::set_permissions(folder.path().join("bin/uv"), Permissions::from_mode(0o755)).unwrap();
    let mut command = folder.command(&["run", "--report", "none", "flow.yaml"]);
    let path = format!("{}/bin:{}", folder.path().display(), std::env::var("PATH").unwrap());
    command.env("PATH", path).env("PYTHONPATH", root().join("tests/support/fake_thalweg"));
    let ended = Ended::from(command.output().unwrap());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert_eq!(ended.stdout, "one | run --quiet --project\none | True\n");
}

#[test]
fn uv_that_is_not_there_is_told_before_the_start() {
    let folder = Folder::with(BY_UV).file("one.py", b"");
    let ended =
        Ended::from(folder.command(&["check", "flow.yaml"]).env("PATH", "").output().unwrap());
    assert_eq!(ended.code, Some(2));
    assert_snapshot("no-uv", &ended.stderr);
}

#[test]
fn a_machine_without_python_is_told_where_it_was_looked_for() {
    let folder = Folder::with(USUAL).file("one.py", b"");
    let mut command = folder.command(&["run", "flow.yaml"]);
    command.env("PATH", "/no/such/folder").env_remove("VIRTUAL_ENV");
    let ended = Ended::from(command.output().unwrap());
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
    let folder = fs::canonicalize(folder.path()).unwrap();
    let expected = format!(
        "error: node `one`: script `one.py`: there is no Python to run it: neither `bin/python` of an active venv, nor `.venv/bin/python` in `{}` or above, nor `python3` or `python` on PATH; make a venv beside it, or name its Python under `interpreter`\n",
        folder.display()
    );
    assert_eq!(ended.stderr, expected);
}
