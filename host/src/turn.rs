//! Keeps a chain of nodes that wait on one thread.

use std::cell::Cell;
use std::task::{Context, Poll};

use tokio::task::coop;

/// Nodes that run one after the other before their worker begins a new turn. With another task before them, such as a
/// timer, they are as many as tokio runs in one.
const IN_A_TURN: u32 = 2;

/// What tokio gives a task, and all that run in its turn.
const BUDGET: u32 = 128;

thread_local! {
    static RUN: Cell<u32> = const { Cell::new(0) };
}

/// To be called when a node has run: its worker goes on with the node that it woke last, and wakes no other worker for that.
///
/// tokio runs a task that was woken right behind the one that woke it, but no more than three in a row. The next goes to the
/// queue of the worker, and another worker is woken to take it: a system call on the way of the message, and
/// cold caches where the other comes in time. With its budget used up, a worker puts the task there too, but wakes nobody,
/// and begins a new turn.
pub(crate) fn end(context: &mut Context<'_>) {
    let run = RUN.get() + 1;
    RUN.set(run % IN_A_TURN);
    if run == IN_A_TURN {
        use_up_budget(context);
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

    #[test]
    fn the_second_node_of_a_turn_uses_up_the_budget_of_its_worker() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
        let runtime = runtime.unwrap();
        let left = runtime.spawn(poll_fn(|context| {
            let left = [(); 2].map(|()| {
                end(context);
                coop::has_budget_remaining()
            });
            Poll::Ready(left)
        }));
        assert_eq!(runtime.block_on(left).unwrap(), [true, false]);
        let next = runtime.spawn(async { coop::has_budget_remaining() });
        assert!(runtime.block_on(next).unwrap(), "a new turn has a new one");
    }

    #[test]
    fn a_thread_without_a_budget_is_not_held_up() {
        let mut context = Context::from_waker(Waker::noop());
        (0..4).for_each(|_| end(&mut context));
        assert!(coop::has_budget_remaining());
    }
}
