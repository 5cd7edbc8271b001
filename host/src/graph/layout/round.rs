//! The links that close cycles. They leave to the right, run back below the boxes and arrive from the
//! left, each in a channel of its own.
#![expect(
    clippy::indexing_slicing,
    reason = "positions are those of the vectors that were made for them"
)]

use super::{Area, Layers, Link, Point, Shape, Vertex};

/// Space between two channels, and between a box and the first.
const CHANNEL: f64 = 12.0;
const FIRST: f64 = 20.0;

/// Makes room below a box for a link to itself.
pub(super) fn reserve(vertices: &mut [Vertex], link: Option<&Link>) {
    if let Some(link) = link.filter(|link| link.from == link.to) {
        vertices[link.from].height += CHANNEL;
    }
}

/// How many channels there are beside each column.
pub(super) struct Channels {
    before: Vec<usize>,
    after: Vec<usize>,
}

impl Channels {
    fn none(columns: usize) -> Self {
        Self { before: vec![0; columns], after: vec![0; columns] }
    }

    pub(super) fn before(&self, column: usize) -> f64 {
        room(self.before[column])
    }

    pub(super) fn after(&self, column: usize) -> f64 {
        room(self.after[column])
    }
}

fn room(channels: usize) -> f64 {
    if channels == 0 { 0.0 } else { FIRST + CHANNEL * (channels - 1) as f64 }
}

pub(super) fn channels(layers: &Layers, links: &[Link], back: &[usize]) -> Channels {
    let mut channels = Channels::none(layers.columns.len());
    for &link in back {
        channels.before[layers.vertices[links[link].to].column] += 1;
        channels.after[layers.vertices[links[link].from].column] += 1;
    }
    channels
}

/// The corners of each link, from output to input; short ones inside of long ones.
pub(super) fn route(
    shapes: &[Shape],
    links: &[Link],
    back: &[usize],
    layers: &Layers,
    boxes: &[Area],
    tops: &[f64],
) -> Vec<(usize, Vec<Point>)> {
    let column = |vertex: usize| layers.vertices[vertex].column;
    let span = |link: &usize| column(links[*link].from) - column(links[*link].to);
    let mut inner_first = back.to_vec();
    inner_first.sort_by_key(|link| (links[*link].from != links[*link].to, span(link), *link));
    let mut lanes = Lanes { bottoms: bottoms(layers, tops), below: vec![0; boxes.len()] };
    let mut used = Channels::none(layers.columns.len());
    let mut routes = Vec::with_capacity(back.len());
    for index in inner_first {
        let link = &links[index];
        let (first, last) = (column(link.to), column(link.from));
        used.before[first] += 1;
        used.after[last] += 1;
        let (from, to) = (&boxes[link.from], &boxes[link.to]);
        let start =
            Point { x: from.x + from.width, y: from.y + shapes[link.from].outputs[link.output] };
        let end = Point { x: to.x, y: to.y + shapes[link.to].inputs[link.input] };
        let lane = lanes.take(link, from, first..=last);
        let (right, left) = (start.x + used.after(last), end.x - used.before(first));
        let corners = [(right, start.y), (right, lane), (left, lane), (left, end.y)];
        let corners = corners.map(|(x, y)| Point { x, y });
        routes.push((index, [&[start], &corners[..], &[end]].concat()));
    }
    routes
}

/// The heights at which links run back.
struct Lanes {
    /// The lowest point of each column.
    bottoms: Vec<f64>,
    /// How many links run directly below each box.
    below: Vec<usize>,
}

impl Lanes {
    fn take(&mut self, link: &Link, from: &Area, columns: std::ops::RangeInclusive<usize>) -> f64 {
        if link.from == link.to {
            self.below[link.from] += 1;
            return from.y + from.height + CHANNEL * self.below[link.from] as f64;
        }
        let bottoms = &mut self.bottoms[columns];
        let lane = bottoms.iter().copied().fold(0.0, f64::max) + FIRST;
        bottoms.fill(lane);
        lane
    }
}

/// The lowest point of each column.
fn bottoms(layers: &Layers, tops: &[f64]) -> Vec<f64> {
    let bottom = |&vertex: &usize| tops[vertex] + layers.vertices[vertex].height;
    let lowest = |column: &Vec<usize>| column.iter().map(bottom).fold(0.0, f64::max);
    layers.columns.iter().map(lowest).collect()
}
