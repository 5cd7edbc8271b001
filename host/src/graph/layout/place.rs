//! From order to coordinates.
#![expect(
    clippy::indexing_slicing,
    reason = "positions are those of the vectors that were made for them"
)]

use super::{Area, Layers, Layout, Line, Link, Point, Shape, Vertex, round};

/// Space around the picture.
const MARGIN: f64 = 24.0;
/// Space between boxes of one column, and around links that pass them.
const BOX_GAP: f64 = 30.0;
const PASSING_GAP: f64 = 18.0;
/// Space between columns, for the bends of the links.
const COLUMN_GAP: f64 = 84.0;
/// How much is spent on balancing heights between the columns: a small picture is worth many rounds.
const SWEEPS: std::ops::RangeInclusive<usize> = 6..=80;
const SWEPT_VERTICES: usize = 100_000;
/// How much stronger a link keeps straight where it passes columns than where it meets a box.
const STRAIGHTNESS: f64 = 8.0;

pub(super) fn place(shapes: &[Shape], links: &[Link], back: &[usize], layers: &Layers) -> Layout {
    let tops = heights(layers);
    let channels = round::channels(layers, links, back);
    let mut xs = Vec::with_capacity(layers.columns.len());
    let mut x = MARGIN;
    for (column, vertices) in layers.columns.iter().enumerate() {
        let boxes = vertices.iter().filter(|&&vertex| layers.vertices[vertex].is_box);
        let width = boxes.map(|&vertex| shapes[vertex].width).fold(0.0, f64::max);
        let left = x + channels.before(column);
        xs.push((left, left + width));
        x = left + width + channels.after(column) + COLUMN_GAP;
    }
    let area = |(vertex, shape): (usize, &Shape)| {
        let (left, right) = xs[layers.vertices[vertex].column];
        Area { x: left, y: tops[vertex], width: right - left, height: shape.height }
    };
    let boxes: Vec<_> = shapes.iter().enumerate().map(area).collect();
    let rounds = round::route(shapes, links, back, layers, &boxes, &tops);
    let round_points = rounds.iter().flat_map(|(_, path)| path).map(|point| point.y);
    let bottoms = boxes.iter().map(|area| area.y + area.height);
    let bottom = bottoms.chain(tops.iter().copied()).chain(round_points).fold(0.0, f64::max);
    let width = (x - COLUMN_GAP).max(MARGIN) + MARGIN;
    Layout { width, height: bottom + MARGIN, lines: lines(layers, &tops, &xs), boxes, rounds }
}

/// Segments as lines; where a link passes a column, a level line through it.
fn lines(layers: &Layers, tops: &[f64], xs: &[(f64, f64)]) -> Vec<Line> {
    let column = |vertex: usize| xs[layers.vertices[vertex].column];
    let mut lines = Vec::with_capacity(layers.segments.len());
    for segment in &layers.segments {
        let from = Point { x: column(segment.from).1, y: tops[segment.from] + segment.leaves };
        let to = Point { x: column(segment.to).0, y: tops[segment.to] + segment.arrives };
        lines.push(Line { from, to, link: segment.link });
        if !layers.vertices[segment.to].is_box {
            let end = Point { x: column(segment.to).1, y: to.y };
            lines.push(Line { from: to, to: end, link: None });
        }
    }
    lines
}

/// The top of each vertex.
fn heights(layers: &Layers) -> Vec<f64> {
    let mut tops = vec![0.0; layers.vertices.len()];
    for column in &layers.columns {
        settle(column, layers, &mut tops, &vec![(0.0, 1.0); column.len()]);
    }
    let pulls = pulls(layers);
    let count = layers.columns.len();
    let sweeps = SWEPT_VERTICES / layers.vertices.len().max(1);
    for sweep in 0..sweeps.clamp(*SWEEPS.start(), *SWEEPS.end()) {
        for step in 0..count {
            let column = if sweep % 2 == 0 { step } else { count - 1 - step };
            let column = &layers.columns[column];
            let wish = |&vertex: &usize| wish(&pulls[vertex], tops[vertex], &tops);
            let wishes: Vec<_> = column.iter().map(wish).collect();
            settle(column, layers, &mut tops, &wishes);
        }
    }
    straighten(layers, &mut tops);
    let first = tops.iter().copied().fold(f64::INFINITY, f64::min);
    tops.iter_mut().for_each(|top| *top += MARGIN - first);
    tops
}

/// Makes the links that pass several columns level, as far as they get without moving anything else.
fn straighten(layers: &Layers, tops: &mut [f64]) {
    let beside = beside(layers);
    for chain in &layers.passing {
        let mut rest = chain.as_slice();
        while !rest.is_empty() {
            let mut range = (f64::NEG_INFINITY, f64::INFINITY);
            let mut length = 0;
            for &vertex in rest {
                let (least, most) = free_range(layers, vertex, beside[vertex], tops);
                let next = (range.0.max(least), range.1.min(most));
                if next.0 > next.1 {
                    break;
                }
                range = next;
                length += 1;
            }
            let (level, others) = rest.split_at(length.max(1));
            let mean = level.iter().map(|&vertex| tops[vertex]).sum::<f64>() / level.len() as f64;
            let top = mean.clamp(range.0, range.1);
            level.iter().for_each(|&vertex| tops[vertex] = top);
            rest = others;
        }
    }
}

/// The vertices above and below each vertex in its column.
fn beside(layers: &Layers) -> Vec<(Option<usize>, Option<usize>)> {
    let mut beside = vec![(None, None); layers.vertices.len()];
    for pair in layers.columns.iter().flat_map(|column| column.windows(2)) {
        if let &[above, below] = pair {
            beside[above].1 = Some(below);
            beside[below].0 = Some(above);
        }
    }
    beside
}

/// How high and how low the top of a vertex may be between those beside it.
fn free_range(
    layers: &Layers,
    vertex: usize,
    (above, below): (Option<usize>, Option<usize>),
    tops: &[f64],
) -> (f64, f64) {
    let at = |vertex: usize| &layers.vertices[vertex];
    let least = above.map(|above| tops[above] + at(above).height + gap(at(above), at(vertex)));
    let most = below.map(|below| tops[below] - at(vertex).height - gap(at(vertex), at(below)));
    let least = least.unwrap_or(f64::NEG_INFINITY);
    // Rounding must not leave an empty range.
    (least, most.unwrap_or(f64::INFINITY).max(least))
}

/// A vertex wants its top this far below the top of another.
#[derive(Clone, Copy)]
struct Pull {
    other: usize,
    below: f64,
    weight: f64,
}

fn pulls(layers: &Layers) -> Vec<Vec<Pull>> {
    let mut pulls = vec![Vec::new(); layers.vertices.len()];
    for segment in &layers.segments {
        let both_pass = [segment.from, segment.to].iter().all(|&end| !layers.vertices[end].is_box);
        let weight = if both_pass { STRAIGHTNESS } else { 1.0 };
        let below = segment.arrives - segment.leaves;
        pulls[segment.from].push(Pull { other: segment.to, below, weight });
        pulls[segment.to].push(Pull { other: segment.from, below: -below, weight });
    }
    pulls
}

/// Where a vertex would best be, and how strongly.
fn wish(pulls: &[Pull], top: f64, tops: &[f64]) -> (f64, f64) {
    /// Enough to keep in place what nothing pulls.
    const AT_REST: f64 = 0.1;
    let weight: f64 = pulls.iter().map(|pull| pull.weight).sum();
    let sum: f64 = pulls.iter().map(|pull| pull.weight * (tops[pull.other] + pull.below)).sum();
    if weight > 0.0 { (sum / weight, weight) } else { (top, AT_REST) }
}

/// Vertices that push each other: where the first would be, and with what weight.
struct Block {
    top: f64,
    weight: f64,
    count: usize,
}

/// Moves the vertices of a column as near to their wishes as order and gaps allow: least squares, by
/// joining neighbours that would overlap.
fn settle(column: &[usize], layers: &Layers, tops: &mut [f64], wishes: &[(f64, f64)]) {
    let mut offsets = Vec::with_capacity(column.len());
    let mut offset = 0.0;
    let mut blocks: Vec<Block> = Vec::new();
    let mut above: Option<&Vertex> = None;
    for (&vertex, &(top, weight)) in column.iter().zip(wishes) {
        let below = &layers.vertices[vertex];
        offset += above.map_or(0.0, |above| above.height + gap(above, below));
        above = Some(below);
        offsets.push(offset);
        let mut block = Block { top: top - offset, weight, count: 1 };
        while let Some(above) = blocks.pop_if(|above| above.top >= block.top) {
            let weight = above.weight + block.weight;
            let top = (above.top * above.weight + block.top * block.weight) / weight;
            block = Block { top, weight, count: above.count + block.count };
        }
        blocks.push(block);
    }
    let settled = blocks.iter().flat_map(|block| std::iter::repeat_n(block.top, block.count));
    for ((&vertex, offset), top) in column.iter().zip(offsets).zip(settled) {
        tops[vertex] = top + offset;
    }
}

fn gap(above: &Vertex, below: &Vertex) -> f64 {
    if above.is_box && below.is_box { BOX_GAP } else { PASSING_GAP }
}
