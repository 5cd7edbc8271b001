//! What the tests share: a dataflow in a few lines, run to its end, with its report and its lines.

#![expect(unreachable_pub, reason = "a module of each test binary that uses it")]

pub mod wat;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::Poll;
use std::time::Duration;

use tempfile::TempDir;
use thalweg::{
    CodeCache, Compiler, Control, Dataflow, Event, InputReport, LogLine, NodeEvent, Outgoing,
    Ports, PrepareError, PreparedDataflow, RunReport, RunningDataflow, StartError, StartOptions,
};
use tokio::sync::mpsc;

/// A test that takes longer hangs. Far beyond what any needs on a loaded machine.
const HANG: Duration = Duration::from_secs(180);

/// A dataflow to be run. In its text `guests/NAME.wasm` is a guest of `guests/`, and `wat/NAME.wasm` a
/// component given by [`Flow::wat`].
pub struct Flow {
    folder: TempDir,
    text: String,
    embedded: BTreeMap<String, Embedded>,
    grace: Option<Duration>,
    python: Option<PathBuf>,
    events: Option<mpsc::UnboundedSender<NodeEvent>>,
    seen: Seen,
}

/// What each [`Flow::sink`] received.
type Seen = Arc<Mutex<BTreeMap<String, Vec<Event>>>>;
type Embedded = Box<dyn FnOnce(PreparedDataflow, &str) -> PreparedDataflow>;

/// What is left of a run.
#[derive(Debug)]
pub struct Outcome {
    pub report: RunReport,
    pub lines: Vec<LogLine>,
    seen: BTreeMap<String, Vec<Event>>,
}

impl Outcome {
    /// What a [`Flow::sink`] received.
    pub fn events(&self, sink: &str) -> &[Event] {
        &self.seen[sink]
    }

    /// What a [`Flow::sink`] received, each event as [`short`] writes it.
    pub fn seen(&self, sink: &str) -> Vec<String> {
        self.events(sink).iter().map(short).collect()
    }

    /// The texts of the messages that a [`Flow::sink`] received.
    pub fn texts(&self, sink: &str) -> Vec<String> {
        self.payloads(sink).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    /// The payloads that a [`Flow::sink`] received.
    pub fn payloads(&self, sink: &str) -> impl Iterator<Item = &bytes::Bytes> {
        self.events(sink).iter().filter_map(|event| match event {
            Event::Input(input) => Some(&input.message.payload),
            _ => None,
        })
    }

    /// The books of an input of a node.
    pub fn input(&self, node: &str, input: &str) -> &InputReport {
        let inputs = &self.report.node(node).unwrap().inputs;
        inputs.iter().find(|known| known.id == input).unwrap()
    }

    /// That every node ended well.
    #[track_caller]
    pub fn assert_ok(&self) {
        assert!(self.report.is_ok(), "{:#?}", self.report);
    }

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
    Flow {
        folder,
        text: text.into(),
        embedded: BTreeMap::new(),
        grace: None,
        python: None,
        events: None,
        seen: Seen::default(),
    }
}

impl Flow {
    /// The folder that relative paths begin at.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The checked graph.
    pub fn dataflow(&self) -> Dataflow {
        let dataflow = Dataflow::from_text(&self.text, self.folder());
        dataflow.unwrap_or_else(|error| panic!("{error}"))
    }

    /// A component in text form, as `wat/NAME.wasm`.
    pub fn wat(self, name: &str, text: &str) -> Self {
        self.file(&format!("wat/{name}.wasm"), &::wat::parse_str(text).unwrap())
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

    /// A node that sends these messages on `out` and ends.
    pub fn source<M: Into<Outgoing> + Send>(
        self,
        id: &str,
        messages: impl IntoIterator<Item = M, IntoIter: Send> + Send + 'static,
    ) -> Self {
        self.embed(id, move |mut ports| async move {
            for message in messages {
                ports.send("out", message).await.map_err(|error| error.to_string())?;
            }
            Ok(())
        })
    }

    /// A node that receives until its stream ends. [`Outcome`] has what it received.
    pub fn sink(self, id: &str) -> Self {
        let (seen, name) = (Arc::clone(&self.seen), id.to_owned());
        self.embed(id, move |mut ports| async move {
            let events = recv_all(&mut ports).await;
            seen.lock().unwrap().insert(name, events);
            Ok(())
        })
    }

    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// The interpreter of the embedding program.
    pub fn python(mut self, python: PathBuf) -> Self {
        self.python = Some(python);
        self
    }

    /// What happens to its nodes, beside the flow itself.
    pub fn events(mut self) -> (Self, mpsc::UnboundedReceiver<NodeEvent>) {
        let (sender, events) = mpsc::unbounded_channel();
        self.events = Some(sender);
        (self, events)
    }

    /// The code of an embedded node that may be started again.
    pub fn embed_restartable<F, R>(mut self, id: &str, node: F) -> Self
    where
        F: Fn(Ports) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        let embed = move |mut prepared: PreparedDataflow, id: &str| {
            prepared.embed_restartable(id, node).unwrap();
            prepared
        };
        self.embedded.insert(id.into(), Box::new(embed));
        self
    }

    pub fn prepare(&self) -> Result<PreparedDataflow, Vec<PrepareError>> {
        PreparedDataflow::new(self.dataflow(), compiler(), |_| {})
    }

    pub async fn try_start(self) -> Result<Running, StartError> {
        let (sender, mut receiver) = mpsc::channel(1024);
        let (running, seen, folder) = self.start_with_logs(sender).await?;
        let lines = tokio::spawn(async move {
            let mut lines = Vec::new();
            while let Some(line) = receiver.recv().await {
                lines.push(line);
            }
            lines
        });
        Ok(Running { running, lines, seen, folder })
    }

    /// Starts it with its lines going to `logs`.
    pub async fn start_with_logs(
        self,
        logs: mpsc::Sender<LogLine>,
    ) -> Result<(RunningDataflow, Seen, TempDir), StartError> {
        let mut prepared = self.prepare().unwrap_or_else(|errors| panic!("{errors:?}"));
        for (id, embed) in self.embedded {
            prepared = embed(prepared, &id);
        }
        let options = StartOptions {
            logs: Some(logs),
            events: self.events,
            grace: self.grace,
            python: self.python.map(Into::into),
            ..StartOptions::default()
        };
        let running = soon(prepared.start(options)).await?;
        Ok((running, self.seen, self.folder))
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
    pub lines: tokio::task::JoinHandle<Vec<LogLine>>,
    seen: Seen,
    folder: TempDir,
}

impl Running {
    pub fn control(&self) -> Control {
        self.running.control()
    }

    /// The folder that relative paths begin at.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub async fn wait(self) -> Outcome {
        self.wait_keeping_folder().await.0
    }

    /// Waits for its end, and gives the folder too, to look into it.
    pub async fn wait_keeping_folder(self) -> (Outcome, TempDir) {
        let report = soon(self.running.wait()).await;
        assert_eq!(report.unbalanced(), [""; 0], "{report:#?}");
        let lines = soon(self.lines).await.unwrap();
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        (Outcome { report, lines, seen }, self.folder)
    }

    /// Asks it to stop, and waits for its end.
    pub async fn stop(self) -> Outcome {
        self.running.stop();
        self.wait().await
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

/// Everything that is told until the dataflow has ended.
pub async fn all_told(events: &mut mpsc::UnboundedReceiver<NodeEvent>) -> Vec<NodeEvent> {
    let mut told = Vec::new();
    while let Some(event) = soon(events.recv()).await {
        told.push(event);
    }
    told
}

/// Waits for what must happen. With a paused clock a hang is seen at once.
pub async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(HANG, future).await.expect("it hangs")
}

/// With a paused clock: returns when every task waits for something that will not come by itself.
pub async fn at_rest() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Polls a future once and drops it.
pub async fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// An event, written short: `in:hello`, `in:hello (2 dropped)`, `tick tick (1 missed)`, `in failed: its words`,
/// `in failed, restarts: its words`, `in restarted 1`, `in closed`, `stop`.
pub fn short(event: &Event) -> String {
    let counted = |text: String, count: u64, what: &str| match count {
        0 => text,
        count => format!("{text} ({count} {what})"),
    };
    match event {
        Event::Input(input) => {
            let payload = String::from_utf8_lossy(&input.message.payload);
            counted(format!("{}:{payload}", input.id), input.dropped, "dropped")
        }
        Event::Tick(tick) => counted(format!("{} tick", tick.id), tick.missed, "missed"),
        Event::InputFailed(failed) => {
            let restarts = if failed.restarts { ", restarts" } else { "" };
            format!("{} failed{restarts}: {}", failed.id, failed.reason)
        }
        Event::InputRestarted(restarted) => {
            format!("{} restarted {}", restarted.id, restarted.count)
        }
        Event::InputClosed(closed) => {
            counted(format!("{} closed", closed.id), closed.dropped, "dropped")
        }
        Event::Stop(_) => "stop".into(),
    }
}
