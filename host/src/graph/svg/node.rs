//! One node: its name, what runs it, its grants, its ports.

use std::fmt::Write;

use crate::dataflow::{Code, Feed, Node};
use crate::graph::layout::{Area, Shape};
use crate::graph::{code_label, feed_label, grant_labels, shortened};

const PADDING: f64 = 14.0;
/// The heights of the parts, from the top.
const HEAD: f64 = 46.0;
const ROW: f64 = 22.0;
const BADGE: f64 = 17.0;
const BADGE_GAP: f64 = 5.0;
const END: f64 = 8.0;
/// The widths of a character, in parts of the font size.
const WIDE: f64 = 0.66;
const BOLD: f64 = 0.72;
const MIN_WIDTH: f64 = 130.0;
/// How wide badges may make a box before they go on in the next row.
const BADGE_WIDTH: f64 = 230.0;
const MAX_BADGES: usize = 8;
/// Longer labels are shortened.
const MAX_LABEL: usize = 34;

/// A node, measured.
pub(super) struct Drawing<'d> {
    pub(super) shape: Shape,
    node: &'d Node,
    file: String,
    badges: Vec<Badge>,
    inputs: Vec<Input>,
}

struct Badge {
    text: String,
    x: f64,
    y: f64,
    width: f64,
}

struct Input {
    name: String,
    note: Option<String>,
    is_timer: bool,
}

impl Input {
    fn width(&self) -> f64 {
        let note = self.note.as_ref().map_or(0.0, |note| width(note, 11.0, WIDE) + 8.0);
        width(&self.name, 12.0, WIDE) + note
    }
}

impl<'d> Drawing<'d> {
    pub(super) fn new(node: &'d Node) -> Self {
        let file = shortened(&code_label(node), MAX_LABEL);
        let inputs: Vec<_> = node.inputs.iter().map(input).collect();
        let in_width = inputs.iter().map(Input::width).fold(0.0, f64::max);
        let out_widths = node.outputs.iter().map(|output| width(output.as_str(), 12.0, WIDE));
        let between = if inputs.is_empty() || node.outputs.is_empty() { 0.0 } else { 26.0 };
        let ports = in_width + between + out_widths.fold(0.0, f64::max);
        let head = width(node.id.as_str(), 14.0, BOLD).max(width(&file, 11.0, WIDE));
        let inner = ports.max(head).max(MIN_WIDTH - 2.0 * PADDING);
        let (badges, badge_width, badge_height) = badges(node, inner.max(BADGE_WIDTH));
        let rows = inputs.len().max(node.outputs.len());
        let first = HEAD + badge_height;
        let shape = Shape {
            width: inner.max(badge_width) + 2.0 * PADDING,
            height: first + ROW * rows as f64 + if rows > 0 { END } else { 0.0 },
            inputs: (0..inputs.len()).map(|row| row_middle(first, row)).collect(),
            outputs: (0..node.outputs.len()).map(|row| row_middle(first, row)).collect(),
        };
        Self { shape, node, file, badges, inputs }
    }

    pub(super) fn draw(&self, area: &Area, svg: &mut String) {
        let Area { x, y, width, height } = area;
        let class = match self.node.code {
            Code::Component(_) => "component",
            Code::Process(_) => "process",
            Code::Attached => "attached",
            Code::Embedded => "embedded",
        };
        let _ = writeln!(
            svg,
            "<g transform=\"translate({x:.1} {y:.1})\"><rect class=\"node\" width=\"{width:.1}\" \
             height=\"{height:.1}\" rx=\"9\"/><rect class=\"{class}\" x=\"{PADDING}\" y=\"-1.5\" \
             width=\"28\" height=\"3\" rx=\"1.5\"/>\
             <text class=\"id\" x=\"{PADDING}\" y=\"22\">{}</text>\
             <text class=\"code\" x=\"{PADDING}\" y=\"37\">{}</text>",
            escaped(self.node.id.as_str()),
            escaped(&self.file),
        );
        self.draw_badges(svg);
        self.draw_ports(*width, svg);
        *svg += "</g>\n";
    }

    fn draw_badges(&self, svg: &mut String) {
        for Badge { text, x, y, width } in &self.badges {
            let _ = write!(
                svg,
                "<rect class=\"grant\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BADGE}\" \
                 rx=\"8.5\"/><text class=\"granted\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x + width / 2.0,
                y + 12.2,
                escaped(text)
            );
        }
    }

    fn draw_ports(&self, width: f64, svg: &mut String) {
        let first = self.shape.inputs.iter().chain(&self.shape.outputs).copied();
        if let Some(rule) = first.reduce(f64::min).map(|first| first - ROW / 2.0) {
            let _ = write!(svg, "<path class=\"rule\" d=\"M1 {rule:.1}H{:.1}\"/>", width - 1.0);
        }
        for (input, &y) in self.inputs.iter().zip(&self.shape.inputs) {
            input.draw(y, svg);
        }
        for (output, &y) in self.node.outputs.iter().zip(&self.shape.outputs) {
            let _ = write!(
                svg,
                "<circle class=\"port\" cx=\"{width:.1}\" cy=\"{y}\" r=\"3.6\"/>\
                 <text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                width - PADDING,
                y + 4.0,
                escaped(output.as_str())
            );
        }
    }
}

impl Input {
    fn draw(&self, y: f64, svg: &mut String) {
        if self.is_timer {
            let _ = write!(
                svg,
                "<circle class=\"page\" cx=\"0\" cy=\"{y}\" r=\"6\"/>\
                 <path class=\"clock\" d=\"M0 {0:.1}v3.4l2.2 1.4M-6 {y}a6 6 0 1 0 12 0a6 6 0 1 0-12 0\"/>",
                y - 3.4
            );
        }
        let baseline = y + 4.0;
        let _ = write!(svg, "<text x=\"{PADDING}\" y=\"{baseline:.1}\">{}", escaped(&self.name));
        if let Some(note) = &self.note {
            let class = if self.is_timer { "note" } else { "note dropping" };
            let _ = write!(svg, "<tspan class=\"{class}\" dx=\"8\">{}</tspan>", escaped(note));
        }
        *svg += "</text>";
    }
}

fn input(input: &crate::dataflow::Input) -> Input {
    let is_timer = matches!(input.feed, Feed::Timer(_));
    Input { name: input.id.to_string(), note: feed_label(&input.feed), is_timer }
}

/// The badges in rows of at most `most`, with the width and the height of all.
fn badges(node: &Node, most: f64) -> (Vec<Badge>, f64, f64) {
    let mut labels = match &node.code {
        Code::Component(component) => grant_labels(&component.grants),
        Code::Process(_) | Code::Attached | Code::Embedded => Vec::new(),
    };
    if labels.len() > MAX_BADGES {
        let more = labels.len() - MAX_BADGES + 1;
        labels.truncate(MAX_BADGES - 1);
        labels.push(format!("and {more} more"));
    }
    let (mut x, mut y, mut widest) = (PADDING, HEAD, 0.0_f64);
    let mut badges = Vec::new();
    for label in &labels {
        let text = shortened(label, MAX_LABEL);
        let width = width(&text, 10.5, WIDE) + 16.0;
        if x > PADDING && x + width > PADDING + most {
            (x, y) = (PADDING, y + BADGE + BADGE_GAP);
        }
        badges.push(Badge { text, x, y, width });
        widest = widest.max(x + width - PADDING);
        x += width + BADGE_GAP;
    }
    let height = if badges.is_empty() { 0.0 } else { y + BADGE + 10.0 - HEAD };
    (badges, widest, height)
}

fn row_middle(first: f64, row: usize) -> f64 {
    first + 3.0 + ROW * (row as f64 + 0.5)
}

/// The width of a text, estimated from above. Other scripts than Latin are wide.
fn width(text: &str, size: f64, character: f64) -> f64 {
    let wide = |c: char| if c.is_ascii() { character } else { 1.1 };
    text.chars().map(wide).sum::<f64>() * size
}

/// Text for XML, without the control characters that it cannot hold.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            '"' => escaped += "&quot;",
            '\u{FFFE}' | '\u{FFFF}' => escaped.push('\u{FFFD}'),
            _ if character.is_control() => escaped.push('\u{FFFD}'),
            _ => escaped.push(character),
        }
    }
    escaped
}
