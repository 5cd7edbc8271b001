//! The file exactly as written, with the place of every value.
//!
//! Reading finds every problem of structure (YAML, names of fields, shapes) and goes on behind it.
//! Nothing is decided here: values stay texts, no default is filled in, and no file is looked at.
//! [`crate::Dataflow`] does all that.

mod kind;
mod problem;
mod read;
mod schema;
mod yaml;

pub use kind::{ProblemKind, Shape};
pub use problem::{DescriptorError, MAX_PROBLEMS, Problem};
pub use schema::json_schema;

pub(crate) use problem::{Problems, nearest};
pub(crate) use yaml::Place;

/// The longest text that is read: tens of thousands of nodes.
pub const MAX_DESCRIPTOR_BYTES: usize = 8 << 20;

/// A descriptor as written.
#[derive(Debug, Default)]
pub(crate) struct Descriptor {
    pub(crate) grace: Option<Text>,
    pub(crate) queued_bytes: Option<Text>,
    pub(crate) nodes: Vec<Node>,
    /// Where a missing `nodes` would be reported.
    pub(crate) place: Place,
    /// Whether every node was read at least in part.
    pub(crate) complete: bool,
}

/// One item of `nodes`.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) place: Place,
    /// The names of the fields that are given.
    pub(crate) fields: Vec<Text>,
    /// Whether the structure of the node is right. If not, what seems to be missing is not reported.
    pub(crate) sound: bool,
    pub(crate) id: Option<Text>,
    pub(crate) component: Option<Text>,
    pub(crate) python: Option<Text>,
    pub(crate) attached: bool,
    pub(crate) embedded: bool,
    pub(crate) interpreter: Option<Text>,
    pub(crate) sha256: Option<Text>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) outputs: Vec<Text>,
    pub(crate) parameters: Vec<(Text, Text)>,
    pub(crate) env: Vec<(Text, Text)>,
    pub(crate) args: Vec<Text>,
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
}

impl Node {
    /// The name as written, for messages.
    pub(crate) fn name(&self) -> Option<&str> {
        self.id.as_ref().map(|id| id.text.as_str())
    }
}

/// One entry of `inputs`.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) name: Text,
    pub(crate) feed: Feed,
}

/// What is written behind the name of an input.
#[derive(Debug)]
pub(crate) enum Feed {
    /// `node/output`.
    Short(Text),
    /// `{ source: node/output, queue: 64 }` or `{ timer: 100ms }`.
    Long(Box<LongFeed>),
    /// Something else, which is reported.
    Broken,
}

/// The long form of an input.
#[derive(Debug, Default)]
pub(crate) struct LongFeed {
    /// Whether its structure is right.
    pub(crate) sound: bool,
    pub(crate) source: Option<Text>,
    pub(crate) timer: Option<Text>,
    pub(crate) queue: Option<Text>,
    pub(crate) queue_bytes: Option<Text>,
    pub(crate) overflow: Option<Text>,
}

/// The field `grants`.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    pub(crate) read: Vec<(Text, Text)>,
    pub(crate) write: Vec<(Text, Text)>,
    pub(crate) env: Vec<Text>,
    pub(crate) connect: Vec<Text>,
    pub(crate) listen: Vec<Text>,
    pub(crate) name_lookup: bool,
    pub(crate) stdio: Option<Text>,
}

/// The field `limits`.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) memory: Option<Text>,
    pub(crate) table_elements: Option<Text>,
    pub(crate) cpu: Option<Text>,
    pub(crate) payload: Option<Text>,
    pub(crate) buffers: Option<Text>,
    pub(crate) inline: Option<Text>,
    pub(crate) cpu_share: Option<Text>,
    pub(crate) rate: Option<Text>,
    pub(crate) log: Option<Text>,
}

/// A name or a value, and where it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    pub(crate) text: String,
    /// Whether it is written without quotes, so that it may mean a number or a boolean.
    pub(crate) plain: bool,
    pub(crate) place: Place,
}
