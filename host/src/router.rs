//! Who sends to whom: built once from the graph, read only afterwards.

use std::sync::Arc;

use crate::cycle::{Cycle, Member};
use crate::dataflow::{Code, Dataflow, Feed};
use crate::id::OutputId;
use crate::inbox::{Inbox, Total};
use crate::nudge::Nudge;

/// The inboxes of a dataflow and the ways between them. Nodes have the numbers of
/// [`Dataflow::nodes`].
#[derive(Debug)]
pub(crate) struct Router {
    inboxes: Vec<Arc<Inbox>>,
    /// For each node its outputs.
    routes: Vec<Vec<Route>>,
    cycles: Vec<Arc<Cycle>>,
    /// For each node the cycle that it is in.
    cycle_of: Vec<Option<Arc<Cycle>>>,
    /// What waits in all inboxes.
    total: Arc<Total>,
    nudge: Arc<Nudge>,
}

/// One output and the inputs that read it.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) output: OutputId,
    pub(crate) subscribers: Arc<[Subscriber]>,
    /// Nobody but components reads it.
    pub(crate) feeds_components_alone: bool,
}

/// One input of one node.
#[derive(Clone, Debug)]
pub(crate) struct Subscriber {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) input: usize,
    /// The cycle of the node, which may have come to its end when this input closes.
    pub(crate) cycle: Option<Arc<Cycle>>,
}

impl Router {
    pub(crate) fn new(dataflow: &Dataflow) -> Self {
        let total = Arc::new(Total::new(dataflow.queued_bytes));
        let nudge = Arc::new(Nudge::default());
        let inboxes: Vec<_> =
            dataflow.nodes().iter().map(|node| Arc::new(inbox_of(node, &total, &nudge))).collect();
        let mut cycle_of = vec![None; inboxes.len()];
        let mut cycles = Vec::with_capacity(dataflow.cycles.len());
        for members in &dataflow.cycles {
            let cycle = Arc::new(cycle_among(dataflow, members, &inboxes));
            for member in members {
                if let Some(slot) = cycle_of.get_mut(*member) {
                    *slot = Some(Arc::clone(&cycle));
                }
            }
            cycles.push(cycle);
        }
        let routes = routes(dataflow, &inboxes, &cycle_of);
        Self { inboxes, routes, cycles, cycle_of, total, nudge }
    }

    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the dataflow")]
    pub(crate) fn inbox(&self, node: usize) -> &Arc<Inbox> {
        &self.inboxes[node]
    }

    #[expect(clippy::indexing_slicing, reason = "nodes are numbered by the dataflow")]
    pub(crate) fn routes(&self, node: usize) -> &[Route] {
        &self.routes[node]
    }

    pub(crate) fn cycle(&self, node: usize) -> Option<&Arc<Cycle>> {
        self.cycle_of.get(node)?.as_ref()
    }

    /// Tells each input that reads this node that an instance of it ended badly. To be called when all that it
    /// sent is sent, and before its outputs close.
    pub(crate) fn tell_failed(&self, node: usize, reason: &str, restarts: bool) {
        let reason = Arc::<str>::from(reason);
        for Subscriber { inbox, input, .. } in self.readers(node) {
            inbox.tell_failed(*input, Arc::clone(&reason), restarts);
        }
    }

    /// Tells each input that reads this node that it was started again, so many times by now. To be called
    /// before the new instance sends anything.
    pub(crate) fn tell_restarted(&self, node: usize, count: u64) {
        for Subscriber { inbox, input, .. } in self.readers(node) {
            inbox.tell_restarted(*input, count);
        }
    }

    fn readers(&self, node: usize) -> impl Iterator<Item = &Subscriber> {
        self.routes(node).iter().flat_map(|route| route.subscribers.iter())
    }

    /// What waits in all inboxes.
    pub(crate) fn total(&self) -> &Total {
        &self.total
    }

    /// Spreads the nodes over the threads, while its task runs.
    pub(crate) fn nudge(&self) -> &Arc<Nudge> {
        &self.nudge
    }

    /// Asks the sources to end. Closings do the rest.
    pub(crate) fn request_stop(&self) {
        for inbox in &self.inboxes {
            inbox.request_stop();
        }
        for cycle in &self.cycles {
            cycle.close_if_quiet();
        }
    }

    /// Closes every cycle, whatever still runs round in it.
    pub(crate) fn close_cycles(&self) {
        for cycle in &self.cycles {
            cycle.close();
        }
    }
}

fn inbox_of(node: &crate::dataflow::Node, total: &Arc<Total>, nudge: &Arc<Nudge>) -> Inbox {
    let spontaneous = !matches!(node.code, Code::Component(_));
    Inbox::new(node.inputs.iter().map(|input| &input.feed), spontaneous, total, nudge)
}

fn cycle_among(dataflow: &Dataflow, members: &[usize], inboxes: &[Arc<Inbox>]) -> Cycle {
    let mut members = members.to_vec();
    members.sort_unstable();
    let member = |&number: &usize| {
        let inputs = dataflow.nodes().get(number)?.inputs.iter().enumerate();
        let internal = inputs.filter_map(|(index, input)| match input.feed {
            Feed::Source { node, .. } => members.binary_search(&node).is_ok().then_some(index),
            Feed::Timer(_) => None,
        });
        Some(Member { inbox: Arc::clone(inboxes.get(number)?), internal: internal.collect() })
    };
    Cycle::new(members.iter().filter_map(member).collect())
}

fn routes(
    dataflow: &Dataflow,
    inboxes: &[Arc<Inbox>],
    cycle_of: &[Option<Arc<Cycle>>],
) -> Vec<Vec<Route>> {
    let mut subscribers: Vec<Vec<(Vec<Subscriber>, bool)>> =
        dataflow.nodes().iter().map(|node| vec![(Vec::new(), true); node.outputs.len()]).collect();
    for ((node, inbox), cycle) in dataflow.nodes().iter().zip(inboxes).zip(cycle_of) {
        let is_component = matches!(node.code, Code::Component(_));
        for (index, input) in node.inputs.iter().enumerate() {
            if let Feed::Source { node, output, .. } = input.feed
                && let Some((list, components_alone)) =
                    subscribers.get_mut(node).and_then(|node| node.get_mut(output))
            {
                let (inbox, cycle) = (Arc::clone(inbox), cycle.clone());
                list.push(Subscriber { inbox, input: index, cycle });
                *components_alone &= is_component;
            }
        }
    }
    let named = |(node, lists): (&crate::dataflow::Node, Vec<(Vec<Subscriber>, bool)>)| {
        let routes = node.outputs.iter().cloned().zip(lists);
        let route = |(output, (list, feeds_components_alone)): (_, (Vec<_>, _))| Route {
            output,
            subscribers: list.into(),
            feeds_components_alone,
        };
        routes.map(route).collect()
    };
    dataflow.nodes().iter().zip(subscribers).map(named).collect()
}

#[cfg(test)]
#[cfg(not(feature = "model"))]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::inbox::{Item, Most};

    const TEXT: &str = "
nodes:
  - { id: other, embedded: true, outputs: [out] }
  - { id: reader, embedded: true, inputs: { a: source/a, b: source/b, c: other/out } }
  - { id: source, embedded: true, outputs: [a, b] }
";
    const READER: usize = 1;
    const SOURCE: usize = 2;

    fn router() -> Router {
        Router::new(&Dataflow::from_text(TEXT, Path::new("")).unwrap())
    }

    fn taken(router: &Router) -> Vec<Item> {
        let mut taken = Vec::new();
        router.inbox(READER).try_recv(Most::events(8), &mut |item| taken.push(item));
        taken
    }

    #[test]
    fn every_input_that_reads_a_node_is_told_of_it_and_no_other() {
        let router = router();
        router.tell_failed(SOURCE, "it broke", true);
        router.tell_restarted(SOURCE, 3);
        let failed = |input| Item::Failed { input, reason: "it broke".into(), restarts: true };
        let restarted = |input| Item::Restarted { input, count: 3 };
        assert_eq!(taken(&router), [failed(0), failed(1), restarted(0), restarted(1)]);
    }
}
