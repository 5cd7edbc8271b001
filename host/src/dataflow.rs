//! The checked graph. What is here is right: every source exists, every limit is in range, and no
//! cycle can block itself. The check is the only constructor.

mod bounds;
mod check;
mod code;
mod component;
pub(crate) mod cycles;
mod env;
mod feed;
mod files;
mod process;
mod supervision;
pub(crate) mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::descriptor::{Descriptor, DescriptorError, MAX_DESCRIPTOR_BYTES, Problems};
use crate::digest::Digest;
use crate::event::Parameters;
use crate::id::{InputId, NodeId, OutputId, OutputRef};

pub(crate) use bounds::QUEUED_BYTES;
pub(crate) use files::{is_program, on_path};
pub use supervision::{InHand, OnFailure, RestartPolicy, RestartWhen, Supervision};

/// A graph of nodes that is known to be right. Made by [`Dataflow::from_file`] or
/// [`Dataflow::from_text`].
#[derive(Clone, Debug)]
pub struct Dataflow {
    pub(crate) nodes: Vec<Node>,
    pub(crate) grace: Duration,
    /// Bytes that may wait in all queues together.
    pub(crate) queued_bytes: u64,
    pub(crate) on_failure: OnFailure,
    /// Each list holds the positions in `nodes` of nodes that can reach each other.
    pub(crate) cycles: Vec<Vec<usize>>,
    /// What its paths are relative to.
    pub(crate) base: PathBuf,
}

/// One node of a [`Dataflow`].
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub id: NodeId,
    /// What runs it.
    pub code: Code,
    /// Its inputs, in the order of their names.
    pub inputs: Vec<Input>,
    /// Its outputs, in the order written.
    pub outputs: Vec<OutputId>,
    /// What it may ask for by `thalweg:node/parameters`.
    pub parameters: Parameters,
    /// When it is started again, and how long it may take for what.
    pub supervision: Supervision,
}

/// What runs a node.
#[derive(Clone, Debug)]
pub enum Code {
    /// A sandboxed component.
    Component(Box<Component>),
    /// A Python script, in a process of its own.
    Process(Box<Process>),
    /// A process that the host does not start: it attaches by the node's id.
    Attached,
    /// The program that embeds the runtime.
    Embedded,
}

/// A component and what it may do.
#[derive(Clone, Debug)]
pub struct Component {
    /// The file.
    pub path: PathBuf,
    /// What the file must hash to, where the descriptor pins it.
    pub sha256: Option<[u8; 32]>,
    /// What the file must hash to, where a lock file holds it.
    pub(crate) locked: Option<Digest>,
    /// Its arguments, after the node's id.
    pub args: Vec<String>,
    /// Its environment, with the granted variables of the host already in it.
    pub env: BTreeMap<String, String>,
    /// What it may reach.
    pub grants: Grants,
    /// What it may use.
    pub limits: Limits,
}

/// A Python script and how it is started. It is in no sandbox: it may do what the host's user may do.
#[derive(Clone, Debug)]
pub struct Process {
    /// The script.
    pub script: PathBuf,
    /// What runs it.
    pub interpreter: Interpreter,
    /// Its arguments, after the script.
    pub args: Vec<String>,
    /// Its own variables, added to the environment of the host.
    pub env: BTreeMap<String, String>,
    /// Bytes that it may write to its standard streams in a second: `limits.log`.
    pub log: u64,
    /// What the script must hash to, where a lock file holds it.
    pub(crate) locked: Option<Digest>,
}

/// What runs a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interpreter {
    /// The first that there is: that of the embedding program, of the active venv, of the `.venv` nearest
    /// above the script, `python3` and `python` on PATH.
    Usual,
    /// `uv run`, in the project that the script is in.
    Uv,
    /// This executable file.
    Path(PathBuf),
    /// A command.
    Command {
        /// Its name, as written.
        name: String,
        /// The file, which was found on PATH.
        path: PathBuf,
    },
}

/// What a component may reach. The default is nothing.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// Folders, by the path that the component sees.
    pub folders: Vec<Folder>,
    /// The names of the variables of the host that it has, in the order written.
    pub env: Vec<String>,
    /// Where it may connect to, by TCP or UDP.
    pub connect: Vec<Address>,
    /// Where it may listen, by TCP or UDP.
    pub listen: Vec<Address>,
    /// Whether it may look up names.
    pub name_lookup: bool,
    /// Whether it has the host's own standard streams instead of labelled lines.
    pub stdio: bool,
}

/// A folder that a component may open.
#[derive(Clone, Debug)]
pub struct Folder {
    /// The path that the component sees.
    pub guest: String,
    /// The folder on this machine.
    pub host: PathBuf,
    /// Whether it may also write there.
    pub writable: bool,
}

/// An address, or any port or any address where a part is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address; none is any.
    pub ip: Option<IpAddr>,
    /// The port; none is any.
    pub port: Option<u16>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            Some(IpAddr::V6(ip)) => write!(f, "[{ip}]:")?,
            Some(IpAddr::V4(ip)) => write!(f, "{ip}:")?,
            None => f.write_str("*:")?,
        }
        match self.port {
            Some(port) => port.fmt(f),
            None => f.write_str("*"),
        }
    }
}

/// What a component may use. Passing one of them ends the node, unless it says that the node waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory, all memories of the component together.
    pub memory: u64,
    /// Elements of all its tables together.
    pub table_elements: u64,
    /// CPU time for one event.
    pub cpu: Duration,
    /// Bytes of one message that it sends, payload and parameters together.
    pub payload: u64,
    /// Bytes of payloads that its handles hold in the host.
    pub buffers: u64,
    /// Payloads up to this many bytes are copied into the component with the event.
    pub inline: u64,
    /// The part of one core that it may use over time, in percent; none for all that there is. Beyond, it
    /// waits.
    pub cpu_share: Option<u64>,
    /// Messages that it may send in a second; none for as many as its readers take. Beyond, it waits.
    pub rate: Option<u64>,
    /// Bytes that it may write to the log in a second. Beyond, it waits.
    pub log: u64,
}

/// One input of a [`Node`].
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name.
    pub id: InputId,
    /// What feeds it.
    pub feed: Feed,
}

/// What feeds an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Feed {
    /// The output of a node.
    Source {
        /// Position of the node in [`Dataflow::nodes`].
        node: usize,
        /// Position of the output in its outputs.
        output: usize,
        /// How much may wait, and what happens beyond.
        queue: Queue,
    },
    /// A timer, first due one period after the start.
    Timer(Duration),
}

/// The bounds of an input's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// How many messages may wait.
    pub events: NonZeroU32,
    /// How many bytes of payload may wait. A larger message is let into an empty queue.
    pub bytes: u64,
    /// What happens to a message beyond them.
    pub overflow: Overflow,
}

/// What happens to a message for which an input has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The sender waits.
    Block,
    /// The oldest waiting messages make room.
    DropOldest,
    /// It is dropped.
    DropNewest,
}

impl Dataflow {
    /// Reads and checks a descriptor. Its paths are relative to the folder that it is in.
    ///
    /// Looks at the files and folders that the descriptor names, and at the environment variables that
    /// it grants, but reads no component.
    pub fn from_file(path: &Path) -> Result<Self, DescriptorError> {
        let unreadable = |source| DescriptorError::Unreadable { path: path.to_owned(), source };
        let bytes = read(path).map_err(unreadable)?;
        if bytes.len() > MAX_DESCRIPTOR_BYTES {
            return Err(DescriptorError::TooLarge);
        }
        let not_text = |error| unreadable(io::Error::new(io::ErrorKind::InvalidData, error));
        let text = String::from_utf8(bytes).map_err(not_text)?;
        Self::from_text(&text, path.parent().unwrap_or(Path::new("")))
    }

    /// Checks the text of a descriptor. Its paths are relative to `base`. See [`Dataflow::from_file`].
    pub fn from_text(text: &str, base: &Path) -> Result<Self, DescriptorError> {
        if text.len() > MAX_DESCRIPTOR_BYTES {
            return Err(DescriptorError::TooLarge);
        }
        let mut problems = Problems::default();
        let descriptor = Descriptor::read(text, &mut problems);
        let dataflow = check::check(&descriptor, base, &mut problems);
        match problems.into_error() {
            Some(error) => Err(error),
            None => Ok(dataflow.expect("a descriptor without problems is a dataflow")),
        }
    }

    /// The nodes, in the order written.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How long a component may do nothing once its last event is queued, and how long the dataflow may take
    /// to end once it was asked to stop.
    pub fn grace(&self) -> Duration {
        self.grace
    }

    /// What becomes of it when a node has ended badly for good.
    pub fn on_failure(&self) -> OnFailure {
        self.on_failure
    }

    /// The output that feeds an input; none for a timer.
    pub(crate) fn source_of(&self, feed: &Feed) -> Option<OutputRef> {
        let Feed::Source { node, output, .. } = feed else { return None };
        let node = self.nodes.get(*node)?;
        Some(OutputRef { node: node.id.clone(), output: node.outputs.get(*output)?.clone() })
    }

    /// A path of this dataflow as the descriptor writes it: relative to the folder of the descriptor where
    /// it is below it.
    pub(crate) fn as_written<'p>(&self, path: &'p Path) -> &'p Path {
        let relative = path.strip_prefix(&self.base).unwrap_or(path);
        if relative.as_os_str().is_empty() { Path::new(".") } else { relative }
    }

    /// The position of a node.
    pub fn position(&self, id: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.id.as_str() == id)
    }
}

/// The bytes of a file, up to one more than is accepted: a device file does not end.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_DESCRIPTOR_BYTES).unwrap_or(u64::MAX);
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The ids of a node's inputs, shared by everything that names them.
pub(crate) fn input_ids(node: &Node) -> Arc<[InputId]> {
    node.inputs.iter().map(|input| input.id.clone()).collect()
}
