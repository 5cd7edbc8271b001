//! Problems of a descriptor: where, in which node, and how they are gathered.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

use super::MAX_DESCRIPTOR_BYTES;
use super::kind::ProblemKind;
use super::yaml::Place;

/// The most problems that one error holds. Beyond it the file is not the one that was meant.
pub const MAX_PROBLEMS: usize = 100;

/// How many are held while reading; a text that is wrong throughout must not fill the memory.
const MAX_KEPT: usize = 20 * MAX_PROBLEMS;

/// Why a descriptor is no dataflow.
#[derive(Debug, thiserror::Error)]
pub enum DescriptorError {
    /// The file cannot be read, or is not UTF-8.
    #[error("cannot read the descriptor `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The text is too long to be a descriptor.
    #[error("the descriptor is larger than {} MiB", MAX_DESCRIPTOR_BYTES >> 20)]
    TooLarge,
    /// The text breaks rules.
    #[error("{}", Listing(problems))]
    Invalid {
        /// All of them, in the order of the text; at least one.
        problems: Vec<Problem>,
    },
}

impl DescriptorError {
    /// What is wrong with the text, in its order. Empty where the text was not looked at.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid { problems } => problems,
            Self::Unreadable { .. } | Self::TooLarge => &[],
        }
    }
}

/// One rule broken at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The bytes of the text that it is about.
    pub span: Range<usize>,
    /// The name of the node that it is about, as written.
    pub node: Option<String>,
    /// The rule.
    pub kind: ProblemKind,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Some(node) => write!(f, "node `{node}`: {}", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

/// Problems as one text: a line each, with line and column.
struct Listing<'a>(&'a [Problem]);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.0.iter().enumerate() {
            let end = if position == 0 { "" } else { "\n" };
            write!(f, "{end}{}:{}: {problem}", problem.line, problem.column)?;
        }
        Ok(())
    }
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    kept: Vec<Problem>,
    /// How many were found that will not be listed, because enough others stand before them.
    left_out: usize,
}

impl Problems {
    pub(crate) fn add(&mut self, place: &Place, node: Option<&str>, kind: ProblemKind) {
        let Place { line, column, span } = place.clone();
        self.kept.push(Problem { line, column, span, node: node.map(str::to_owned), kind });
        if self.kept.len() >= MAX_KEPT {
            self.prune();
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.kept.len() + self.left_out
    }

    /// Whether another problem would still be listed, so that work on its text is worth it.
    pub(crate) fn has_room(&self) -> bool {
        self.count() < MAX_PROBLEMS
    }

    /// Leaves the first ones, and one more as the place of those that are not listed.
    fn prune(&mut self) {
        self.kept.sort_by_key(|problem| (problem.line, problem.column));
        self.left_out += self.kept.len().saturating_sub(MAX_PROBLEMS + 1);
        self.kept.truncate(MAX_PROBLEMS + 1);
    }

    /// The error, or `None` if there is no problem.
    pub(crate) fn into_error(mut self) -> Option<DescriptorError> {
        self.prune();
        let mut problems = self.kept;
        if let Some(first_hidden) = problems.get_mut(MAX_PROBLEMS) {
            first_hidden.kind = ProblemKind::TooMany { more: self.left_out + 1 };
            first_hidden.node = None;
        }
        (!problems.is_empty()).then_some(DescriptorError::Invalid { problems })
    }
}

/// The name nearest to a misspelt one, if any is near.
pub(crate) fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    const MAX_COMPARED_BYTES: usize = 64;
    let allowed = text.len() / 3;
    if text.len() > MAX_COMPARED_BYTES {
        return None;
    }
    names
        .filter(|name| name.len().abs_diff(text.len()) <= allowed)
        .map(|name| (strsim::osa_distance(text, name), name))
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name.to_owned())
}
