//! The text of a lock file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{Kind, Lock, LockError, LockedNode};
use crate::digest::Digest;

/// Changes whenever the form does, or the words for what a node is given.
const VERSION: i64 = 1;

/// The longest file that is read: more than a descriptor of the greatest size needs.
const MAX_BYTES: u64 = 64 << 20;

const HEADER: &str = "\
# What was approved of this dataflow: written by `thalweg lock`, held to by `--locked`.
# Do not edit it: look at what changed, then write it again.

";

#[derive(Serialize)]
struct Written<'a> {
    version: i64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    given: &'a [String],
    #[serde(rename = "node")]
    nodes: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    given: &'a [String],
}

/// What every version has.
#[derive(Deserialize)]
struct Versioned {
    version: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read1 {
    #[expect(dead_code, reason = "it was looked at before")]
    version: i64,
    #[serde(default)]
    given: Vec<String>,
    #[serde(default, rename = "node")]
    nodes: Vec<Spanned<Entry1>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry1 {
    id: String,
    kind: Spanned<String>,
    file: Option<String>,
    sha256: Option<Spanned<String>>,
    #[serde(default)]
    given: Vec<String>,
}

impl Lock {
    /// The text of the lock file: the same for the same dataflow.
    pub fn to_text(&self) -> String {
        let entries = self.nodes.iter().map(|(id, node)| Entry {
            id,
            kind: node.kind.name(),
            file: node.file.as_deref(),
            sha256: node.sha256.map(|digest| digest.to_string()),
            given: &node.given,
        });
        let written = Written { version: VERSION, given: &self.given, nodes: entries.collect() };
        let text = toml::to_string_pretty(&written);
        HEADER.to_owned() + &text.expect("it has texts, lists and a number")
    }

    /// Reads a lock file.
    ///
    /// # Errors
    ///
    /// [`LockError`] when there is none, or when it is not one of this version.
    pub fn read(path: &Path) -> Result<Self, LockError> {
        let text = read(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => LockError::Missing { path: path.to_owned() },
            _ => LockError::Unreadable { path: path.to_owned(), source },
        })?;
        let malformed = |at: Option<Range<usize>>, problem: String| {
            let line = line_of(&text, at.unwrap_or_default().start);
            LockError::Malformed { path: path.to_owned(), line, problem }
        };
        let wrong = |error: toml::de::Error| malformed(error.span(), error.message().to_owned());
        let Versioned { version } = toml::from_str(&text).map_err(wrong)?;
        if version != VERSION {
            let (path, known) = (path.to_owned(), VERSION);
            return Err(LockError::OtherVersion { path, version, known });
        }
        let read: Read1 = toml::from_str(&text).map_err(wrong)?;
        let mut nodes = BTreeMap::new();
        for entry in read.nodes {
            let at = entry.span();
            let (id, node) = node(entry.into_inner()).map_err(|(at, text)| malformed(at, text))?;
            if nodes.insert(id.clone(), node).is_some() {
                return Err(malformed(Some(at), format!("node `{id}` stands here again")));
            }
        }
        Ok(Self { given: read.given, nodes })
    }
}

type Wrong = (Option<Range<usize>>, String);

fn node(entry: Entry1) -> Result<(String, LockedNode), Wrong> {
    let Entry1 { id, kind, file, sha256, given } = entry;
    let known = Kind::ALL.into_iter().find(|known| known.name() == kind.get_ref());
    let known = known.ok_or_else(|| {
        let text = format!("node `{id}` is of an unknown kind `{}`", kind.get_ref());
        (Some(kind.span()), text)
    })?;
    let has_file = matches!(known, Kind::Component | Kind::Script);
    if file.is_some() != has_file || sha256.is_some() != has_file {
        let rule = if has_file { "needs" } else { "has no" };
        let text = format!("node `{id}`: `{}` {rule} `file` and `sha256`", known.name());
        return Err((Some(kind.span()), text));
    }
    let digest = sha256.map(|text| {
        let rule = || format!("node `{id}`: `sha256` is not 64 hexadecimal digits");
        Digest::from_hex(text.get_ref()).ok_or_else(|| (Some(text.span()), rule()))
    });
    Ok((id.clone(), LockedNode { kind: known, file, sha256: digest.transpose()?, given }))
}

/// A device file does not end.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 64 MiB"));
    }
    Ok(text)
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}
