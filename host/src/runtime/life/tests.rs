use proptest::prelude::*;

use super::*;
use crate::dataflow::InHand;

const SECOND: Duration = Duration::from_secs(1);

fn policy(when: RestartWhen) -> RestartPolicy {
    RestartPolicy {
        when,
        limit: 3,
        window: 60 * SECOND,
        backoff: SECOND,
        max_backoff: 5 * SECOND,
        in_hand: InHand::Lose,
    }
}

/// An instance fails, and the next is ready.
fn fail(life: &mut Life, seconds: u32, random: f64) -> Next {
    let next = life.note_end(How::Badly, true, seconds * SECOND, random);
    if life.end_backoff() {
        life.note_ready();
    }
    next
}

#[test]
fn the_backoff_doubles_up_to_its_most_and_is_at_least_the_half() {
    let mut life = Life::new(RestartPolicy { limit: 9, ..policy(RestartWhen::OnFailure) });
    for (at, most) in [(0, 1), (1, 2), (2, 4), (3, 5), (4, 5)] {
        let mut least = life.clone();
        assert_eq!(fail(&mut least, at, 0.0), Next::Wait(most * SECOND / 2));
        assert_eq!(fail(&mut life, at, 1.0), Next::Wait(most * SECOND));
    }
}

#[test]
fn no_backoff_stays_none_however_often_a_node_fails() {
    let policy =
        RestartPolicy { limit: 100, backoff: Duration::ZERO, ..policy(RestartWhen::Always) };
    let mut life = Life::new(policy);
    for _ in 0..100 {
        assert_eq!(fail(&mut life, 0, 1.0), Next::Wait(Duration::ZERO));
    }
}

#[test]
fn the_backoff_begins_anew_after_a_window_without_an_end() {
    let mut life = Life::new(policy(RestartWhen::OnFailure));
    for (at, backoff) in [(0, 1), (50, 2), (100, 4), (160, 1)] {
        assert_eq!(fail(&mut life, at, 1.0), Next::Wait(backoff * SECOND));
    }
}

#[test]
fn the_limit_counts_the_restarts_of_the_last_window() {
    let mut life = Life::new(policy(RestartWhen::OnFailure));
    for at in [0, 30, 59, 60, 90] {
        assert!(matches!(fail(&mut life, at, 0.5), Next::Wait(_)), "{at}");
    }
    assert_eq!(fail(&mut life, 118, 0.5), Next::End { gave_up: true });
}

#[test]
fn only_always_follows_an_instance_that_finished() {
    for (when, follows) in
        [(RestartWhen::Never, false), (RestartWhen::OnFailure, false), (RestartWhen::Always, true)]
    {
        let next = Life::new(policy(when)).note_end(How::Well, true, SECOND, 0.5);
        assert_eq!(matches!(next, Next::Wait(_)), follows, "{when:?}");
    }
}

#[test]
fn who_asks_for_a_restart_waits_for_no_backoff() {
    let mut life = Life::new(policy(RestartWhen::OnFailure));
    assert_eq!(life.ask(), Ask::Abort);
    assert_eq!(life.note_end(How::Badly, true, SECOND, 0.5), Next::Start);
    assert_eq!(life.ask(), Ask::Join);
    life.note_ready();
    assert!(matches!(life.note_end(How::Badly, true, SECOND, 0.5), Next::Wait(_)));
    assert_eq!(life.ask(), Ask::Start);
    assert!(!life.end_backoff(), "it was started already");
}

#[test]
fn an_instance_that_cannot_be_made_ready_has_failed() {
    for (when, follows) in [(RestartWhen::Never, false), (RestartWhen::OnFailure, true)] {
        let mut life = Life::new(policy(when));
        life.ask();
        assert_eq!(life.note_end(How::Aborted, true, SECOND, 0.5), Next::Start);
        let next = life.note_end(How::Badly, true, SECOND, 0.5);
        assert_eq!(matches!(next, Next::Wait(_)), follows, "{when:?}");
    }
}

/// Everything that can happen to a node.
#[derive(Clone, Copy, Debug)]
enum Step {
    End(How, bool),
    Ready,
    Ask,
    Silence,
    Kill,
    Stop,
    BackoffOver,
}

const STEPS: [Step; 10] = [
    Step::End(How::Well, true),
    Step::End(How::Badly, true),
    Step::End(How::Badly, false),
    Step::End(How::Aborted, true),
    Step::Ready,
    Step::Ask,
    Step::Silence,
    Step::Kill,
    Step::Stop,
    Step::BackoffOver,
];

/// A node and what its runtime would have made of it: it is checked after every step.
#[derive(Clone)]
struct Driven {
    life: Life,
    now: Duration,
    /// Instances that have been started and have not ended.
    instances: u32,
    aborted: bool,
    ready: bool,
    killed: bool,
    stopped: bool,
    ended: bool,
    /// When it was decided that another instance follows after a backoff.
    restarts: Vec<Duration>,
}

impl Driven {
    fn new(policy: RestartPolicy) -> Self {
        Self {
            life: Life::new(policy),
            now: Duration::ZERO,
            instances: 1,
            aborted: false,
            ready: true,
            killed: false,
            stopped: false,
            ended: false,
            restarts: Vec::new(),
        }
    }

    /// Does a step if it can happen now.
    fn step(&mut self, step: Step) -> bool {
        self.now += SECOND;
        match step {
            Step::End(how, may_follow) => {
                // Only what was ended from outside ends so.
                if self.instances == 0 || (how == How::Aborted && !self.aborted) {
                    return false;
                }
                self.end(how, may_follow);
            }
            Step::Ready => {
                if self.instances == 0 || self.ready || self.aborted {
                    return false;
                }
                self.ready = true;
                self.life.note_ready();
            }
            Step::Ask => match self.life.ask() {
                Ask::Abort => self.aborted = true,
                Ask::Join => assert!(self.instances == 1 && !self.killed),
                Ask::Start => self.start(),
                Ask::Refuse => assert!(self.ended || self.killed),
            },
            Step::Silence => self.aborted |= self.life.silence(),
            Step::Kill => {
                self.killed = true;
                self.aborted |= self.life.kill();
                if self.life.is_waiting() {
                    self.finish();
                }
            }
            Step::Stop => {
                self.stopped = true;
                if self.life.stop() {
                    self.finish();
                }
            }
            Step::BackoffOver => {
                let waits = self.life.is_waiting();
                assert_eq!(self.life.end_backoff(), waits);
                if waits {
                    self.start();
                }
            }
        }
        self.check();
        true
    }

    fn end(&mut self, how: How, may_follow: bool) {
        let asked = self.life.state == State::MakesWay;
        self.instances -= 1;
        self.aborted = false;
        match self.life.note_end(how, may_follow, self.now, 0.5) {
            Next::Start => {
                assert!(asked, "nobody asked for it");
                self.start();
            }
            Next::Wait(_) => {
                let failed = how != How::Well;
                assert!(may_follow && !self.stopped);
                assert!(self.life.policy.when == RestartWhen::Always || failed);
                assert_ne!(self.life.policy.when, RestartWhen::Never);
                self.restarts.push(self.now);
            }
            Next::End { gave_up } => {
                assert!(!gave_up || self.life.restarts.len() == self.life.policy.limit);
                self.finish();
            }
        }
    }

    fn start(&mut self) {
        assert!(!self.killed && !self.ended);
        self.instances += 1;
        self.ready = false;
    }

    fn finish(&mut self) {
        self.life.end();
        self.ended = true;
    }

    fn check(&self) {
        assert!(self.instances <= 1, "two instances at once");
        let is_somewhere = self.instances == 1 || self.life.is_waiting() || self.ended;
        assert!(is_somewhere, "the node is forgotten");
        assert!(!(self.ended && self.instances == 1), "an instance outlives its node");
        assert!(!(self.life.is_waiting() && (self.stopped || self.killed)));
        let window = self.now.saturating_sub(self.life.policy.window);
        let recent = self.restarts.iter().filter(|at| **at > window).count();
        assert!(recent <= self.life.policy.limit, "{recent} restarts in a window");
    }
}

/// Follows every order of steps, and says how many there are.
fn explore(driven: &Driven, depth: u32) -> u64 {
    if depth == 0 {
        return 1;
    }
    let follow = |step| {
        let mut driven = driven.clone();
        if driven.step(step) { explore(&driven, depth - 1) } else { 0 }
    };
    STEPS.into_iter().map(follow).sum()
}

#[test]
fn every_order_of_ends_restarts_stops_and_kills_is_seen_to_its_end() {
    for when in [RestartWhen::Never, RestartWhen::OnFailure, RestartWhen::Always] {
        let policy = RestartPolicy { limit: 1, ..policy(when) };
        let orders = explore(&Driven::new(policy), 7);
        assert!(orders > 100_000, "{orders}");
    }
}

proptest! {
    #[test]
    fn long_lives_keep_the_rules(
        steps in proptest::collection::vec(0..STEPS.len(), 0..200),
        limit in 1_usize..4,
        window in 1_u32..30,
    ) {
        let policy = RestartPolicy { limit, window: window * SECOND, ..policy(RestartWhen::Always) };
        let mut driven = Driven::new(policy);
        for step in steps {
            // Without what ends the node, so that it lives on.
            match STEPS[step] {
                Step::Kill | Step::Stop | Step::End(_, false) => {}
                step => { driven.step(step); }
            }
        }
    }

    #[test]
    fn a_backoff_is_between_the_half_and_the_whole(
        backoff in 0_u32..100_000,
        most in 0_u32..100_000,
        fails in 1_usize..70,
        random in 0.0..1.0_f64,
    ) {
        let (backoff, most) = (backoff.min(most), most);
        let millis = |number| Duration::from_millis(u64::from(number));
        let mut life = Life::new(RestartPolicy {
            limit: 100,
            backoff: millis(backoff),
            max_backoff: millis(most),
            ..policy(RestartWhen::OnFailure)
        });
        let mut expected = millis(backoff);
        for _ in 0..fails {
            let Next::Wait(wait) = fail(&mut life, 0, random) else { panic!("it gave up") };
            prop_assert!(expected / 2 <= wait && wait <= expected, "{wait:?} of {expected:?}");
            expected = (2 * expected).min(millis(most));
        }
    }
}
