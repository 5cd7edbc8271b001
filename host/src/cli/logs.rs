//! The lines of nodes, each under the name of its node.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};

use anstyle::{AnsiColor, Style};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::text::{BAD, DIM, styled, visible};
use crate::dataflow::Dataflow;
use crate::id::NodeId;
use crate::log::{LogLevel, LogLine, LogStream};

/// How many lines may wait to be written, before the nodes that write more wait too.
const WAITING_LINES: usize = 1024;
/// Longer names do not move the lines of all other nodes to the right.
const MAX_LABEL: usize = 24;
/// Told apart on dark and light ground; red is for errors.
const COLOURS: [AnsiColor; 5] =
    [AnsiColor::Cyan, AnsiColor::Magenta, AnsiColor::Green, AnsiColor::Yellow, AnsiColor::Blue];

/// Where the lines that nodes print go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Printed {
    ToStdout,
    /// Standard output is for something else.
    ToStderr,
}

/// Writes the lines that are sent to where they belong, until the sender and its clones are gone. The
/// token is cancelled when all of them are written, or when none can be written any more.
///
/// It has a thread of its own: a terminal that is held up holds up the nodes that print, and nothing
/// else.
pub(super) fn start(
    dataflow: &Dataflow,
    printed: Printed,
) -> io::Result<(mpsc::Sender<LogLine>, CancellationToken)> {
    let (sender, receiver) = mpsc::channel(WAITING_LINES);
    let done = CancellationToken::new();
    let guard = done.clone().drop_guard();
    let labels = Labels::new(dataflow);
    std::thread::Builder::new().name("thalweg-lines".into()).spawn(move || {
        // An error means that nobody reads. Whoever waits for the token then stops the dataflow.
        let _ = write_lines(receiver, &labels, printed);
        drop(guard);
    })?;
    Ok((sender, done))
}

fn write_lines(
    mut lines: mpsc::Receiver<LogLine>,
    labels: &Labels,
    printed: Printed,
) -> io::Result<()> {
    let mut stdout = BufWriter::new(anstream::stdout());
    let mut waiting = Vec::with_capacity(WAITING_LINES);
    while lines.blocking_recv_many(&mut waiting, WAITING_LINES) > 0 {
        for line in waiting.drain(..) {
            let text = labels.labelled(&line);
            if line.stream == LogStream::Stdout && printed == Printed::ToStdout {
                stdout.write_all(text.as_bytes())?;
            } else {
                // What was printed before is seen before.
                stdout.flush()?;
                anstream::stderr().lock().write_all(text.as_bytes())?;
            }
        }
        stdout.flush()?;
    }
    Ok(())
}

/// How each node is named before its lines.
struct Labels(HashMap<NodeId, String>);

impl Labels {
    fn new(dataflow: &Dataflow) -> Self {
        let ids = dataflow.nodes().iter().map(|node| &node.id);
        let width = ids.clone().map(|id| id.as_str().len()).max().unwrap_or(0).min(MAX_LABEL);
        let colours = COLOURS.iter().cycle();
        let label = |(id, colour): (&NodeId, &AnsiColor)| {
            let label =
                styled(Style::new().fg_color(Some((*colour).into())), format!("{id:<width$} |"));
            (id.clone(), label)
        };
        Self(ids.zip(colours).map(label).collect())
    }

    /// The line as it is shown, with its end.
    fn labelled(&self, line: &LogLine) -> String {
        let label = self.0.get(&line.node).map_or_else(|| line.node.as_str(), String::as_str);
        let text = visible(&line.text);
        let level = match line.stream {
            LogStream::Stdout | LogStream::Stderr => return format!("{label} {text}\n"),
            LogStream::Log(level) => level,
        };
        match level {
            LogLevel::Trace => format!("{label} {} {text}\n", styled(DIM, "trace:")),
            LogLevel::Debug => format!("{label} {} {text}\n", styled(DIM, "debug:")),
            LogLevel::Info => format!("{label} {} {text}\n", styled(DIM, "info:")),
            LogLevel::Warn => {
                format!(
                    "{label} {} {text}\n",
                    styled(AnsiColor::Yellow.on_default().bold(), "warn:")
                )
            }
            LogLevel::Error => format!("{label} {} {text}\n", styled(BAD, "error:")),
            LogLevel::Critical => format!("{label} {} {text}\n", styled(BAD, "critical:")),
        }
    }
}
