//! How texts look.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const HELP: Style = AnsiColor::Cyan.on_default().bold();

pub(super) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// `error: text`, with the end of its line. The text may have several lines, and names of strangers in them.
pub(super) fn error_text(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(visible).collect();
    format!("{} {}\n", styled(BAD, "error:"), lines.join("\n"))
}

/// `  help: text`, with the end of its line.
pub(super) fn help_text(text: &str) -> String {
    format!("  {} {text}\n", styled(HELP, "help:"))
}

/// `1 node`, `2 nodes`.
pub(super) fn count(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

pub(super) fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        ..0.001 => format!("{:.2} ms", seconds * 1e3),
        ..1.0 => format!("{:.1} ms", seconds * 1e3),
        ..100.0 => format!("{seconds:.2} s"),
        _ => format!("{seconds:.0} s"),
    }
}

/// A text of a node with its control characters written out, all but tabs: what a node prints moves no
/// cursor and passes for no other node's line.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    let hidden = |character: char| character.is_control() && character != '\t';
    if !text.contains(hidden) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(visible("a\tb"), "a\tb");
        assert_eq!(visible("\u{1b}[2Jred\r"), "\\u{1b}[2Jred\\r");
    }

    #[test]
    fn durations_have_a_unit_of_their_size() {
        let text = |micros| duration_text(Duration::from_micros(micros));
        assert_eq!(text(0), "0.00 ms");
        assert_eq!(text(12_340), "12.3 ms");
        assert_eq!(text(2_000_000), "2.00 s");
        assert_eq!(text(123_000_000), "123 s");
    }
}
