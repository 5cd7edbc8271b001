//! What the tests share: a dataflow in a few lines, run to its end, with its report and its lines.

#![expect(unreachable_pub, reason = "a module of each test binary that uses it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;
use thalweg::{
    CodeCache, Compiler, Control, Dataflow, Event, LogLine, Ports, PrepareError, PreparedDataflow,
    RunReport, RunningDataflow, StartError, StartOptions,
};
use tokio::sync::mpsc;

/// A dataflow to be run. In its text `guests/NAME.wasm` is a guest of `guests/`, and `wat/NAME.wasm` a
/// component given by [`Flow::wat`].
pub struct Flow {
    folder: TempDir,
    text: String,
    embedded: BTreeMap<String, Embedded>,
    grace: Option<Duration>,
}

type Embedded = Box<dyn FnOnce(PreparedDataflow, &str) -> PreparedDataflow>;

/// What is left of a run.
#[derive(Debug)]
pub struct Outcome {
    pub report: RunReport,
    pub lines: Vec<LogLine>,
}

impl Outcome {
    /// The name of the end of a node.
    pub fn exit(&self, node: &str) -> &'static str {
        self.report.node(node).unwrap().exit.name()
    }

    /// The end of a node in words.
    pub fn exit_text(&self, node: &str) -> String {
        self.report.node(node).unwrap().exit.to_string()
    }

    /// The lines of a node.
    pub fn lines_of(&self, node: &str) -> Vec<&str> {
        let of_node = self.lines.iter().filter(|line| line.node.as_str() == node);
        of_node.map(|line| line.text.as_str()).collect()
    }
}

pub fn flow(text: &str) -> Flow {
    let folder = tempfile::tempdir().unwrap();
    let guests = root().join("guests/target/components");
    assert!(guests.join("echo.wasm").exists(), "the guests are not built; run `guests/build`");
    std::os::unix::fs::symlink(guests, folder.path().join("guests")).unwrap();
    std::fs::create_dir(folder.path().join("wat")).unwrap();
    Flow { folder, text: text.into(), embedded: BTreeMap::new(), grace: None }
}

impl Flow {
    /// The folder that relative paths begin at.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A component in text form, as `wat/NAME.wasm`.
    pub fn wat(self, name: &str, text: &str) -> Self {
        self.file(&format!("wat/{name}.wasm"), &wat::parse_str(text).unwrap())
    }

    /// A file with these bytes.
    pub fn file(self, path: &str, bytes: &[u8]) -> Self {
        std::fs::write(self.folder.path().join(path), bytes).unwrap();
        self
    }

    /// The code of an embedded node.
    pub fn embed<F, R>(mut self, id: &str, node: F) -> Self
    where
        F: FnOnce(Ports) -> R + Send + 'static,
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        let embed = move |mut prepared: PreparedDataflow, id: &str| {
            prepared.embed(id, node).unwrap();
            prepared
        };
        self.embedded.insert(id.into(), Box::new(embed));
        self
    }

    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    pub fn prepare(&self) -> Result<PreparedDataflow, Vec<PrepareError>> {
        let dataflow = Dataflow::from_text(&self.text, self.folder.path());
        PreparedDataflow::new(dataflow.unwrap_or_else(|e| panic!("{e}")), compiler(), |_| {})
    }

    pub async fn try_start(self) -> Result<Running, StartError> {
        let mut prepared = self.prepare().unwrap_or_else(|errors| panic!("{errors:?}"));
        for (id, embed) in self.embedded {
            prepared = embed(prepared, &id);
        }
        let (sender, mut receiver) = mpsc::channel(1024);
        let options = StartOptions { logs: Some(sender), grace: self.grace };
        let running = prepared.start(options).await?;
        let lines = tokio::spawn(async move {
            let mut lines = Vec::new();
            while let Some(line) = receiver.recv().await {
                lines.push(line);
            }
            lines
        });
        Ok(Running { running, lines, _folder: self.folder })
    }

    pub async fn start(self) -> Running {
        self.try_start().await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs it to its end.
    pub async fn run(self) -> Outcome {
        self.start().await.wait().await
    }
}

/// A dataflow that runs.
pub struct Running {
    pub running: RunningDataflow,
    lines: tokio::task::JoinHandle<Vec<LogLine>>,
    _folder: TempDir,
}

impl Running {
    pub fn control(&self) -> Control {
        self.running.control()
    }

    pub async fn wait(self) -> Outcome {
        let report = self.running.wait().await;
        assert_eq!(report.unbalanced(), [""; 0], "{report:#?}");
        Outcome { report, lines: self.lines.await.unwrap() }
    }
}

/// The one compiler of the tests, with a cache of their own.
pub fn compiler() -> &'static Compiler {
    static COMPILER: OnceLock<Compiler> = OnceLock::new();
    COMPILER.get_or_init(|| {
        let cache = CodeCache::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("code"));
        Compiler::new(Some(cache)).unwrap()
    })
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Everything that a node receives until its stream ends.
pub async fn recv_all(ports: &mut Ports) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = ports.recv().await {
        events.push(event);
    }
    events
}

/// An event, written short: `in:hello`, `tick`, `in closed`, `stop`.
pub fn short(event: &Event) -> String {
    match event {
        Event::Input(input) => {
            format!("{}:{}", input.id, String::from_utf8_lossy(&input.message.payload))
        }
        Event::Tick(tick) => format!("{} tick", tick.id),
        Event::InputClosed(closed) => format!("{} closed", closed.id),
        Event::Stop(_) => "stop".into(),
    }
}
