//! A layered layout, from left to right. It knows boxes and links, and nothing of dataflows.
//!
//! The steps are those of Sugiyama: links that close cycles are set aside; each box gets a column by
//! the longest path to it; links over several columns get a place in each, so that they pass between
//! boxes; the order in a column is found by barycenters; heights are those that bend the links least.
//! Links that close cycles run round, below the boxes.

mod order;
mod place;
mod round;

use std::collections::BTreeMap;

use crate::dataflow::cycles::{self, Edge};

/// A box, with the heights of its ports below its top.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) inputs: Vec<f64>,
    pub(super) outputs: Vec<f64>,
}

/// From an output to an input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) output: usize,
    pub(super) to: usize,
    pub(super) input: usize,
}

/// Where everything is.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// For each box.
    pub(super) boxes: Vec<Area>,
    /// Lines, each from one point to another further right; those of one output are shared by its
    /// links. The link is the one that ends with the line.
    pub(super) lines: Vec<Line>,
    /// The links that run round, as corners of a path of horizontal and vertical lines.
    pub(super) rounds: Vec<(usize, Vec<Point>)>,
}

/// The area of a box.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) from: Point,
    pub(super) to: Point,
    pub(super) link: Option<usize>,
}

/// A box, or the place of a link in a column that it passes.
#[derive(Clone, Copy, Debug)]
struct Vertex {
    column: usize,
    height: f64,
    is_box: bool,
}

/// What joins two vertices of neighbouring columns.
#[derive(Clone, Copy, Debug)]
struct Segment {
    from: usize,
    /// Height below the top of `from`.
    leaves: f64,
    to: usize,
    arrives: f64,
    link: Option<usize>,
}

/// The graph with all links cut into segments.
#[derive(Debug, Default)]
struct Layers {
    vertices: Vec<Vertex>,
    segments: Vec<Segment>,
    /// The vertices of each column, from top to bottom.
    columns: Vec<Vec<usize>>,
    /// For each output the vertices that its links pass, from left to right.
    passing: Vec<Vec<usize>>,
}

/// The most places that links may take in columns that they pass. Beyond it they run straight across:
/// a picture of so many is not read but zoomed.
const MAX_PASSING: usize = 20_000;

pub(super) fn layout(shapes: &[Shape], links: &[Link]) -> Layout {
    let edge = |(input, link): (usize, &Link)| Edge { from: link.from, to: link.to, input };
    let edges: Vec<_> = links.iter().enumerate().map(edge).collect();
    let mut is_back = vec![false; links.len()];
    for edge in cycles::back_edges(shapes.len(), &edges) {
        is_back.get_mut(edge.input).into_iter().for_each(|is_back| *is_back = true);
    }
    let forward: Vec<_> =
        (0..links.len()).filter(|&link| is_back.get(link) == Some(&false)).collect();
    let back: Vec<_> = (0..links.len()).filter(|&link| is_back.get(link) == Some(&true)).collect();
    let columns = order::columns(shapes.len(), links, &forward);
    let mut layers = layers(shapes, links, &forward, &back, &columns);
    order::sort(&mut layers);
    place::place(shapes, links, &back, &layers)
}

fn layers(
    shapes: &[Shape],
    links: &[Link],
    forward: &[usize],
    back: &[usize],
    columns: &[usize],
) -> Layers {
    let mut layers = Layers::default();
    for (shape, &column) in shapes.iter().zip(columns) {
        layers.vertices.push(Vertex { column, height: shape.height, is_box: true });
    }
    for &link in back {
        round::reserve(&mut layers.vertices, links.get(link));
    }
    let mut passing: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for &index in forward {
        let Some(link) = links.get(index) else { continue };
        layers.cut(shapes, index, link, passing.entry((link.from, link.output)).or_default());
    }
    layers.passing = passing.into_values().collect();
    let count = layers.vertices.iter().map(|vertex| vertex.column + 1).max().unwrap_or(0);
    layers.columns = vec![Vec::new(); count];
    for (vertex, Vertex { column, .. }) in layers.vertices.iter().enumerate() {
        layers.columns.get_mut(*column).into_iter().for_each(|column| column.push(vertex));
    }
    layers
}

impl Layers {
    /// Adds the segments of a link. `passed` are the vertices that links of its output already have.
    fn cut(&mut self, shapes: &[Shape], index: usize, link: &Link, passed: &mut Vec<usize>) {
        let port = |ports: &[f64], port: usize| ports.get(port).copied().unwrap_or_default();
        let output = shapes.get(link.from).map_or(0.0, |shape| port(&shape.outputs, link.output));
        let input = shapes.get(link.to).map_or(0.0, |shape| port(&shape.inputs, link.input));
        let column = |vertex: usize| self.vertices.get(vertex).map_or(0, |vertex| vertex.column);
        let (first, last) = (column(link.from) + 1, column(link.to));
        let (mut from, mut leaves) = (link.from, output);
        let room = MAX_PASSING.saturating_sub(self.vertices.len().saturating_sub(shapes.len()));
        if last.saturating_sub(first + passed.len()) <= room {
            for column in first..last {
                let known = passed.get(column - first).copied();
                let to = known.unwrap_or_else(|| {
                    let vertex = self.vertices.len();
                    self.vertices.push(Vertex { column, height: 0.0, is_box: false });
                    self.segments.push(Segment {
                        from,
                        leaves,
                        to: vertex,
                        arrives: 0.0,
                        link: None,
                    });
                    passed.push(vertex);
                    vertex
                });
                (from, leaves) = (to, 0.0);
            }
        }
        self.segments.push(Segment {
            from,
            leaves,
            to: link.to,
            arrives: input,
            link: Some(index),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(ports: usize) -> Shape {
        let ports: Vec<_> = (0..ports).map(|port| 20.0 + 20.0 * port as f64).collect();
        let height = 20.0 + 20.0 * ports.len() as f64;
        Shape { width: 100.0, height, inputs: ports.clone(), outputs: ports }
    }

    fn of(boxes: usize, pairs: &[(usize, usize)]) -> Layout {
        let link = |&(from, to): &(usize, usize)| Link { from, output: 0, to, input: 0 };
        let links: Vec<_> = pairs.iter().map(link).collect();
        layout(&vec![shape(2); boxes], &links)
    }

    fn overlap(a: &Area, b: &Area) -> bool {
        a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
    }

    #[test]
    fn boxes_do_not_overlap_and_are_inside() {
        let pairs: Vec<_> = (0..200).map(|n| ((n * 7) % 40, (n * 13 + 5) % 40)).collect();
        let layout = of(40, &pairs);
        for (position, area) in layout.boxes.iter().enumerate() {
            assert!(area.x >= 0.0 && area.x + area.width <= layout.width);
            assert!(area.y >= 0.0 && area.y + area.height <= layout.height);
            assert!(layout.boxes.iter().skip(position + 1).all(|other| !overlap(area, other)));
        }
    }

    #[test]
    fn every_link_arrives_from_the_left() {
        let layout = of(5, &[(0, 1), (1, 2), (0, 2), (2, 0), (3, 3), (3, 4)]);
        let arriving: Vec<_> = layout.lines.iter().filter_map(|line| line.link).collect();
        let round: Vec<_> = layout.rounds.iter().map(|(link, _)| *link).collect();
        assert_eq!(arriving.len() + round.len(), 6);
        assert_eq!(round, [4, 3]);
        assert!(layout.lines.iter().all(|line| line.from.x <= line.to.x));
    }

    #[test]
    fn lines_pass_between_boxes() {
        let layout = of(6, &[(0, 1), (1, 2), (2, 3), (0, 3), (0, 2), (4, 3), (1, 5)]);
        for line in &layout.lines {
            let clear = |area: &Area| {
                let beside = line.to.x <= area.x || line.from.x >= area.x + area.width;
                let over = line.from.y < area.y || line.from.y > area.y + area.height;
                beside || over && line.from.y == line.to.y
            };
            assert!(layout.boxes.iter().all(clear), "{line:?}");
        }
    }

    #[test]
    fn a_graph_without_boxes_has_a_layout() {
        assert!(of(0, &[]).boxes.is_empty());
    }
}
