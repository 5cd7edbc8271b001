//! A folder with files, the command in it, and texts that are compared with files. `BLESS=1` writes those.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A component that exports `run`, and beside it what is put for `{}`.
pub(crate) const PROGRAM: &str = r#"(component
    {}
    (core module $m (func (export "run") (result i32) i32.const 0) (memory (export "memory") 1))
    (core instance $i (instantiate $m))
    (func $run (result (result (error string)))
        (canon lift (core func $i "run") (memory (core memory $i "memory"))))
    (export "run" (func $run)))"#;

pub(crate) struct Folder(TempDir);

impl Folder {
    /// A folder with `flow.yaml`, in whose text `guests/NAME.wasm` is a guest of `guests/`.
    pub(crate) fn with(flow: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let guests = root().join("guests/target/components");
        assert!(guests.join("echo.wasm").exists(), "the guests are not built; run `guests/build`");
        std::os::unix::fs::symlink(guests, folder.path().join("guests")).unwrap();
        Self(folder).file("flow.yaml", flow.as_bytes())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(self, name: &str, bytes: &[u8]) -> Self {
        fs::write(self.path().join(name), bytes).unwrap();
        self
    }

    /// A component, from its text form.
    pub(crate) fn wat(self, name: &str, text: &str) -> Self {
        self.file(name, &wat::parse_str(text).unwrap())
    }

    /// The command in this folder, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = thalweg(self.path());
        // The dataflows of one test do not see those of others.
        command.env("XDG_RUNTIME_DIR", self.path());
        command.args(arguments);
        command
    }

    /// What is left of the command when it has ended.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }
}

/// The command in a folder: with a cache of the tests, and the same texts on every machine.
pub(crate) fn thalweg(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_thalweg"));
    command.current_dir(folder).stdin(Stdio::null());
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).env("COLUMNS", "100");
    command.env("XDG_RUNTIME_DIR", env!("CARGO_TARGET_TMPDIR"));
    for variable in ["THALWEG_LOG", "CLICOLOR_FORCE", "RUST_BACKTRACE"] {
        command.env_remove(variable);
    }
    command
}

#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Compares a text with `tests/cli/snapshots/NAME.txt`.
pub(crate) fn assert_snapshot(name: &str, text: &str) {
    let path = root().join("tests/cli/snapshots").join(name).with_extension("txt");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{} differs (BLESS=1 accepts it)", path.display());
}
