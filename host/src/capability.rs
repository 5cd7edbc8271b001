//! What a dataflow hands out to its nodes: everything that someone would want to know before they run what they
//! did not write. What is listed here is what a lock file holds, in the same words.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::dataflow::value::size_text;
use crate::dataflow::{
    Address, Code, Component, Dataflow, Folder, Grants, Interpreter, Limits, Node, Process,
    QUEUED_BYTES,
};

/// Something that a node may do, has, or is limited to otherwise than usual.
///
/// Its text (`Display`) is one line. Two capabilities have the same text only if they are the same: what is
/// not plain in it is in quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capability {
    /// A folder of the host.
    Folder {
        /// The path that the node sees.
        seen: String,
        /// The folder as the descriptor writes it.
        written: PathBuf,
        /// Where that is.
        path: PathBuf,
        /// Whether it may write there too.
        writable: bool,
    },
    /// A variable of the host, with the value that it has there.
    HostVariable {
        /// Its name.
        name: String,
    },
    /// Connecting to an address, or sending to it.
    Connect {
        /// Where.
        address: Address,
    },
    /// Listening at an address.
    Listen {
        /// Where.
        address: Address,
    },
    /// Looking up the names of hosts.
    NameLookup,
    /// The standard streams of the host.
    Stdio,
    /// Everything that the user may do: a script runs outside of any sandbox.
    Everything,
    /// What runs the script.
    Interpreter {
        /// What that is.
        interpreter: Interpreter,
        /// As the descriptor writes it; the usual one is not written.
        written: Option<PathBuf>,
    },
    /// Any process of the user may be the node.
    Attachment,
    /// Its arguments.
    Arguments {
        /// In their order.
        arguments: Vec<String>,
    },
    /// A variable of its own.
    Variable {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A limit that the descriptor changes.
    Limit {
        /// Its field.
        field: &'static str,
        /// What holds.
        value: String,
        /// What holds where the descriptor says nothing.
        usual: String,
    },
}

impl Capability {
    /// What is beside the text for people, where there is something.
    pub fn note(&self) -> Option<String> {
        match self {
            Self::Folder { path, .. } => {
                let real = path.canonicalize().unwrap_or_else(|_| path.clone());
                Some(format!("here {}", real.display()))
            }
            Self::Limit { usual, .. } => Some(format!("usually {usual}")),
            Self::Interpreter { interpreter: Interpreter::Command { path, .. }, .. } => {
                Some(format!("here {}", path.display()))
            }
            _ => None,
        }
    }

    /// What a component must import to have a use for it; none where it needs nothing.
    pub fn asked_for_by(&self) -> Option<Asked> {
        match self {
            Self::Folder { .. } => Some(Asked::Folders),
            Self::HostVariable { .. } | Self::Variable { .. } | Self::Arguments { .. } => {
                Some(Asked::Variables)
            }
            Self::Connect { .. } | Self::Listen { .. } => Some(Asked::Network),
            Self::NameLookup => Some(Asked::NameLookup),
            Self::Stdio => Some(Asked::Stdio),
            Self::Everything | Self::Interpreter { .. } | Self::Attachment | Self::Limit { .. } => {
                None
            }
        }
    }

    /// Whether it is given by `grants`.
    pub fn is_grant(&self) -> bool {
        match self {
            Self::Variable { .. } | Self::Arguments { .. } => false,
            other => other.asked_for_by().is_some(),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { seen, written, writable, .. } => {
                let verb = if *writable { "read and write" } else { "read" };
                write!(f, "{verb} {} from {}", word(seen), path_word(written))
            }
            Self::HostVariable { name } => {
                write!(f, "variable {} with its value from the host", word(name))
            }
            Self::Connect { address } => write!(f, "connect to {address}"),
            Self::Listen { address } => write!(f, "listen at {address}"),
            Self::NameLookup => f.write_str("look up host names"),
            Self::Stdio => f.write_str("standard streams of the host"),
            Self::Everything => f.write_str("everything that the user may do: it is in no sandbox"),
            Self::Interpreter { interpreter: Interpreter::Uv, .. } => f.write_str("run by uv"),
            Self::Interpreter { written: Some(path), .. } => {
                write!(f, "run by {}", path_word(path))
            }
            Self::Interpreter { .. } => f.write_str("run by the usual Python"),
            Self::Attachment => f.write_str("be any process of the user that attaches"),
            Self::Arguments { arguments } => {
                f.write_str("arguments")?;
                arguments.iter().try_for_each(|argument| write!(f, " {argument:?}"))
            }
            Self::Variable { name, value } => write!(f, "variable {} = {value:?}", word(name)),
            Self::Limit { field, value, .. } => write!(f, "limit {field} {value}"),
        }
    }
}

/// A text as one word.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@~".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("{text:?}") }
}

/// A path as one word. One that is no UTF-8 has a word that no other path has.
fn path_word(path: &Path) -> String {
    path.to_str().map_or_else(|| format!("not UTF-8 {path:?}"), word)
}

/// A group of interfaces of WASI that do nothing without a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// Files and folders.
    Folders,
    /// Variables and arguments.
    Variables,
    /// Standard streams.
    Stdio,
    /// Connections.
    Network,
    /// Names of hosts.
    NameLookup,
}

impl Asked {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Folders, Self::Variables, Self::Stdio, Self::Network, Self::NameLookup];

    /// How the names of its interfaces begin.
    pub fn interfaces(self) -> &'static str {
        match self {
            Self::Folders => "wasi:filesystem/",
            Self::Variables => "wasi:cli/environment",
            Self::Stdio => "wasi:cli/std",
            Self::Network => "wasi:sockets/network",
            Self::NameLookup => "wasi:sockets/ip-name-lookup",
        }
    }

    /// One word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::Folders => "folders",
            Self::Variables => "variables",
            Self::Stdio => "standard streams",
            Self::Network => "network",
            Self::NameLookup => "name lookup",
        }
    }

    /// Whether one of these imports belongs to it.
    pub fn is_among(self, imports: &[String]) -> bool {
        imports.iter().any(|import| import.starts_with(self.interfaces()))
    }
}

/// What the dataflow as a whole is given: its limits that are not the usual ones.
pub fn dataflow_capabilities(dataflow: &Dataflow) -> Vec<Capability> {
    let (queued, usual) = (dataflow.queued_bytes, QUEUED_BYTES.default);
    let limit = (queued != usual).then(|| Capability::Limit {
        field: "queued_bytes",
        value: size_text(queued),
        usual: size_text(usual),
    });
    limit.into_iter().collect()
}

/// Everything that a node is given, in the order in which it is told.
pub fn capabilities(dataflow: &Dataflow, node: &Node) -> Vec<Capability> {
    match &node.code {
        Code::Component(component) => of_component(dataflow, component),
        Code::Process(process) => of_process(dataflow, process),
        Code::Attached => vec![Capability::Attachment],
        Code::Embedded => Vec::new(),
    }
}

// Whatever is added to these types belongs into a list here, or is passed over by its name: hence no `..`.

fn of_component(dataflow: &Dataflow, component: &Component) -> Vec<Capability> {
    let Component { path: _, sha256: _, locked: _, args, env, grants, limits } = component;
    let mut all = of_grants(dataflow, grants);
    all.extend(arguments(args));
    let own = env.iter().filter(|(name, _)| !grants.env.contains(name));
    all.extend(own.map(variable));
    all.extend(changed(limits));
    all
}

fn of_grants(dataflow: &Dataflow, grants: &Grants) -> Vec<Capability> {
    let Grants { folders, env, connect, listen, name_lookup, stdio } = grants;
    let folder = |Folder { guest, host, writable }: &Folder| Capability::Folder {
        seen: guest.clone(),
        written: dataflow.as_written(host).to_owned(),
        path: host.clone(),
        writable: *writable,
    };
    let mut all: Vec<_> = folders.iter().map(folder).collect();
    all.extend(env.iter().map(|name| Capability::HostVariable { name: name.clone() }));
    all.extend(connect.iter().map(|&address| Capability::Connect { address }));
    all.extend(listen.iter().map(|&address| Capability::Listen { address }));
    all.extend(name_lookup.then_some(Capability::NameLookup));
    all.extend(stdio.then_some(Capability::Stdio));
    all
}

fn of_process(dataflow: &Dataflow, process: &Process) -> Vec<Capability> {
    let Process { script: _, interpreter, args, env, log, locked: _ } = process;
    let written = match interpreter {
        Interpreter::Usual | Interpreter::Uv => None,
        Interpreter::Path(path) => Some(dataflow.as_written(path).to_owned()),
        Interpreter::Command { name, .. } => Some(name.into()),
    };
    let interpreter = Capability::Interpreter { interpreter: interpreter.clone(), written };
    let mut all = vec![Capability::Everything, interpreter];
    all.extend(arguments(args));
    all.extend(env.iter().map(variable));
    all.extend(changed(&Limits { log: *log, ..Limits::default() }));
    all
}

fn arguments(arguments: &[String]) -> Option<Capability> {
    let arguments = arguments.to_vec();
    (!arguments.is_empty()).then_some(Capability::Arguments { arguments })
}

fn variable((name, value): (&String, &String)) -> Capability {
    Capability::Variable { name: name.clone(), value: value.clone() }
}

/// The limits that are not the usual ones.
fn changed(limits: &Limits) -> Vec<Capability> {
    let time = |time| humantime::format_duration(time).to_string();
    let all = |limits: &Limits| {
        let &Limits { memory, table_elements, cpu, payload, buffers, inline, cpu_share, rate, log } =
            limits;
        let unless = |number: Option<u64>, unit: &str| {
            number.map_or_else(|| "unlimited".to_owned(), |number| format!("{number}{unit}"))
        };
        [
            ("memory", size_text(memory)),
            ("table_elements", table_elements.to_string()),
            ("cpu", time(cpu)),
            ("payload", size_text(payload)),
            ("buffers", size_text(buffers)),
            ("inline", size_text(inline)),
            ("cpu_share", unless(cpu_share, "%")),
            ("rate", unless(rate, "")),
            ("log", size_text(log)),
        ]
    };
    let both = all(limits).into_iter().zip(all(&Limits::default()));
    let differ = both.filter(|((_, value), (_, usual))| value != usual);
    differ.map(|((field, value), (_, usual))| Capability::Limit { field, value, usual }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_is_in_quotes_so_that_no_two_texts_are_the_same() {
        let text = |seen: &str, written: &str| {
            let (written, path) = (written.into(), PathBuf::new());
            Capability::Folder { seen: seen.into(), written, path, writable: false }.to_string()
        };
        assert_eq!(text("/data", "../data"), "read /data from ../data");
        assert_eq!(text("/a from b", "c"), r#"read "/a from b" from c"#);
        assert_ne!(text("/a", "b from c"), text("/a from b", "c"));
        assert_eq!(text("/a", "x\ny"), r#"read /a from "x\ny""#);
    }

    #[test]
    fn only_limits_that_are_not_the_usual_ones_are_told() {
        assert_eq!(changed(&Limits::default()), []);
        let limits = Limits { memory: 256 << 20, ..Limits::default() };
        let told = changed(&limits);
        assert_eq!(told[0].to_string(), "limit memory 256MiB");
        assert_eq!(told[0].note().unwrap(), "usually 128MiB");
        assert_eq!(told.len(), 1);
    }
}
