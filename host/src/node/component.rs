//! The instance of a component, and those of the components that take its place.

use std::sync::Arc;
use std::time::Duration;

use super::swap::{Successor, Swap, SwapProblem};
use super::{NodeSetup, NotReady, StartLine};
use crate::component::{
    ComponentProblem, Course, Instance, InstanceSetup, Laid, Pause, PrepareError,
    PreparedComponent, Usage,
};
use crate::dataflow;
use crate::event::Parameters;
use crate::exit::NodeExit;
use crate::id::NodeId;
use crate::log::NodeLog;
use crate::ports::Ports;

/// What every instance of the node is made of.
struct Mould {
    id: NodeId,
    parameters: Parameters,
    log: NodeLog,
    usage: Arc<Usage>,
    ready: Duration,
    successor: Successor,
}

/// Makes an instance ready, waits for the other nodes, and runs it to its end, or that of the last component
/// that took its place.
pub(super) async fn run(
    component: Arc<PreparedComponent>,
    code: Arc<dataflow::Component>,
    setup: NodeSetup,
    line: StartLine,
) -> NodeExit {
    let NodeSetup { id, ports, parameters, log, usage, ready, successor, .. } = setup;
    let mould = Mould { id, parameters, log, usage, ready, successor };
    // What the start needs is given back after it: an instance that waits is as small as its course.
    match Box::pin(mould.instance(component, &code, Some(ports))).await {
        Ok(instance) => {
            line.wait(Ok(())).await;
            mould.run(instance.run()).await
        }
        Err(error) => {
            let message = message_of(&error);
            line.wait(Err(error)).await;
            NodeExit::Failed { message }
        }
    }
}

/// What is wrong, without the names of node and file, which whoever reads it of the node has.
fn message_of(error: &NotReady) -> String {
    match error {
        NotReady::Component(error) => error.problem.to_string(),
        NotReady::Late { ready, .. } => {
            format!("its start functions did not return within {ready:?}")
        }
        other => other.to_string(),
    }
}

impl Mould {
    async fn instance(
        &self,
        component: Arc<PreparedComponent>,
        code: &dataflow::Component,
        ports: Option<Ports>,
    ) -> Result<Instance, NotReady> {
        let setup = InstanceSetup {
            ports,
            parameters: self.parameters.clone(),
            log: self.log.clone(),
            usage: Arc::clone(&self.usage),
            rest: Arc::clone(&self.successor.rest),
        };
        let instance = Instance::new(component, code, setup);
        match tokio::time::timeout(self.ready, instance).await {
            Ok(Ok(instance)) => Ok(instance),
            Ok(Err(problem)) => Err(self.error(code, problem).into()),
            Err(_) => Err(self.late()),
        }
    }

    fn error(&self, code: &dataflow::Component, problem: ComponentProblem) -> PrepareError {
        PrepareError { node: self.id.clone(), path: code.path.clone(), problem }
    }

    fn late(&self) -> NotReady {
        NotReady::Late { node: self.id.clone(), ready: self.ready }
    }

    async fn run(&self, mut course: Course) -> NodeExit {
        loop {
            match course.next().await {
                Pause::Ended(exit) => return exit,
                Pause::AtRest(laid) => course = Box::pin(self.make_way(course, laid)).await,
            }
        }
    }

    /// Another instance in the place of one that is at rest, or the same one where there cannot be another.
    async fn make_way(&self, mut course: Course, mut laid: Laid) -> Course {
        let Some(swap) = self.successor.take(laid.wish) else {
            course.go_on(laid.ports);
            return course;
        };
        let instance = self.successor_of(&swap, laid.saved.take()).await;
        self.successor.settle();
        match instance {
            Ok(mut instance) => {
                drop(course);
                // A line that it did not end is a line, and not the beginning of another.
                self.log.finish().await;
                instance.take_over(laid.ports);
                swap.told(Ok(())).await;
                instance.run()
            }
            Err(problem) => {
                course.go_on(laid.ports);
                swap.told(Err(problem)).await;
                course
            }
        }
    }

    /// An instance that is ready, and has what was saved.
    async fn successor_of(
        &self,
        swap: &Swap,
        saved: Option<Result<Vec<u8>, String>>,
    ) -> Result<Instance, SwapProblem> {
        let state = saved.transpose().map_err(SwapProblem::NotSaved)?;
        let (bytes, limit) = (state.as_ref().map_or(0, Vec::len) as u64, swap.code.limits.payload);
        if bytes > limit {
            return Err(SwapProblem::StateTooLarge { bytes, limit });
        }
        let made = self.instance(Arc::clone(&swap.component), &swap.code, None);
        let mut instance = made.await.map_err(SwapProblem::NotReady)?;
        if let Some(state) = state {
            let restored = tokio::time::timeout(self.ready, instance.restore(state)).await;
            let late = |_| SwapProblem::NotReady(self.late());
            restored.map_err(late)?.map_err(SwapProblem::NotRestored)?;
        }
        Ok(instance)
    }
}
