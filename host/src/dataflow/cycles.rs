//! Cycles of a graph. No recursion: a chain of ten thousand nodes is a legal dataflow.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

/// From one node to another, by an input of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Which input of `to`, as the caller counts them.
    pub(crate) input: usize,
}

/// The sets of nodes that can reach each other: more than one node, or one that reads itself. Each is
/// sorted, and they are in the order of their first nodes.
pub(super) fn components(nodes: usize, edges: &[Edge]) -> Vec<Vec<usize>> {
    let mut graph = DiGraph::<(), (), usize>::with_capacity(nodes, edges.len());
    for _ in 0..nodes {
        graph.add_node(());
    }
    for edge in edges {
        graph.add_edge(NodeIndex::new(edge.from), NodeIndex::new(edge.to), ());
    }
    let mut cycles: Vec<Vec<usize>> = kosaraju_scc(&graph)
        .into_iter()
        .filter(|set| match set.as_slice() {
            &[node] => graph.find_edge(node, node).is_some(),
            _ => true,
        })
        .map(|set| set.into_iter().map(NodeIndex::index).collect())
        .collect();
    cycles.iter_mut().for_each(|set| set.sort_unstable());
    cycles.sort_unstable();
    cycles
}

/// Cycles such that the graph has none left without the last edge of each, `most` of them at most.
/// Each is the list of its edges, from the node that the search met first.
pub(super) fn closing(nodes: usize, edges: &[Edge], most: usize) -> Vec<Vec<Edge>> {
    let mut search = Search::new(nodes, edges);
    let mut cycles = Vec::new();
    for root in 0..nodes {
        search.begin(root);
        while cycles.len() < most {
            match search.step() {
                Step::Closed { by, depth } => {
                    let path = search.taken.iter().skip(depth).copied();
                    cycles.push(path.chain([by]).collect());
                }
                Step::Moved => {}
                Step::Done => break,
            }
        }
    }
    cycles
}

/// The edges that lead back to a node that the search has come from: without them there is no cycle.
pub(crate) fn back_edges(nodes: usize, edges: &[Edge]) -> Vec<Edge> {
    let mut search = Search::new(nodes, edges);
    let mut back = Vec::new();
    for root in 0..nodes {
        search.begin(root);
        loop {
            match search.step() {
                Step::Closed { by, .. } => back.push(by),
                Step::Moved => {}
                Step::Done => break,
            }
        }
    }
    back
}

enum Step {
    Moved,
    /// The edge leads back to the node that is this far from the root.
    Closed {
        by: Edge,
        depth: usize,
    },
    Done,
}

/// A depth-first search that keeps its own stack.
struct Search {
    /// Edges not yet taken, by the node that they leave, the next one last.
    untaken: Vec<Vec<Edge>>,
    visits: Vec<Visit>,
    /// The nodes from the root to here.
    path: Vec<usize>,
    /// The edges between them.
    taken: Vec<Edge>,
}

#[derive(Clone, Copy)]
enum Visit {
    Never,
    /// On the path, this far from the root.
    Open(usize),
    Over,
}

impl Search {
    fn new(nodes: usize, edges: &[Edge]) -> Self {
        let mut untaken = vec![Vec::new(); nodes];
        for edge in edges.iter().rev() {
            if let Some(list) = untaken.get_mut(edge.from) {
                list.push(*edge);
            }
        }
        Self { untaken, visits: vec![Visit::Never; nodes], path: Vec::new(), taken: Vec::new() }
    }

    fn begin(&mut self, root: usize) {
        if let Some(visit @ Visit::Never) = self.visits.get_mut(root) {
            *visit = Visit::Open(self.path.len());
            self.path.push(root);
        }
    }

    fn step(&mut self) -> Step {
        let Some(&node) = self.path.last() else { return Step::Done };
        let Some(edge) = self.untaken.get_mut(node).and_then(Vec::pop) else {
            self.visits.get_mut(node).into_iter().for_each(|visit| *visit = Visit::Over);
            self.path.pop();
            self.taken.pop();
            return Step::Moved;
        };
        match self.visits.get(edge.to) {
            Some(&Visit::Open(depth)) => Step::Closed { by: edge, depth },
            Some(Visit::Never) => {
                self.taken.push(edge);
                self.begin(edge.to);
                Step::Moved
            }
            Some(Visit::Over) | None => Step::Moved,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(pairs: &[(usize, usize)]) -> Vec<Edge> {
        let edge = |(input, &(from, to))| Edge { from, to, input };
        pairs.iter().enumerate().map(edge).collect()
    }

    fn closings(nodes: usize, pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
        let cycles = closing(nodes, &edges(pairs), 100);
        let last = |cycle: &Vec<Edge>| cycle.last().map(|edge| (edge.from, edge.to)).unwrap();
        cycles.iter().map(last).collect()
    }

    #[test]
    fn nodes_that_reach_each_other_are_one_set() {
        let edges = edges(&[(0, 1), (1, 2), (2, 1), (3, 3), (2, 4)]);
        assert_eq!(components(5, &edges), [vec![1, 2], vec![3]]);
    }

    #[test]
    fn a_graph_without_cycle_has_no_closing_edge() {
        assert_eq!(closings(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]), []);
    }

    #[test]
    fn the_edge_back_to_the_earlier_node_closes_a_cycle() {
        assert_eq!(closings(3, &[(2, 0), (0, 1), (1, 2)]), [(2, 0)]);
        assert_eq!(closings(1, &[(0, 0)]), [(0, 0)]);
        assert_eq!(closings(2, &[(0, 1), (1, 0), (1, 0)]), [(1, 0), (1, 0)]);
    }

    #[test]
    fn a_closed_cycle_lists_its_edges_in_order() {
        let cycles = closing(4, &edges(&[(0, 1), (1, 2), (2, 3), (3, 1)]), 100);
        let pairs: Vec<_> = cycles.concat().iter().map(|edge| (edge.from, edge.to)).collect();
        assert_eq!(pairs, [(1, 2), (2, 3), (3, 1)]);
    }

    #[test]
    fn a_ring_of_a_hundred_thousand_nodes_is_one_cycle() {
        const NODES: usize = 100_000;
        let ring: Vec<_> = (0..NODES).map(|node| (node, (node + 1) % NODES)).collect();
        assert_eq!(components(NODES, &edges(&ring)).len(), 1);
        assert_eq!(closings(NODES, &ring), [(NODES - 1, 0)]);
    }
}
