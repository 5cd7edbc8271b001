//! The picture: boxes with their ports in rows, and the links between ports.
//!
//! Names stand inside the boxes, beside the ports that they name, so that no link and no box can cover
//! them. Widths are estimated, because the fonts of the reader are not known; the estimate is for a wide
//! one.

mod node;

use std::fmt::Write;

use super::layout::{self, Layout, Line, Link, Point};
use crate::dataflow::{Dataflow, Feed, Overflow};
use node::Drawing;

const STYLE: &str = include_str!("svg/style.css");
/// The radius of corners.
const BEND: f64 = 9.0;

pub(super) fn draw(dataflow: &Dataflow) -> String {
    let nodes = dataflow.nodes();
    let drawings: Vec<_> = nodes.iter().map(Drawing::new).collect();
    let shapes: Vec<_> = drawings.iter().map(|drawing| drawing.shape.clone()).collect();
    let (links, dropping) = links(dataflow);
    let layout = layout::layout(&shapes, &links);
    let mut svg = head(&layout);
    draw_links(&layout, &dropping, &mut svg);
    for (drawing, area) in drawings.iter().zip(&layout.boxes) {
        drawing.draw(area, &mut svg);
    }
    svg += "</svg>\n";
    svg
}

fn head(layout: &Layout) -> String {
    let (width, height) = (layout.width.ceil(), layout.height.ceil());
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"dataflow\">\n<style>\n{STYLE}</style>\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" \
         markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
         <path class=\"arrow\" d=\"M0 .5 7.5 4 0 7.5z\"/></marker></defs>\n\
         <rect class=\"page\" width=\"{width}\" height=\"{height}\" rx=\"12\"/>\n"
    )
}

/// The links, and for each whether it may lose messages.
fn links(dataflow: &Dataflow) -> (Vec<Link>, Vec<bool>) {
    let mut links = Vec::new();
    let mut dropping = Vec::new();
    for (to, node) in dataflow.nodes().iter().enumerate() {
        for (input, fed) in node.inputs.iter().enumerate() {
            if let Feed::Source { node: from, output, queue } = fed.feed {
                links.push(Link { from, output, to, input });
                dropping.push(queue.overflow != Overflow::Block);
            }
        }
    }
    (links, dropping)
}

fn draw_links(layout: &Layout, dropping: &[bool], svg: &mut String) {
    let class = |link: usize, class: &str| {
        let drops = dropping.get(link).copied().unwrap_or_default();
        if drops { format!("{class} drops") } else { class.to_owned() }
    };
    for line in &layout.lines {
        let path = curve(line);
        let _ = match line.link {
            Some(link) => {
                let class = class(link, "link");
                writeln!(svg, "<path class=\"{class}\" marker-end=\"url(#arrow)\" d=\"{path}\"/>")
            }
            None => writeln!(svg, "<path class=\"link\" d=\"{path}\"/>"),
        };
    }
    for (link, corners) in &layout.rounds {
        let (class, path) = (class(*link, "link round"), rounded(corners));
        let _ = writeln!(svg, "<path class=\"{class}\" marker-end=\"url(#arrow)\" d=\"{path}\"/>");
    }
}

fn curve(line: &Line) -> String {
    let Line { from, to, .. } = line;
    let middle = from.x.midpoint(to.x);
    format!(
        "M{:.1} {:.1}C{middle:.1} {:.1} {middle:.1} {:.1} {:.1} {:.1}",
        from.x, from.y, from.y, to.y, to.x, to.y
    )
}

/// Straight lines with bends at the corners between.
fn rounded(corners: &[Point]) -> String {
    let mut path = String::new();
    let toward = |from: &Point, to: &Point, most: f64| {
        let length = (to.x - from.x).hypot(to.y - from.y).max(f64::EPSILON);
        let part = most.min(length / 2.0) / length;
        Point { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part }
    };
    if let Some(first) = corners.first() {
        let _ = write!(path, "M{:.1} {:.1}", first.x, first.y);
    }
    for corner in corners.windows(3) {
        let [before, corner, after] = corner else { continue };
        let (begin, end) = (toward(corner, before, BEND), toward(corner, after, BEND));
        let _ = write!(
            path,
            "L{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}",
            begin.x, begin.y, corner.x, corner.y, end.x, end.y
        );
    }
    if let Some(last) = corners.last() {
        let _ = write!(path, "L{:.1} {:.1}", last.x, last.y);
    }
    path
}
