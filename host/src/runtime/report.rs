//! What a run leaves behind, in the words of its report.

use std::time::{Duration, Instant};

use super::supervisor::Supervisor;
use super::tasks::NodeTask;
use crate::component::Usage;
use crate::dataflow;
use crate::exit::{KillReason, NodeExit};
use crate::inbox::InputCounts;
use crate::pace::Pace;
use crate::report::{Bounded, Budgets, InputReport, NodeReport, OutputReport, Paced, RunReport};

/// Nanoseconds in a second.
const NANOS: f64 = 1e9;

impl Supervisor {
    pub(super) fn report(self, duration: Duration) -> RunReport {
        let nodes = self.dataflow.nodes().iter().zip(&self.tasks.nodes).enumerate();
        let nodes = nodes.map(|(position, (node, task))| self.node_report(position, node, task));
        let nodes: Vec<_> = nodes.collect();
        let stopped_by = self.stopped_by.and_then(|position| nodes.get(position));
        let stopped_by = stopped_by.map(|node| node.id.clone());
        let total = self.router.total();
        let queued = Bounded { limit: total.limit(), peak: total.peak() };
        RunReport { duration, stopped_by, nodes, queued }
    }

    fn node_report(&self, position: usize, node: &dataflow::Node, task: &NodeTask) -> NodeReport {
        let inbox = self.router.inbox(position);
        let inputs = node.inputs.iter().zip(inbox.counts());
        let inputs = inputs.filter_map(|(input, counts)| self.input_report(input, counts));
        let outputs = node.outputs.iter().zip(task.counts.sent());
        let outputs: Vec<_> =
            outputs.map(|(id, sent)| OutputReport { id: id.to_string(), sent }).collect();
        let exit = task.exit.clone().unwrap_or(NodeExit::Killed(KillReason::Immediate));
        let since_start = |at: Instant| at.saturating_duration_since(self.started);
        NodeReport {
            id: node.id.to_string(),
            last_event: if exit.is_ok() { None } else { task.counts.last_events(&task.ids) },
            exit,
            events_in: inbox.delivered(),
            events_out: outputs.iter().map(|output| output.sent).sum(),
            restarts: task.restarts,
            swaps: task.swaps,
            gave_up: task.gave_up,
            redelivered: task.counts.redelivered(),
            watchdog_ends: task.watchdog_ends,
            cpu: task.limits.map(|_| task.usage.cpu()),
            peak_memory: task.limits.map(|_| task.usage.peak_memory()),
            budgets: budgets(task.limits.as_ref(), &task.usage),
            first_event: task.counts.first_event().map(since_start),
            last_taken: task
                .counts
                .since_last()
                .map(|ago| self.started.elapsed().saturating_sub(ago)),
            inputs: inputs.collect(),
            outputs,
        }
    }

    /// None for a timer.
    fn input_report(&self, input: &dataflow::Input, counts: InputCounts) -> Option<InputReport> {
        Some(InputReport {
            id: input.id.to_string(),
            source: self.dataflow.source_of(&input.feed)?.to_string(),
            received: counts.received,
            delivered: counts.delivered,
            dropped: counts.dropped,
            discarded: counts.discarded,
        })
    }
}

/// None for a node without a log of its own, which is neither component nor process.
fn budgets(limits: Option<&dataflow::Limits>, usage: &Usage) -> Option<Budgets> {
    let paced = |pace: &Pace, unit: f64| Paced {
        per_second: pace.per_second() / unit,
        used: pace.used() as f64 / unit,
        waited: pace.waited(),
    };
    Some(Budgets {
        memory: limits.map(|it| Bounded { limit: it.memory, peak: usage.peak_memory() }),
        buffers: limits.map(|it| Bounded { limit: it.buffers, peak: usage.peak_buffers() }),
        message: limits.map(|it| Bounded { limit: it.payload, peak: usage.largest_message() }),
        cpu_share: usage.cpu_share.as_ref().map(|share| paced(share, NANOS)),
        rate: usage.rate.as_ref().map(|rate| paced(rate, 1.0)),
        log: paced(usage.log.as_ref()?, 1.0),
    })
}
