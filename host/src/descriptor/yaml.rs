//! From text to YAML nodes that know where they stand.
//!
//! Duplicate names are found here, all of them, although the YAML loader stops at the first: each one
//! is replaced by a mask of the same length, so that no position moves, and the text is loaded again.

use std::collections::HashMap;
use std::ops::Range;

use marked_yaml::{LoadError, LoaderOptions, Marker, Node, parse_yaml_with_options};

use super::kind::ProblemKind;
use super::problem::{MAX_PROBLEMS, Problems};

/// How far a line may be indented. It bounds how deep block YAML can nest, and thereby how deep the
/// YAML parser, which recurses, can go; flow YAML (`[[`) it bounds itself.
pub(crate) const MAX_INDENT: usize = 200;

/// Where something stands in the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
    /// In bytes.
    pub(crate) span: Range<usize>,
}

/// A name that stands a second time in a map.
pub(super) struct Duplicate {
    pub(super) key: String,
    /// The line of the first.
    pub(super) first: usize,
}

/// The loaded text.
pub(super) struct Document<'t> {
    pub(super) root: Node,
    /// Duplicate names, by the mask that stands for them in `root`.
    pub(super) duplicates: HashMap<String, Duplicate>,
    pub(super) places: Places<'t>,
}

impl<'t> Document<'t> {
    /// Loads the text, or adds why it cannot be loaded.
    pub(super) fn load(text: &'t str, problems: &mut Problems) -> Option<Self> {
        let places = Places::new(text);
        if let Some(place) = places.too_deep() {
            problems.add(&place, None, ProblemKind::TooDeep);
            return None;
        }
        let mut masked = places.yaml.to_owned();
        let mut masks = ('\u{E000}'..='\u{F8FF}').filter(|&mask| !text.contains(mask));
        let mut duplicates = HashMap::new();
        loop {
            let error = match load(&masked) {
                Ok(root) => {
                    places.second_document(&root, problems);
                    return Some(Self { root, duplicates, places });
                }
                Err(error) => error,
            };
            let (mark, kind) = explain(error);
            let budget = MAX_PROBLEMS.min(MAX_RELOADED_BYTES / text.len().max(1));
            let mask = masks.next().filter(|_| duplicates.len() < budget);
            let masked_key = mask.and_then(|mask| places.mask(mark, &kind, mask));
            let (Some(mask), ProblemKind::DuplicateKey { key, first }) = (masked_key, &kind) else {
                problems.add(&places.problem(mark, &kind), None, kind);
                return None;
            };
            masked = places.replace(&masked, mark, &mask);
            duplicates.insert(mask, Duplicate { key: key.clone(), first: *first });
        }
    }
}

fn load(text: &str) -> Result<Node, LoadError> {
    let options = LoaderOptions::default().error_on_duplicate_keys(true).prevent_coercion(true);
    parse_yaml_with_options(0, text, options)
}

/// The mark of what has none; all that is loaded from a text has one.
fn text_start() -> Marker {
    Marker::new(0, 0, 1, 1)
}

/// Where loading failed, and the rule.
fn explain(error: LoadError) -> (Marker, ProblemKind) {
    match error {
        LoadError::TopLevelMustBeMapping(mark) | LoadError::TopLevelMustBeSequence(mark) => {
            (mark, ProblemKind::NotAMap)
        }
        LoadError::UnexpectedAnchor(mark) => (mark, ProblemKind::Anchor),
        LoadError::MappingKeyMustBeScalar(mark) => (mark, ProblemKind::KeyNotText),
        LoadError::UnexpectedTag(mark) => (mark, ProblemKind::Tag),
        LoadError::ScanError(mark, error) if error.info().contains("anchor") => {
            (mark, ProblemKind::Anchor)
        }
        LoadError::ScanError(mark, error) => {
            (mark, ProblemKind::Syntax { reason: error.info().to_owned() })
        }
        LoadError::DuplicateKey(keys) => {
            let mark = keys.key.span().start().copied().unwrap_or_else(text_start);
            let first = keys.prev_key.span().start().map_or(1, Marker::line);
            (mark, ProblemKind::DuplicateKey { key: keys.key.as_str().to_owned(), first })
        }
    }
}

/// Finds places of the text.
pub(super) struct Places<'t> {
    text: &'t str,
    /// The text without byte order mark, which the YAML parser does not know.
    yaml: &'t str,
    /// Where each line begins in `text`, in bytes.
    lines: Vec<usize>,
    /// The same in characters.
    line_characters: Vec<usize>,
    /// Where every `STRIDE`th character begins, in bytes: a file may be one long line.
    strides: Vec<usize>,
}

/// How many characters are counted one by one.
const STRIDE: usize = 64;

/// The most that a place takes of a line.
const MAX_TOKEN_BYTES: usize = 200;

/// How much text is loaded again, all in all, to find the next duplicate name.
const MAX_RELOADED_BYTES: usize = 128 << 20;

impl<'t> Places<'t> {
    fn new(text: &'t str) -> Self {
        let yaml = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let mark = text.len() - yaml.len();
        let mut places =
            Self { text, yaml, lines: vec![mark], line_characters: vec![0], strides: Vec::new() };
        for (character, (at, value)) in yaml.char_indices().enumerate() {
            if character % STRIDE == 0 {
                places.strides.push(mark + at);
            }
            let next = mark + at + value.len_utf8();
            if value == '\n' || value == '\r' && !places.rest(next).starts_with('\n') {
                places.lines.push(next);
                places.line_characters.push(character + 1);
            }
        }
        places
    }

    /// The place of a YAML node: a value as long as it is, a map or list to the end of its first line.
    pub(super) fn of(&self, node: &Node) -> Place {
        let start = node.span().start().copied().unwrap_or_else(text_start);
        match node {
            Node::Scalar(scalar) => self.token(start, Some(scalar.as_str())),
            Node::Mapping(map) if !self.rest(self.byte(start)).starts_with('{') => {
                // The mark of a block map is that of its first `:`.
                let first = map.keys().next().and_then(|key| key.span().start().copied());
                self.token(first.unwrap_or(start), None)
            }
            Node::Mapping(_) | Node::Sequence(_) => self.collection(start, node.span().end()),
        }
    }

    fn collection(&self, start: Marker, end: Option<&Marker>) -> Place {
        let place = self.token(start, None);
        let close = end.filter(|end| end.line() == start.line()).map(|end| self.byte(*end) + 1);
        let end = close.map_or(place.span.end, |close| close.min(place.span.end));
        Place { span: place.span.start..end, ..place }
    }

    /// The place of a value that is not there: of the last word before it, for its mark is on what
    /// follows.
    pub(super) fn of_empty(&self, node: &Node) -> Place {
        let mark = node.span().start().copied().unwrap_or_else(text_start);
        let at = self.byte(mark);
        if self.rest(at).starts_with(['~', 'n']) {
            return self.of(node);
        }
        for (line, &start) in self.lines.iter().enumerate().take(mark.line()).rev() {
            let text = self.rest(start).get(..at.saturating_sub(start)).unwrap_or_default();
            let text = text.split(['\n', '\r']).next().unwrap_or_default();
            let text = text.split_once(" #").map_or(text, |(text, _)| text).trim_end();
            // `-` directly before the mark begins the next item.
            let next_item =
                line + 1 == mark.line() && text.trim_start_matches([' ', '-']).is_empty();
            if text.is_empty() || text.trim_start().starts_with('#') || next_item {
                continue;
            }
            let from = text.rfind([' ', '\t', '{', ',']).map_or(0, |blank| blank + 1);
            let column = text.get(..from).map_or(0, |before| before.chars().count()) + 1;
            return Place { line: line + 1, column, span: start + from..start + text.len() };
        }
        self.of(node)
    }

    /// The place of what begins at a mark: `value` if it stands there, else the rest of the line.
    fn token(&self, mark: Marker, value: Option<&str>) -> Place {
        let start = self.byte(mark);
        let rest = self.rest(start);
        let to_line_end = || {
            let near = rest.get(..rest.floor_char_boundary(MAX_TOKEN_BYTES)).unwrap_or_default();
            near.split(['\n', '\r']).next().unwrap_or_default().trim_end().len()
        };
        let length = value.and_then(|value| written(rest, value)).unwrap_or_else(to_line_end);
        Place {
            line: mark.line().max(1),
            column: mark.column().max(1),
            span: start..start + length,
        }
    }

    /// The place of a key whose mask stands at `place`.
    pub(super) fn masked(&self, place: Place, key: &str) -> Place {
        let start = place.span.start;
        let length = written(self.rest(start), key).unwrap_or_else(|| place.span.len());
        Place { span: start..start + length, ..place }
    }

    /// The mask for a duplicate key: as many characters as it takes, quotes included. `None` if it does
    /// not stand there in one line as it reads.
    fn mask(&self, mark: Marker, kind: &ProblemKind, mask: char) -> Option<String> {
        let ProblemKind::DuplicateKey { key, .. } = kind else { return None };
        let start = self.byte(mark);
        let length = written(self.rest(start), key).filter(|&length| length > 0)?;
        Some(mask.to_string().repeat(self.count(&(start..start + length))))
    }

    /// The place of what the loader refuses.
    fn problem(&self, mark: Marker, kind: &ProblemKind) -> Place {
        let place = self.token(mark, None);
        let sign = match kind {
            ProblemKind::Anchor => '&',
            ProblemKind::Tag => '!',
            _ => return place,
        };
        // The mark is on the value, the sign before it.
        let before = self.text.get(..place.span.start).unwrap_or_default();
        let at = before
            .rfind(sign)
            .filter(|_| !self.rest(place.span.start).starts_with(['&', '*', '!']));
        let Some(at) = at else { return place };
        let line = self.lines.partition_point(|&start| start <= at);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let column = self.count(&(start..at)) + 1;
        let length = self.rest(at).find(char::is_whitespace).unwrap_or(1);
        Place { line, column, span: at..at + length }
    }

    fn count(&self, range: &Range<usize>) -> usize {
        self.text.get(range.clone()).map_or(0, |text| text.chars().count())
    }

    /// `masked` with as many characters replaced, beginning at the mark.
    fn replace(&self, masked: &str, mark: Marker, mask: &str) -> String {
        let before = masked.chars().take(mark.character());
        let after = masked.chars().skip(mark.character() + mask.chars().count());
        before.chain(mask.chars()).chain(after).collect()
    }

    fn byte(&self, mark: Marker) -> usize {
        let line = self.line_characters.get(mark.line().saturating_sub(1)).copied();
        let character = line.map(|line| line + mark.column().saturating_sub(1));
        let find = |character: usize| {
            let start = self.strides.get(character / STRIDE).copied()?;
            let (offset, _) = self.rest(start).char_indices().nth(character % STRIDE)?;
            Some(start + offset)
        };
        character.and_then(find).unwrap_or(self.text.len())
    }

    fn rest(&self, from: usize) -> &'t str {
        self.text.get(from..).unwrap_or_default()
    }

    fn too_deep(&self) -> Option<Place> {
        let nests = |&byte: &u8| matches!(byte, b' ' | b'\t' | b'-' | b'?' | b':');
        let deep =
            |start: usize| self.rest(start).bytes().take_while(nests).nth(MAX_INDENT).is_some();
        let (line, &start) = self.lines.iter().enumerate().find(|&(_, &start)| deep(start))?;
        let at = start + MAX_INDENT;
        Some(Place { line: line + 1, column: MAX_INDENT + 1, span: at..at + 1 })
    }

    /// Adds a problem if text follows the document that begins with `root`.
    fn second_document(&self, root: &Node, problems: &mut Problems) {
        let first = root.span().start().map_or(1, Marker::line);
        let mut ended = false;
        for (line, &start) in self.lines.iter().enumerate().skip(first) {
            let text = self.rest(start).split(['\n', '\r']).next().unwrap_or_default();
            let content = !text.trim().is_empty() && !text.trim_start().starts_with('#');
            let marker = |marker: &str| {
                text.strip_prefix(marker)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
            };
            if marker("---") || ended && content && !marker("...") {
                let span = start..start + text.trim_end().len();
                let place = Place { line: line + 1, column: 1, span };
                return problems.add(&place, None, ProblemKind::SecondDocument);
            }
            ended |= marker("...");
        }
    }
}

/// How many bytes `value` takes at the beginning of `rest`, quotes included. `None` if it is written
/// otherwise, for example with escapes or over several lines.
fn written(rest: &str, value: &str) -> Option<usize> {
    let quoted = |quote: char| {
        let inner = rest.strip_prefix(quote)?.strip_prefix(value)?;
        inner.starts_with(quote).then_some(value.len() + 2)
    };
    let plain = || rest.starts_with(value).then_some(value.len());
    let one_line = !value.contains(['\n', '\r']);
    one_line.then(|| quoted('"').or_else(|| quoted('\'')).or_else(plain)).flatten()
}
