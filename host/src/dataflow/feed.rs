//! What feeds an input, and how much may wait there.

use std::collections::HashMap;
use std::num::NonZeroU32;

use super::check::{Names, Report};
use super::{Feed, Overflow, Queue, bounds, value};
use crate::descriptor::{self, LongFeed, ProblemKind, Text};
use crate::id::OutputRef;

/// The outputs of one node, by name.
pub(super) struct Outputs<'d> {
    positions: HashMap<&'d str, usize>,
    node: &'d descriptor::Node,
}

impl<'d> Outputs<'d> {
    pub(super) fn new(node: &'d descriptor::Node) -> Self {
        let names = node.outputs.iter().map(|output| output.text.as_str());
        // From behind, so that the first of two equal names stays.
        let positions = names.enumerate().rev().map(|(position, name)| (name, position)).collect();
        Self { positions, node }
    }

    /// Whether the node could be read well enough to say what it does not have.
    pub(super) fn complete(&self) -> bool {
        self.node.sound
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }

    /// That the node has no such output. `suggest` is whether to look for one that may be meant.
    pub(super) fn unknown(
        &self,
        input: String,
        source_ref: OutputRef,
        suggest: bool,
    ) -> ProblemKind {
        const SHOWN: usize = 12;
        let names = || self.node.outputs.iter().map(|output| output.text.as_str());
        let count = self.node.outputs.len();
        let outputs = names().take(SHOWN).map(str::to_owned).collect();
        let more = count.saturating_sub(SHOWN);
        // With one output the list itself says what was meant.
        let names = names().filter(|_| suggest && count > 1);
        let nearest = descriptor::nearest(source_ref.output.as_str(), names);
        ProblemKind::UnknownOutput { input, source_ref, outputs, more, nearest }
    }
}

impl descriptor::Input {
    /// What it reads, as written.
    pub(super) fn source(&self) -> Option<&Text> {
        match &self.feed {
            descriptor::Feed::Short(source) => Some(source),
            descriptor::Feed::Long(feed) => feed.source.as_ref(),
            descriptor::Feed::Broken => None,
        }
    }
}

/// What feeds the input, if all of it is right.
pub(super) fn feed(
    input: &descriptor::Input,
    names: &Names<'_>,
    report: &mut Report<'_>,
) -> Option<Feed> {
    let name = &input.name.text;
    match &input.feed {
        descriptor::Feed::Short(source) => {
            let (node, output) = names.resolve(name, source, report)?;
            let queue = queue(name, &LongFeed::default(), report)?;
            Some(Feed::Source { node, output, queue })
        }
        descriptor::Feed::Long(feed) => long(input, feed, names, report),
        descriptor::Feed::Broken => None,
    }
}

fn long(
    input: &descriptor::Input,
    feed: &LongFeed,
    names: &Names<'_>,
    report: &mut Report<'_>,
) -> Option<Feed> {
    let name = &input.name.text;
    match (&feed.source, &feed.timer) {
        (Some(source), None) => {
            let source = names.resolve(name, source, report);
            let queue = queue(name, feed, report)?;
            source.map(|(node, output)| Feed::Source { node, output, queue })
        }
        (None, Some(period)) => timer(name, period, feed, report),
        (Some(_), Some(timer)) => {
            report.add(&timer.place, ProblemKind::TwoFeeds { input: name.clone() });
            None
        }
        (None, None) => {
            if feed.sound {
                report.add(&input.name.place, ProblemKind::NoFeed { input: name.clone() });
            }
            None
        }
    }
}

fn timer(name: &str, period: &Text, feed: &LongFeed, report: &mut Report<'_>) -> Option<Feed> {
    let fields =
        [("queue", &feed.queue), ("queue_bytes", &feed.queue_bytes), ("overflow", &feed.overflow)];
    let mut alone = true;
    for (field, text) in fields {
        if let Some(text) = text {
            report.add(&text.place, ProblemKind::QueueOfTimer { input: name.to_owned(), field });
            alone = false;
        }
    }
    let period = value::duration("timer", &period.text, bounds::TIMER)
        .map_err(|kind| report.add(&period.place, kind))
        .ok()?;
    alone.then_some(Feed::Timer(period))
}

fn queue(name: &str, feed: &LongFeed, report: &mut Report<'_>) -> Option<Queue> {
    let overflow = feed.overflow.as_ref().map_or(Some(Written::Block), |text| {
        report.take(&text.place, value::choice("overflow", &text.text, CHOICES, &WRITTEN))
    });
    let latest = overflow == Some(Written::Latest);
    let default = if latest { 1 } else { bounds::QUEUE.default };
    let events = feed.queue.as_ref().map_or(Some(default), |text| {
        let kind = ProblemKind::QueueWithLatest { input: name.to_owned() };
        let refused = if latest { Err(kind) } else { Ok(()) };
        let events = refused.and_then(|()| value::number("queue", &text.text, bounds::QUEUE));
        report.take(&text.place, events)
    });
    let bytes = feed.queue_bytes.as_ref().map_or(Some(bounds::QUEUE_BYTES.default), |text| {
        let bytes = value::size("queue_bytes", &text.text, bounds::QUEUE_BYTES);
        report.take(&text.place, bytes)
    });
    let events = NonZeroU32::new(u32::try_from(events?).ok()?)?;
    Some(Queue { events, bytes: bytes?, overflow: overflow?.overflow() })
}

/// The words of `overflow`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Block,
    DropOldest,
    DropNewest,
    Latest,
}

const CHOICES: &[&str] = &["block", "drop-oldest", "drop-newest", "latest"];
const WRITTEN: [Written; 4] =
    [Written::Block, Written::DropOldest, Written::DropNewest, Written::Latest];

impl Written {
    fn overflow(self) -> Overflow {
        match self {
            Self::Block => Overflow::Block,
            Self::DropOldest | Self::Latest => Overflow::DropOldest,
            Self::DropNewest => Overflow::DropNewest,
        }
    }
}
