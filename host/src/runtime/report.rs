//! What a run leaves behind, in the words of its report.

use std::time::{Duration, Instant};

use super::supervisor::Supervisor;
use super::tasks::NodeTask;
use crate::dataflow;
use crate::exit::{KillReason, NodeExit};
use crate::inbox::InputCounts;
use crate::report::{InputReport, NodeReport, OutputReport, RunReport};

impl Supervisor {
    pub(super) fn report(self, duration: Duration) -> RunReport {
        let nodes = self.dataflow.nodes().iter().zip(&self.tasks.nodes).enumerate();
        let nodes = nodes.map(|(position, (node, task))| self.node_report(position, node, task));
        let nodes: Vec<_> = nodes.collect();
        let stopped_by = self.stopped_by.and_then(|position| nodes.get(position));
        let stopped_by = stopped_by.map(|node| node.id.clone());
        RunReport { duration, stopped_by, nodes }
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
            gave_up: task.gave_up,
            redelivered: task.counts.redelivered(),
            watchdog_ends: task.watchdog_ends,
            cpu: task.is_component.then(|| task.usage.cpu()),
            peak_memory: task.is_component.then(|| task.usage.peak_memory()),
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
