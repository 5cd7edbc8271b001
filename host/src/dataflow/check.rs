//! The check: from a [`Descriptor`] to a [`Dataflow`], or everything that is wrong with it.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use super::code::code;
use super::cycles::{self, Edge};
use super::feed::{self, Outputs};
use super::{Code, Dataflow, Feed, Input, Node, Overflow, bounds, value};
use crate::descriptor::{self, Descriptor, MAX_PROBLEMS, Place, ProblemKind, Problems, Text};
use crate::id::{Id, InputId, Kind, NodeId, OutputId, OutputRef};

/// The dataflow that the descriptor means; `None` if and only if there are problems. `base` is the
/// folder that its paths are relative to.
pub(super) fn check(
    descriptor: &Descriptor,
    base: &Path,
    problems: &mut Problems,
) -> Option<Dataflow> {
    if descriptor.nodes.is_empty() && descriptor.complete {
        problems.add(&descriptor.place, None, ProblemKind::NoNodes);
    }
    let grace = descriptor.grace.as_ref().map(|text| {
        let grace = value::duration("grace", &text.text, bounds::GRACE);
        Report { problems, node: None }.take(&text.place, grace)
    });
    let queued_bytes = descriptor.queued_bytes.as_ref().map(|text| {
        let size = value::size("queued_bytes", &text.text, bounds::QUEUED_BYTES);
        Report { problems, node: None }.take(&text.place, size)
    });
    let names = Names::new(descriptor, problems);
    let nodes: Vec<_> = descriptor
        .nodes
        .iter()
        .map(|node| check_node(node, &names, base, &mut Report { problems, node: node.name() }))
        .collect();
    let edges = names.edges(&nodes);
    blocking_cycles(descriptor, &nodes, &edges, problems);
    let cycles = cycles::components(nodes.len(), &edges);
    let nodes = nodes.into_iter().map(Draft::finish).collect::<Option<_>>()?;
    let grace = grace.unwrap_or(Some(bounds::GRACE.default))?;
    let queued_bytes = queued_bytes.unwrap_or(Some(bounds::QUEUED_BYTES.default))?;
    (problems.count() == 0).then_some(Dataflow { nodes, grace, queued_bytes, cycles })
}

/// Adds problems of one node.
pub(super) struct Report<'a> {
    pub(super) problems: &'a mut Problems,
    pub(super) node: Option<&'a str>,
}

impl Report<'_> {
    pub(super) fn add(&mut self, place: &Place, kind: ProblemKind) {
        self.problems.add(place, self.node, kind);
    }

    /// The value, or `None` and its problem.
    pub(super) fn take<T>(&mut self, place: &Place, result: Result<T, ProblemKind>) -> Option<T> {
        result.map_err(|kind| self.add(place, kind)).ok()
    }

    pub(super) fn name<K: Kind>(&mut self, text: &Text) -> Option<Id<K>> {
        self.take(&text.place, Id::from_str(&text.text).map_err(ProblemKind::BadName))
    }
}

/// The names of a descriptor, for those who refer to them.
pub(super) struct Names<'d> {
    nodes: HashMap<&'d str, usize>,
    outputs: Vec<Outputs<'d>>,
    /// Whether no node is missing from `nodes` because its own name could not be read.
    complete: bool,
}

impl<'d> Names<'d> {
    fn new(descriptor: &'d Descriptor, problems: &mut Problems) -> Self {
        let mut nodes: HashMap<&str, usize> = HashMap::new();
        let lines: Vec<_> = descriptor.nodes.iter().map(|node| node.place.line).collect();
        for (position, node) in descriptor.nodes.iter().enumerate() {
            let Some(id) = &node.id else { continue };
            let first = *nodes.entry(&id.text).or_insert(position);
            if first != position {
                let first = lines.get(first).copied().unwrap_or(1);
                problems.add(&id.place, node.name(), ProblemKind::DuplicateNode { first });
            }
        }
        let outputs = descriptor.nodes.iter().map(Outputs::new).collect();
        Self { nodes, outputs, complete: descriptor.complete }
    }

    /// The positions of a node and its output. `None` without a problem if the node could not be read
    /// well enough to know.
    pub(super) fn resolve(
        &self,
        input: &str,
        source: &Text,
        report: &mut Report<'_>,
    ) -> Option<(usize, usize)> {
        let parsed = OutputRef::from_str(&source.text)
            .map_err(|error| ProblemKind::BadSource { input: input.to_owned(), error });
        let source_ref = report.take(&source.place, parsed)?;
        let input = input.to_owned();
        let Some(&node) = self.nodes.get(source_ref.node.as_str()) else {
            if self.complete {
                let names = report.problems.has_room().then(|| self.nodes.keys().copied());
                let nearest =
                    descriptor::nearest(source_ref.node.as_str(), names.into_iter().flatten());
                report.add(&source.place, ProblemKind::UnknownNode { input, source_ref, nearest });
            }
            return None;
        };
        let outputs = self.outputs.get(node)?;
        let output = outputs.position(source_ref.output.as_str());
        if output.is_none() && outputs.complete() {
            let suggest = report.problems.has_room();
            report.add(&source.place, outputs.unknown(input, source_ref, suggest));
        }
        Some((node, output?))
    }

    /// What feeds what, as far as it is known, in the order of the file.
    fn edges(&self, nodes: &[Draft<'_>]) -> Vec<Edge> {
        let feeds = nodes.iter().enumerate().flat_map(|(to, node)| {
            node.inputs.iter().enumerate().map(move |(input, draft)| (to, input, draft))
        });
        let edge = |(to, input, draft): (usize, usize, &DraftInput<'_>)| match draft.feed {
            Some(Feed::Source { node: from, .. }) => Some(Edge { from, to, input }),
            Some(Feed::Timer(_)) | None => None,
        };
        feeds.filter_map(edge).collect()
    }
}

/// A node as far as it is right.
struct Draft<'d> {
    id: Option<NodeId>,
    code: Option<Code>,
    inputs: Vec<DraftInput<'d>>,
    outputs: Vec<Option<OutputId>>,
    node: &'d descriptor::Node,
}

struct DraftInput<'d> {
    id: Option<InputId>,
    feed: Option<Feed>,
    written: &'d descriptor::Input,
}

impl Draft<'_> {
    fn finish(self) -> Option<Node> {
        let input = |draft: DraftInput<'_>| Some(Input { id: draft.id?, feed: draft.feed? });
        let mut inputs: Vec<_> = self.inputs.into_iter().map(input).collect::<Option<_>>()?;
        inputs.sort_by(|a: &Input, b| a.id.cmp(&b.id));
        let parameters = &self.node.parameters;
        let parameter =
            |(name, value): &(Text, Text)| (Arc::from(name.text.as_str()), value::parameter(value));
        Some(Node {
            id: self.id?,
            code: self.code?,
            inputs,
            outputs: self.outputs.into_iter().collect::<Option<_>>()?,
            parameters: parameters.iter().map(parameter).collect(),
        })
    }
}

fn check_node<'d>(
    node: &'d descriptor::Node,
    names: &Names<'_>,
    base: &Path,
    report: &mut Report<'_>,
) -> Draft<'d> {
    let input = |report: &mut Report<'_>, written: &'d descriptor::Input| DraftInput {
        id: report.name(&written.name),
        feed: feed::feed(written, names, report),
        written,
    };
    Draft {
        id: node.id.as_ref().and_then(|id| report.name(id)),
        code: code(node, base, report),
        inputs: node.inputs.iter().map(|written| input(report, written)).collect(),
        outputs: outputs(node, report),
        node,
    }
}

fn outputs(node: &descriptor::Node, report: &mut Report<'_>) -> Vec<Option<OutputId>> {
    let known = Outputs::new(node);
    let mut output = |(position, text): (usize, &Text)| {
        if known.position(&text.text) != Some(position) {
            let output = text.text.clone();
            report.add(&text.place, ProblemKind::DuplicateOutput { output });
        }
        report.name(text)
    };
    node.outputs.iter().enumerate().map(&mut output).collect()
}

/// Adds a problem for every cycle in which each edge blocks.
fn blocking_cycles(
    descriptor: &Descriptor,
    nodes: &[Draft<'_>],
    edges: &[Edge],
    problems: &mut Problems,
) {
    let draft = |edge: &Edge| nodes.get(edge.to).and_then(|node| node.inputs.get(edge.input));
    let blocks = |edge: &&Edge| match draft(edge).map(|draft| &draft.feed) {
        Some(Some(Feed::Source { queue, .. })) => queue.overflow == Overflow::Block,
        _ => false,
    };
    let blocking: Vec<_> = edges.iter().filter(blocks).copied().collect();
    let name = |position: usize| {
        let node = descriptor.nodes.get(position);
        node.and_then(descriptor::Node::name).unwrap_or_default()
    };
    for cycle in cycles::closing(nodes.len(), &blocking, MAX_PROBLEMS) {
        let Some(last) = cycle.last() else { continue };
        let Some(written) = draft(last).map(|draft| draft.written) else { continue };
        let Some(Ok(source_ref)) = written.source().map(|text| text.text.parse()) else { continue };
        let path = cycle.iter().map(|edge| edge.from).chain([last.to]);
        let cycle = path.map(|position| name(position).to_owned()).collect();
        let input = written.name.text.clone();
        let kind = ProblemKind::BlockingCycle { input, source_ref, cycle };
        problems.add(&written.name.place, Some(name(last.to)), kind);
    }
}
