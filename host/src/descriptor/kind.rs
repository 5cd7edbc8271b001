//! What can be wrong with a descriptor: one variant per rule.
//!
//! A text says the rule, not only the breach, and what to write instead. The node's name is put before
//! it by [`super::Problem`].

use std::fmt;

use super::problem::MAX_PROBLEMS;
use super::yaml::MAX_INDENT;
use crate::id::{IdError, OutputRef, OutputRefError};

/// What a value may be in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `name: value` pairs.
    Map,
    /// `- item` lines or `[item, item]`.
    List,
    /// A single value.
    Text,
    /// `true` or `false`.
    Boolean,
    /// No value at all.
    Nothing,
    /// What feeds an input.
    Feed,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Map => "a map (`name: value`)",
            Self::List => "a list (`[a, b]`)",
            Self::Text => "a single value",
            Self::Boolean => "`true` or `false`",
            Self::Nothing => "empty",
            Self::Feed => "`node/output`, or a map with `source` or `timer`",
        })
    }
}

/// The rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// The text is not YAML.
    #[error("not valid YAML: {reason}")]
    Syntax {
        /// What the YAML parser says.
        reason: String,
    },
    /// An anchor or an alias.
    #[error(
        "anchors (`&`) and aliases (`*`) are not allowed: write the value out, and quote a text that begins with `&` or `*`"
    )]
    Anchor,
    /// A tag.
    #[error("tags (`!`) are not allowed: quote a text that begins with `!`")]
    Tag,
    /// A map or a list where a name belongs.
    #[error("the name of a field must be a text")]
    KeyNotText,
    /// Too deep for any descriptor.
    #[error("a line may be indented by at most {MAX_INDENT} characters")]
    TooDeep,
    /// More than one YAML document.
    #[error("a descriptor is one document: put a second dataflow into a file of its own")]
    SecondDocument,
    /// Something else than fields at the top.
    #[error("a descriptor is a map: put the list of nodes under `nodes:`")]
    NotAMap,
    /// The same name twice in a map.
    #[error("`{key}` is given twice, first in line {first}: keep one of them")]
    DuplicateKey {
        /// The name.
        key: String,
        /// The line of the first.
        first: usize,
    },
    /// A field that there is not.
    #[error("{}", unknown_field(field, owner, known, nearest.as_deref()))]
    UnknownField {
        /// What has no such field.
        owner: &'static str,
        /// The field.
        field: String,
        /// What fields there are.
        known: &'static [&'static str],
        /// The one that was perhaps meant.
        nearest: Option<String>,
    },
    /// A field that must be there.
    #[error("{owner} needs `{field}`")]
    MissingField {
        /// What needs it.
        owner: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A value of another shape.
    #[error("`{field}` must be {expected}, but is {found}")]
    WrongShape {
        /// The field.
        field: String,
        /// What it must be.
        expected: Shape,
        /// What it is.
        found: Shape,
    },
    /// A name that breaks the rule of names.
    #[error(transparent)]
    BadName(IdError),
    /// A source that is not `node/output`.
    #[error("input `{input}`: {error}")]
    BadSource {
        /// The input.
        input: String,
        /// Why.
        error: OutputRefError,
    },
    /// There is nothing to run.
    #[error("a dataflow needs at least one node under `nodes`")]
    NoNodes,
    /// Two nodes of one name.
    #[error("the name is taken by the node in line {first}: every node needs a name of its own")]
    DuplicateNode {
        /// The line of the first.
        first: usize,
    },
    /// Two outputs of one name.
    #[error("output `{output}` is listed twice: keep one of them")]
    DuplicateOutput {
        /// The output.
        output: String,
    },
    /// A source that no node is.
    #[error("input `{input}` reads `{source_ref}`, but there is no node `{}`{}", source_ref.node, meant(nearest.as_deref()))]
    UnknownNode {
        /// The input.
        input: String,
        /// What it reads.
        source_ref: OutputRef,
        /// The node that was perhaps meant.
        nearest: Option<String>,
    },
    /// A source that the node does not have.
    #[error("input `{input}` reads `{source_ref}`, but `{}` has {}{}", source_ref.node, has_outputs(outputs, *more), meant(nearest.as_deref()))]
    UnknownOutput {
        /// The input.
        input: String,
        /// What it reads.
        source_ref: OutputRef,
        /// What the node has, or the first of it.
        outputs: Vec<String>,
        /// How many outputs the node has beyond those.
        more: usize,
        /// The output that was perhaps meant.
        nearest: Option<String>,
    },
    /// Nothing says what runs the node.
    #[error(
        "nothing says what runs it: give `component: file.wasm`, `python: script.py`, `attached: true` for a process that attaches by its name, or `embedded: true` for a node of the embedding program"
    )]
    NoCode,
    /// Two things say what runs the node.
    #[error("`{first}` and `{second}` exclude each other: keep one of them")]
    TwoCodes {
        /// The field that is written first.
        first: &'static str,
        /// The field that is written next.
        second: &'static str,
    },
    /// A field that nodes of this kind do not have.
    #[error("`{field}` is only for nodes with {}, and {why}: remove it", listed(owners, "or"))]
    FieldOfOtherKind {
        /// The field.
        field: &'static str,
        /// The fields that make a node of the kinds that have it.
        owners: &'static [&'static str],
        /// What this node is instead.
        why: &'static str,
    },
    /// An input that nothing feeds.
    #[error("input `{input}` needs `source: node/output` or `timer: 100ms`")]
    NoFeed {
        /// The input.
        input: String,
    },
    /// An input that two things feed.
    #[error("input `{input}` has both `source` and `timer`: make two inputs of it")]
    TwoFeeds {
        /// The input.
        input: String,
    },
    /// A queue for a timer.
    #[error(
        "input `{input}`: a timer has no `{field}`, because ticks that nobody took are joined into one"
    )]
    QueueOfTimer {
        /// The input.
        input: String,
        /// The field.
        field: &'static str,
    },
    /// A queue length beside `latest`.
    #[error(
        "input `{input}`: `overflow: latest` is a queue of 1: remove `queue`, or use `overflow: drop-oldest`"
    )]
    QueueWithLatest {
        /// The input.
        input: String,
    },
    /// A text that is no duration.
    #[error("`{field}` must be a duration like `100ms`, `5s` or `2m`, but is `{text}`")]
    BadDuration {
        /// The field.
        field: &'static str,
        /// The text.
        text: String,
    },
    /// A text that is no size.
    #[error("`{field}` must be a size like `8KiB`, `32MiB` or `1GiB`, but is `{text}`")]
    BadSize {
        /// The field.
        field: &'static str,
        /// The text.
        text: String,
    },
    /// A text that is no part of a whole.
    #[error("`{field}` must be a whole number of percent like `50%`, but is `{text}`")]
    BadPercent {
        /// The field.
        field: &'static str,
        /// The text.
        text: String,
    },
    /// A text that is no whole number.
    #[error("`{field}` must be a whole number, but is `{text}`")]
    BadNumber {
        /// The field.
        field: &'static str,
        /// The text.
        text: String,
    },
    /// A value beyond its bounds.
    #[error("`{field}` must be from {least} to {most}, but is `{text}`")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// The text.
        text: String,
        /// The least that is allowed.
        least: String,
        /// The most that is allowed.
        most: String,
    },
    /// A word that is none of those allowed.
    #[error("`{field}` must be {}, but is `{text}`", listed(choices, "or"))]
    NotAChoice {
        /// The field.
        field: &'static str,
        /// The text.
        text: String,
        /// The words.
        choices: &'static [&'static str],
    },
    /// A text that is no SHA-256 digest.
    #[error("`sha256` must be 64 hexadecimal digits, as `sha256sum` prints them")]
    BadDigest,
    /// A text that is no address.
    #[error(
        "`{field}`: `{text}` must be `ip:port`, `ip:*` or `\"*:port\"`, an IPv6 address in brackets; a host name is not an address"
    )]
    BadAddress {
        /// The field.
        field: &'static str,
        /// The text.
        text: String,
    },
    /// A name that no environment variable can have.
    #[error("`{text}` cannot name an environment variable: it must not be empty or contain `=`")]
    BadVariable {
        /// The text.
        text: String,
    },
    /// A variable by which the host tells a process what it is.
    #[error("the variable `{name}` is set by the host for each process: give another name")]
    ReservedVariable {
        /// The variable.
        name: String,
    },
    /// A text that no process can be given.
    #[error("`{field}` of a process cannot contain the character NUL (`\\0`)")]
    NulCharacter {
        /// The field.
        field: &'static str,
    },
    /// A granted variable that the host does not have.
    #[error(
        "`grants.env`: `{name}` is not set in the environment of the host: set it, or give it under `env`"
    )]
    VariableNotSet {
        /// The variable.
        name: String,
    },
    /// A variable with two values.
    #[error("the variable `{name}` is given twice, first in line {first}: keep one of them")]
    VariableTwice {
        /// The variable.
        name: String,
        /// The line of the first.
        first: usize,
    },
    /// A folder of the component that does not begin at the root.
    #[error(
        "`{path}` is no path for a folder inside the component: it must be absolute, such as `/data`, without `.` and `..`"
    )]
    BadGuestPath {
        /// The path.
        path: String,
    },
    /// Two folders at one place.
    #[error("the component already sees a folder as `{path}`, granted in line {first}: keep one")]
    GuestPathTwice {
        /// The path.
        path: String,
        /// The line of the first.
        first: usize,
    },
    /// A granted folder that does not exist.
    #[error(
        "cannot grant `{path}`: there is no such folder; the path is relative to the descriptor"
    )]
    NoFolder {
        /// The folder, as written.
        path: String,
    },
    /// A grant of something else than a folder.
    #[error(
        "cannot grant `{path}`: only folders can be granted, and this is a file; grant the folder that holds it"
    )]
    NotAFolder {
        /// The path, as written.
        path: String,
    },
    /// A component that does not exist.
    #[error("there is no component `{path}`; the path is relative to the descriptor")]
    NoComponentFile {
        /// The path, as written.
        path: String,
    },
    /// A component that is no file.
    #[error("the component `{path}` is not a file")]
    ComponentNotAFile {
        /// The path, as written.
        path: String,
    },
    /// A script that does not exist.
    #[error("there is no script `{path}`; the path is relative to the descriptor")]
    NoScript {
        /// The path, as written.
        path: String,
    },
    /// A script that is no file.
    #[error("the script `{path}` is not a file")]
    ScriptNotAFile {
        /// The path, as written.
        path: String,
    },
    /// An interpreter that does not exist.
    #[error("there is no interpreter `{path}`; the path is relative to the descriptor")]
    NoInterpreter {
        /// The path, as written.
        path: String,
    },
    /// An interpreter that cannot be run.
    #[error("the interpreter `{path}` is not an executable file")]
    InterpreterNotExecutable {
        /// The path, as written.
        path: String,
    },
    /// An interpreter that is no command.
    #[error(
        "`interpreter` names `{name}`, and there is no such command on PATH: install it, or write the path of a Python, with a `/`"
    )]
    InterpreterNotOnPath {
        /// The command.
        name: String,
    },
    /// A cycle that would wait for itself.
    #[error(
        "input `{input}` closes the cycle `{}`, in which every input blocks: once its queues are full, each node waits for the next: let one of these inputs drop, for example `{input}: {{ source: {source_ref}, overflow: drop-oldest }}`",
        path_text(cycle)
    )]
    BlockingCycle {
        /// The input that closes it, and is best changed.
        input: String,
        /// What it reads.
        source_ref: OutputRef,
        /// The names of the nodes, in the direction of the messages; the first is also the last.
        cycle: Vec<String>,
    },
    /// More problems than are worth listing.
    #[error("{more} more problems are not shown: there are at most {MAX_PROBLEMS} in one list")]
    TooMany {
        /// How many were left out.
        more: usize,
    },
}

fn unknown_field(
    field: &str,
    owner: &str,
    known: &[&'static str],
    nearest: Option<&str>,
) -> String {
    match nearest {
        Some(_) => format!("{owner} has no field `{field}`{}", meant(nearest)),
        None => format!("{owner} has no field `{field}`: it has {}", listed(known, "and")),
    }
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

fn has_outputs(outputs: &[String], more: usize) -> String {
    if outputs.is_empty() {
        return "no outputs".into();
    }
    if more == 0 {
        return format!("outputs {}", listed(outputs, "and"));
    }
    let shown: Vec<_> = outputs.iter().map(|name| format!("`{name}`")).collect();
    format!("outputs {} and {more} more", shown.join(", "))
}

/// `a`, `b` and `c`.
fn listed(names: &[impl AsRef<str>], word: &str) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {word} {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// The cycle in one line; the middle of a long one is left out.
fn path_text(cycle: &[String]) -> String {
    const END: usize = 4;
    let Some(hidden) = cycle.len().checked_sub(2 * END).filter(|&hidden| hidden > 1) else {
        return cycle.join(" -> ");
    };
    let first: Vec<_> = cycle.iter().take(END).map(String::as_str).collect();
    let last: Vec<_> = cycle.iter().skip(END + hidden).map(String::as_str).collect();
    format!("{} -> ({hidden} more) -> {}", first.join(" -> "), last.join(" -> "))
}
