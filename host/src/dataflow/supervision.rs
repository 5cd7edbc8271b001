//! When a node is started again, and how long it may take for what.

use std::time::Duration;

use super::bounds::{self, Bounds};
use super::check::Report;
use super::value;
use crate::descriptor::{self, Descriptor, LongRestart, ProblemKind, Restart, Text};

/// When a node is started again, and how long it may take for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supervision {
    /// When it is started again by itself.
    pub restart: RestartPolicy,
    /// How long it may take no event while some wait and it does not wait for room to send; none: for ever.
    pub watchdog: Option<Duration>,
    /// How long it may take to be ready. Of no meaning for nodes that processes attach to, and embedded ones.
    pub ready: Duration,
    /// How long it may do nothing after its last event, where it says so itself.
    pub grace: Option<Duration>,
}

/// When a node is started again by itself, how often, and after how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// When.
    pub when: RestartWhen,
    /// How often within `window`; then the node ends for good.
    pub limit: usize,
    /// The time in which restarts are counted, and without an end in which the backoff begins anew.
    pub window: Duration,
    /// The backoff before the first restart. It doubles with each further one.
    pub backoff: Duration,
    /// The longest backoff.
    pub max_backoff: Duration,
    /// What becomes of the events that the instance took last. It holds for restarts that are asked for, too.
    pub in_hand: InHand,
}

/// When a node is started again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartWhen {
    /// Not by itself.
    Never,
    /// When an instance has ended badly.
    OnFailure,
    /// When an instance has ended, unless it had its last event.
    Always,
}

/// What becomes of the events that an instance took last, when it ended before it asked for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InHand {
    /// They are lost, and count as delivered.
    Lose,
    /// The next instance is given them again, first and in order.
    Redeliver,
}

/// What becomes of a dataflow when a node has ended badly for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// The outputs of the node close, and the others go on.
    Continue,
    /// It is stopped, as by [`crate::Control::stop`].
    Stop,
}

impl RestartPolicy {
    fn usual(when: RestartWhen) -> Self {
        Self {
            when,
            limit: limit(bounds::RESTARTS.default),
            window: bounds::RESTART_WINDOW.default,
            backoff: bounds::BACKOFF.default,
            max_backoff: bounds::MAX_BACKOFF.default,
            in_hand: InHand::Lose,
        }
    }
}

/// What the descriptor says; the default where it says nothing.
pub(super) fn on_failure(descriptor: &Descriptor, report: &mut Report<'_>) -> Option<OnFailure> {
    let Some(text) = &descriptor.on_failure else { return Some(OnFailure::Continue) };
    let values = [OnFailure::Continue, OnFailure::Stop];
    let choice = value::choice("on_failure", &text.text, &["continue", "stop"], &values);
    report.take(&text.place, choice)
}

/// The supervision of a node, if all that is said about it is right.
pub(super) fn supervision(node: &descriptor::Node, report: &mut Report<'_>) -> Option<Supervision> {
    let restart = match &node.restart {
        None => Some(RestartPolicy::usual(RestartWhen::Never)),
        Some(Restart::Short(text)) => when("restart", text, report).map(RestartPolicy::usual),
        Some(Restart::Long(long)) => policy(long, report),
        Some(Restart::Broken) => None,
    };
    let watchdog = duration("watchdog", &node.watchdog, bounds::WATCHDOG, report);
    let ready = duration("ready", &node.ready, bounds::READY, report);
    let grace = duration("grace", &node.grace, bounds::GRACE, report);
    Some(Supervision {
        restart: restart?,
        watchdog: watchdog?,
        ready: ready?.unwrap_or(bounds::READY.default),
        grace: grace?,
    })
}

fn policy(long: &LongRestart, report: &mut Report<'_>) -> Option<RestartPolicy> {
    let when = long.when.as_ref().and_then(|text| when("restart.when", text, report));
    let limit = long.limit.as_ref().map(|text| {
        let number = value::number("restart.limit", &text.text, bounds::RESTARTS);
        report.take(&text.place, number).map(limit)
    });
    let window = duration("restart.window", &long.window, bounds::RESTART_WINDOW, report);
    let backoff = backoff(long, report);
    let in_hand = long.in_hand.as_ref().map_or(Some(InHand::Lose), |text| {
        let values = [InHand::Lose, InHand::Redeliver];
        let choice = value::choice("restart.in_hand", &text.text, &["lose", "redeliver"], &values);
        report.take(&text.place, choice)
    });
    let usual = RestartPolicy::usual(when?);
    let (backoff, max_backoff) = backoff?;
    Some(RestartPolicy {
        limit: limit.unwrap_or(Some(usual.limit))?,
        window: window?.unwrap_or(usual.window),
        backoff,
        max_backoff,
        in_hand: in_hand?,
        ..usual
    })
}

/// The first backoff and the longest, of which one that is not given follows the other.
fn backoff(long: &LongRestart, report: &mut Report<'_>) -> Option<(Duration, Duration)> {
    let first = duration("restart.backoff", &long.backoff, bounds::BACKOFF, report);
    let most = duration("restart.max_backoff", &long.max_backoff, bounds::MAX_BACKOFF, report);
    match (first?, most?) {
        (Some(first), Some(most)) if first > most => {
            let text = |text: &Option<Text>| {
                text.as_ref().map_or_else(String::new, |text| text.text.clone())
            };
            let (backoff, max_backoff) = (text(&long.backoff), text(&long.max_backoff));
            let place = &long.max_backoff.as_ref()?.place;
            report.add(place, ProblemKind::BackoffBeyondMost { backoff, max_backoff });
            None
        }
        (first, Some(most)) => Some((first.unwrap_or(bounds::BACKOFF.default.min(most)), most)),
        (first, None) => {
            let first = first.unwrap_or(bounds::BACKOFF.default);
            Some((first, bounds::MAX_BACKOFF.default.max(first)))
        }
    }
}

fn when(field: &'static str, text: &Text, report: &mut Report<'_>) -> Option<RestartWhen> {
    let values = [RestartWhen::Never, RestartWhen::OnFailure, RestartWhen::Always];
    let choice = value::choice(field, &text.text, &["never", "on-failure", "always"], &values);
    report.take(&text.place, choice)
}

fn limit(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// None for what is wrong, and `Some(None)` for what is not given.
fn duration(
    field: &'static str,
    text: &Option<Text>,
    bounds: Bounds<Duration>,
    report: &mut Report<'_>,
) -> Option<Option<Duration>> {
    let Some(text) = text else { return Some(None) };
    report.take(&text.place, value::duration(field, &text.text, bounds)).map(Some)
}
