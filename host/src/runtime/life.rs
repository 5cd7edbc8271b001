//! What becomes of a node when an instance of it ends, and when it is asked to stop, to make way, to die.
//!
//! Pure: it is told what happens and what time it is, and says what is to be done.

use std::collections::VecDeque;
use std::time::Duration;

use crate::dataflow::{RestartPolicy, RestartWhen};

/// A node as its supervision sees it, from the moment when its first instance is ready.
#[derive(Clone, Debug)]
pub(super) struct Life {
    policy: RestartPolicy,
    state: State,
    /// The dataflow was asked to stop: no instance follows by itself any more.
    stopping: bool,
    /// When it was started again by its policy, within the last window.
    restarts: VecDeque<Duration>,
    /// How often the backoff has doubled.
    doublings: u32,
    last_end: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Runs,
    /// Another instance is being made ready.
    Starts,
    /// The instance was ended so that another takes its place.
    MakesWay,
    /// The instance was ended because it took no events.
    Silenced,
    /// The instance was ended, and none follows.
    Killed,
    /// No instance runs, and one will after the backoff.
    Waits,
    Ended,
}

/// How an instance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Well,
    Badly,
    /// It was ended from outside.
    Aborted,
}

/// What follows the end of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another instance, at once.
    Start,
    /// Another instance, after this time.
    Wait(Duration),
    /// Nothing. It gave up if it would have been started again but for the limit of its restarts.
    End { gave_up: bool },
}

/// What is to be done about a restart that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// The instance is to be ended; [`Next::Start`] follows, or its own end.
    Abort,
    /// One is under way.
    Join,
    /// No instance runs: another is to be started.
    Start,
    /// There will be no other.
    Refuse,
}

impl Life {
    pub(super) fn new(policy: RestartPolicy) -> Self {
        let restarts = VecDeque::new();
        let (stopping, doublings, last_end) = (false, 0, None);
        Self { policy, state: State::Runs, stopping, restarts, doublings, last_end }
    }

    /// Whether no instance runs that is ready, though one will.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.state, State::Starts | State::MakesWay | State::Waits)
    }

    /// Whether its instance was ended because it took no events.
    pub(super) fn is_silenced(&self) -> bool {
        self.state == State::Silenced
    }

    /// Whether an instance runs, and is to go on.
    pub(super) fn runs(&self) -> bool {
        self.state == State::Runs
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.state == State::Waits
    }

    /// The instance that was started is ready.
    pub(super) fn note_ready(&mut self) {
        if self.state == State::Starts {
            self.state = State::Runs;
        }
    }

    /// Someone asks for another instance.
    pub(super) fn ask(&mut self) -> Ask {
        match self.state {
            State::Runs => {
                self.state = State::MakesWay;
                Ask::Abort
            }
            State::Silenced => {
                self.state = State::MakesWay;
                Ask::Join
            }
            State::Starts | State::MakesWay => Ask::Join,
            State::Waits => {
                self.state = State::Starts;
                Ask::Start
            }
            State::Killed | State::Ended => Ask::Refuse,
        }
    }

    /// The instance took no events for too long. True when it is to be ended for that.
    pub(super) fn silence(&mut self) -> bool {
        let runs = self.state == State::Runs;
        if runs {
            self.state = State::Silenced;
        }
        runs
    }

    /// The node is to end. True when its instance is to be ended; one that waits is to be ended by
    /// [`Self::end`].
    pub(super) fn kill(&mut self) -> bool {
        let has_instance = !matches!(self.state, State::Waits | State::Ended);
        if has_instance {
            self.state = State::Killed;
        }
        has_instance
    }

    /// The dataflow was asked to stop. True when the node waits, and so has to be ended.
    pub(super) fn stop(&mut self) -> bool {
        self.stopping = true;
        self.is_waiting()
    }

    /// The backoff is over. True when another instance is to be started.
    pub(super) fn end_backoff(&mut self) -> bool {
        let waits = self.is_waiting();
        if waits {
            self.state = State::Starts;
        }
        waits
    }

    /// There will be no other instance.
    pub(super) fn end(&mut self) {
        self.state = State::Ended;
    }

    /// An instance has ended. `may_follow` says whether there is something left to do for another one;
    /// `random`, from 0 to 1, spreads the restarts of nodes that fail together.
    pub(super) fn note_end(
        &mut self,
        how: How,
        may_follow: bool,
        now: Duration,
        random: f64,
    ) -> Next {
        let asked = self.state == State::MakesWay;
        let next = match (self.state, how) {
            (State::MakesWay, How::Aborted) => Next::Start,
            (State::Silenced, How::Aborted) => self.by_policy(true, may_follow, now, random),
            (State::Runs | State::Starts | State::MakesWay | State::Silenced, How::Well) => {
                self.by_policy(false, may_follow, now, random)
            }
            (State::Runs | State::Starts | State::MakesWay | State::Silenced, How::Badly) => {
                self.by_policy(true, may_follow, now, random)
            }
            _ => Next::End { gave_up: false },
        };
        // Who asks for a restart does not wait for a backoff.
        let next = if asked && matches!(next, Next::Wait(_)) { Next::Start } else { next };
        self.state = match next {
            Next::Start => State::Starts,
            Next::Wait(_) => State::Waits,
            Next::End { .. } => State::Ended,
        };
        next
    }

    fn by_policy(&mut self, badly: bool, may_follow: bool, now: Duration, random: f64) -> Next {
        let wanted = match self.policy.when {
            RestartWhen::Never => false,
            RestartWhen::OnFailure => badly,
            RestartWhen::Always => true,
        };
        if !wanted || !may_follow || self.stopping {
            return Next::End { gave_up: false };
        }
        let window = self.policy.window;
        let is_old = |then: Duration| now.saturating_sub(then) >= window;
        while self.restarts.front().is_some_and(|&first| is_old(first)) {
            self.restarts.pop_front();
        }
        if self.restarts.len() >= self.policy.limit {
            return Next::End { gave_up: true };
        }
        self.restarts.push_back(now);
        if self.last_end.replace(now).is_some_and(is_old) {
            self.doublings = 0;
        }
        Next::Wait(self.backoff(random))
    }

    /// "Equal jitter" of Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015). Not
    /// "full jitter", which may wait not at all: what a node depends on has at least half of the time.
    fn backoff(&mut self, random: f64) -> Duration {
        let doubled = self.policy.backoff.saturating_mul(2_u32.saturating_pow(self.doublings));
        self.doublings = self.doublings.saturating_add(1);
        let half = doubled.min(self.policy.max_backoff) / 2;
        half + half.mul_f64(random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
#[cfg(not(feature = "model"))]
mod tests;
