//! Swaps as the supervisor sees them.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{OldState, SwapAnswer, SwapAsk, SwapError, Turn};
use crate::exit::NodeExit;
use crate::node::{Code, NotReady, Swap, SwapProblem};
use crate::prepare::Replacement;
use crate::runtime::happening::NodeEventKind;
use crate::runtime::life::Ask;
use crate::runtime::supervisor::{Supervisor, watch};
use crate::runtime::tasks::NodeTask;

/// What a node was asked to become.
pub(in crate::runtime) struct PendingSwap {
    number: u64,
    code: Code,
    answer: SwapAnswer,
    /// Where the new instance waits until its readers are told of it.
    open: CancellationToken,
    /// Where the node waited to be started again: what it ran.
    before: Option<Code>,
    turn: Turn,
}

/// Whether an instance of the node with this number has made way.
pub(in crate::runtime) type Swapped = (usize, Result<(), SwapProblem>);

impl PendingSwap {
    fn new(node: &mut NodeTask, replacement: &Replacement, answer: SwapAnswer, turn: Turn) -> Self {
        node.swaps_asked += 1;
        let Replacement { component, code } = replacement;
        Self {
            number: node.swaps_asked,
            code: Code::Component(Arc::clone(component), Arc::clone(code)),
            answer,
            open: CancellationToken::new(),
            before: None,
            turn,
        }
    }

    fn answer(self, result: Result<(), SwapError>) {
        let Self { answer, code, before, turn, .. } = self;
        // With the answer there is room for another.
        drop((code, before));
        drop(turn);
        // Whoever asked may have gone.
        let _ = answer.send(result);
    }
}

impl NodeTask {
    /// Why the node cannot be swapped now.
    fn refuses(&self, replacement: &Replacement, old_state: OldState) -> Result<(), SwapError> {
        let node = || self.id.as_str().into();
        if !self.may_go_on() {
            return Err(SwapError::Ended { node: node() });
        }
        if self.swap.is_some() || !(self.life.runs() || self.life.is_waiting()) {
            return Err(SwapError::Busy { node: node() });
        }
        let has_state = matches!(&self.again, Some(Code::Component(old, _)) if old.has_state());
        let is_lost = has_state && self.life.runs() && !replacement.component.has_state();
        if is_lost && old_state == OldState::Keep {
            return Err(SwapError::StateLost { node: node() });
        }
        Ok(())
    }

    /// Whether its instance is at rest, and another one is being made ready.
    pub(in crate::runtime) fn is_making_way(&self) -> bool {
        self.swap.is_some() && !self.successor.is_waiting()
    }

    /// The instance has ended with a swap under way: nothing came of it.
    pub(in crate::runtime) fn give_up_swap(&mut self, exit: &NodeExit) {
        let Some(mut swap) = self.swap.take() else { return };
        self.successor.withdraw();
        if let Some(before) = swap.before.take() {
            self.again = Some(before);
        }
        let exit = exit.to_string().into();
        swap.answer(Err(SwapError::InstanceEnded { node: self.id.as_str().into(), exit }));
    }

    /// A node that waited was started by another component.
    pub(in crate::runtime) fn note_swap_started(
        &mut self,
        ready: &Result<(), Arc<NotReady>>,
    ) -> bool {
        let Some(mut swap) = self.swap.take_if(|swap| swap.before.is_some()) else { return false };
        match ready {
            Ok(()) => {
                self.swaps += 1;
                swap.answer(Ok(()));
                true
            }
            Err(error) => {
                self.again = swap.before.take();
                swap.answer(Err(SwapError::NotStarted(Arc::clone(error))));
                false
            }
        }
    }
}

impl Supervisor {
    pub(in crate::runtime) fn swap(&mut self, ask: SwapAsk) {
        let SwapAsk { node: position, replacement, old_state, answer, turn } = ask;
        let Some(node) = self.tasks.nodes.get_mut(position) else { return };
        if let Err(refusal) = node.refuses(&replacement, old_state) {
            let pending = PendingSwap::new(node, &replacement, answer, turn);
            drop(replacement);
            return pending.answer(Err(refusal));
        }
        let mut pending = PendingSwap::new(node, &replacement, answer, turn);
        if node.life.is_waiting() {
            pending.before = std::mem::replace(&mut node.again, pending.code.again());
            node.swap = Some(pending);
            if node.life.ask() == Ask::Start {
                self.start(position);
            }
            return;
        }
        let swap = Swap {
            component: replacement.component,
            code: replacement.code,
            fresh: old_state == OldState::Forget,
            told: self.swapped.clone(),
            node: position,
            open: pending.open.clone(),
        };
        let patience = node.grace(self.grace).unwrap_or(self.grace);
        self.alarms.after_patience(position, pending.number, patience);
        node.swap = Some(pending);
        node.successor.ask(swap);
    }

    /// The node had its time to come to rest.
    pub(in crate::runtime) fn withdraw_swap(&mut self, position: usize, number: u64) {
        let Some(node) = self.tasks.nodes.get_mut(position) else { return };
        let patience = node.grace(self.grace).unwrap_or(self.grace);
        let is_it = node.swap.as_ref().is_some_and(|swap| swap.number == number);
        if is_it && node.successor.withdraw() {
            let error = SwapError::NotAtRest { node: node.id.as_str().into(), patience };
            if let Some(swap) = node.swap.take() {
                swap.answer(Err(error));
            }
        }
    }

    /// An instance has made way for another, or goes on.
    pub(in crate::runtime) fn note_swapped(&mut self, (position, outcome): Swapped) {
        let Some(node) = self.tasks.nodes.get_mut(position) else { return };
        let Some(swap) = node.swap.take() else { return };
        if let Err(problem) = outcome {
            let id = node.id.as_str().into();
            swap.answer(Err(error(id, problem)));
            return;
        }
        node.again = swap.code.again();
        node.swaps += 1;
        // Alarms of the instance before mean nothing for this one.
        node.instances += 1;
        if let Some(watchdog) = node.watchdog.take() {
            watchdog.abort();
        }
        watch(&mut self.alarms, position, node);
        self.happenings.tell(&node.id, NodeEventKind::Swapped { count: node.swaps });
        if node.has_place() {
            self.router.tell_restarted(position, node.successions());
        }
        swap.open.cancel();
        let is_stopping = node.stopping.is_cancelled();
        swap.answer(Ok(()));
        if is_stopping {
            self.begin_grace(position);
        }
    }

    /// Notes what instances said before they ended.
    pub(in crate::runtime) fn note_all_swapped(&mut self) {
        while let Ok(swapped) = self.swaps.try_recv() {
            self.note_swapped(swapped);
        }
    }
}

fn error(node: Box<str>, problem: SwapProblem) -> SwapError {
    match problem {
        SwapProblem::NotReady(error) => SwapError::NotReady(Arc::new(error)),
        SwapProblem::NotSaved(reason) => SwapError::NotSaved { node, reason: reason.into() },
        SwapProblem::StateTooLarge { bytes, limit } => {
            let reason = format!("it is {bytes} bytes, and `limits.payload` is {limit}");
            SwapError::NotSaved { node, reason: reason.into() }
        }
        SwapProblem::NotRestored(reason) => SwapError::NotRestored { node, reason: reason.into() },
    }
}
