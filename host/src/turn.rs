//! Keeps a chain of nodes that wait on one thread.

use std::cell::Cell;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::coop;

/// Nodes that run in a turn without tokio waking another worker for what the last of them wakes.
const IN_A_TURN: u32 = 3;

/// The same where another task may have begun the turn, such as a timer.
const BEHIND_ANOTHER: u32 = IN_A_TURN - 1;

/// A worker for which no node ran so long had nothing to do, or something else. Far longer than a hop takes under
/// callgrind, so that what it counts does not depend on how fast it is.
const PAUSE: Duration = Duration::from_millis(1);

/// What tokio gives a task, and all that run in its turn.
const BUDGET: u32 = 128;

thread_local! {
    /// How many nodes may still run in this turn, and when the last one had run.
    static LEFT: Cell<(u32, Option<Instant>)> = const { Cell::new((BEHIND_ANOTHER, None)) };
}

/// To be called when a node has run, from `began` to `ended`: its worker goes on with the node that it woke last,
/// and wakes no other worker for that.
///
/// tokio runs a task that was woken right behind the one that woke it, but no more than three in a row. The next goes to the
/// queue of the worker, and another worker is woken to take it: a system call on the way of the message, and
/// cold caches where the other comes in time. With its budget used up, a worker puts the task there too, but wakes nobody,
/// and begins a new turn.
pub(crate) fn end(context: &mut Context<'_>, began: Instant, ended: Instant) {
    let (left, last) = LEFT.get();
    let is_first = last.is_none_or(|last| began.saturating_duration_since(last) > PAUSE);
    match if is_first { BEHIND_ANOTHER } else { left } {
        0 | 1 => {
            LEFT.set((IN_A_TURN, Some(ended)));
            use_up_budget(context);
        }
        left => LEFT.set((left - 1, Some(ended))),
    }
}

/// Does no harm where there is none, and hence no end of it.
fn use_up_budget(context: &mut Context<'_>) {
    for _ in 0..BUDGET {
        if !coop::has_budget_remaining() {
            return;
        }
        let Poll::Ready(turn) = coop::poll_proceed(context) else { return };
        turn.made_progress();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Waker;

    use super::*;

    /// A node that runs for a moment, so long after the one before. Whether others may run in its turn.
    fn run(context: &mut Context<'_>, now: &mut Instant, after: Duration) -> bool {
        let began = *now + after;
        *now = began;
        end(context, began, began);
        coop::has_budget_remaining()
    }

    /// Runs it as a task of a worker.
    fn in_a_turn<T: Send + 'static>(
        turn: impl FnOnce(&mut Context<'_>) -> T + Send + 'static,
    ) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut turn = Some(turn);
        let turn = runtime.spawn(poll_fn(move |context| {
            turn.take().map_or(Poll::Pending, |turn| Poll::Ready(turn(context)))
        }));
        runtime.block_on(turn).unwrap()
    }

    #[test]
    fn the_second_node_behind_another_task_uses_up_the_budget_of_its_worker() {
        let left = in_a_turn(|context| {
            let mut now = Instant::now();
            [(); 2].map(|()| run(context, &mut now, Duration::ZERO))
        });
        assert_eq!(left, [true, false]);
        let next = in_a_turn(|_| coop::has_budget_remaining());
        assert!(next, "a new turn has a new one");
    }

    #[test]
    fn a_turn_of_nodes_alone_has_three() {
        let left = in_a_turn(|context| {
            let mut now = Instant::now();
            LEFT.set((IN_A_TURN, Some(now)));
            [(); 3].map(|()| run(context, &mut now, PAUSE))
        });
        assert_eq!(left, [true, true, false]);
    }

    #[test]
    fn nodes_with_pauses_between_them_leave_it() {
        let left = in_a_turn(|context| {
            let mut now = Instant::now();
            [(); 8].map(|()| run(context, &mut now, 2 * PAUSE))
        });
        assert_eq!(left, [true; 8]);
    }

    #[test]
    fn a_thread_without_a_budget_is_not_held_up() {
        let (mut context, mut now) = (Context::from_waker(Waker::noop()), Instant::now());
        assert!([(); 4].iter().all(|()| run(&mut context, &mut now, Duration::ZERO)));
    }
}
