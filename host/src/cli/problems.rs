//! What is wrong with a descriptor, each problem under the line that it is about.

use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::descriptor::{DescriptorError, Problem, ProblemKind};

/// The longest line that is shown whole, and how much is shown around the place in a longer one.
const MAX_LINE_BYTES: usize = 10_000;

/// The problems of an error with their source lines, for people. `text` is the descriptor that the
/// error is about, and `path` names it. Ends with a newline.
pub fn render(path: &Path, text: &str, error: &DescriptorError, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let path = path.display().to_string();
    if error.problems().is_empty() {
        return renderer
            .render(&[Group::with_title(Level::ERROR.primary_title(error.to_string()))])
            + "\n";
    }
    let problems = error.problems().iter();
    let shown: Vec<_> = problems.map(|problem| one(&renderer, &path, text, problem)).collect();
    shown.join("\n\n") + "\n"
}

fn one(renderer: &Renderer, path: &str, text: &str, problem: &Problem) -> String {
    let title = Level::ERROR.primary_title(problem.to_string());
    if matches!(problem.kind, ProblemKind::TooMany { .. }) {
        return renderer.render(&[Group::with_title(title)]);
    }
    let (source, from) = excerpt(text, problem.span.start);
    let start = problem.span.start.saturating_sub(from).min(source.len());
    let end = problem.span.end.saturating_sub(from).clamp(start, source.len());
    let snippet = Snippet::source(source)
        .line_start(problem.line)
        .path(path)
        .annotation(AnnotationKind::Primary.span(start..end));
    renderer.render(&[title.element(snippet)])
}

/// The line that holds a byte, and where it begins; only a part of it if it is very long.
fn excerpt(text: &str, at: usize) -> (&str, usize) {
    let at = text.floor_char_boundary(at);
    let (before, after) = text.split_at(at);
    let line = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let end = at + after.find(['\n', '\r']).unwrap_or(after.len());
    let from = text.ceil_char_boundary(line.max(at.saturating_sub(MAX_LINE_BYTES)));
    let to = text.floor_char_boundary(end.min(at + MAX_LINE_BYTES));
    (text.get(from..to).unwrap_or_default(), from)
}
