//! Names of nodes, inputs and outputs.
//!
//! A name is checked once, when it is made, and is cheap to clone. Nothing else of the crate splits or
//! validates names.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

/// The longest name, in bytes. Names are copied into components with every event.
pub const MAX_ID_BYTES: usize = 64;

/// What an [`Id`] names.
pub trait Kind: 'static {
    /// The word for it in messages, for example `node`.
    const NOUN: &'static str;
}

/// The kind of a [`NodeId`].
#[derive(Debug)]
pub enum NodeKind {}
/// The kind of an [`InputId`].
#[derive(Debug)]
pub enum InputKind {}
/// The kind of an [`OutputId`].
#[derive(Debug)]
pub enum OutputKind {}

impl Kind for NodeKind {
    const NOUN: &'static str = "node";
}
impl Kind for InputKind {
    const NOUN: &'static str = "input";
}
impl Kind for OutputKind {
    const NOUN: &'static str = "output";
}

/// The name of a node, unique in its dataflow.
pub type NodeId = Id<NodeKind>;
/// The name of an input, unique in its node.
pub type InputId = Id<InputKind>;
/// The name of an output, unique in its node.
pub type OutputId = Id<OutputKind>;

/// A name: 1 to [`MAX_ID_BYTES`] ASCII letters, digits, `-` and `_`, beginning with a letter.
///
/// Cloning shares the text.
pub struct Id<K> {
    text: Arc<str>,
    kind: PhantomData<fn() -> K>,
}

impl<K> Id<K> {
    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name as shared text, for adapters that hand it on without a copy.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let begins_with_letter = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
        if begins_with_letter && text.len() <= MAX_ID_BYTES && text.bytes().all(legal) {
            Ok(Self { text: text.into(), kind: PhantomData })
        } else {
            Err(IdError { noun: K::NOUN, text: text.into() })
        }
    }
}

/// A text that is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a name for the {noun}: a name is 1 to {MAX_ID_BYTES} letters, digits, `-` and `_`, beginning with a letter"
)]
pub struct IdError {
    noun: &'static str,
    text: Box<str>,
}

/// One output of one node, written `node/output`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutputRef {
    /// The node that sends.
    pub node: NodeId,
    /// Its output.
    pub output: OutputId,
}

impl FromStr for OutputRef {
    type Err = OutputRefError;

    fn from_str(text: &str) -> Result<Self, OutputRefError> {
        let (node, output) =
            text.split_once('/').ok_or_else(|| OutputRefError::NoSlash { text: text.into() })?;
        Ok(Self { node: node.parse()?, output: output.parse()? })
    }
}

impl fmt::Display for OutputRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.node, self.output)
    }
}

/// A text that is no [`OutputRef`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutputRefError {
    /// There is no `/` in it.
    #[error("`{text}` names no output: write `node/output`")]
    NoSlash {
        /// The text.
        text: Box<str>,
    },
    /// One of its sides is no name.
    #[error(transparent)]
    Id(#[from] IdError),
}

// Written by hand because derives would ask the same of the kind, which has no values.
impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        Self { text: Arc::clone(&self.text), kind: PhantomData }
    }
}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}
impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_letters_digits_dash_and_underscore() {
        for text in ["a", "camera-1", "a_b", &"x".repeat(MAX_ID_BYTES)] {
            assert_eq!(text.parse::<NodeId>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_rule() {
        for text in ["", "1a", "-a", "a/b", "a b", "ä", &"x".repeat(MAX_ID_BYTES + 1)] {
            let error = text.parse::<InputId>().unwrap_err();
            assert!(error.to_string().contains("not a name for the input"), "{error}");
        }
    }

    #[test]
    fn an_output_ref_reads_back_as_written() {
        assert_eq!("camera/image".parse::<OutputRef>().unwrap().to_string(), "camera/image");
        assert!(matches!("camera".parse::<OutputRef>(), Err(OutputRefError::NoSlash { .. })));
        assert!(matches!("a/b/c".parse::<OutputRef>(), Err(OutputRefError::Id(_))));
    }
}
