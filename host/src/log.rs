//! What nodes print and log, line by line, each line with the node that it comes from.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::id::NodeId;

/// A longer line is cut into lines of this many bytes, so that a node without line ends costs no more
/// memory than others.
pub const MAX_LINE_BYTES: usize = 8 * 1024;

/// A line that a node wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The node that wrote it.
    pub node: NodeId,
    /// Where to.
    pub stream: LogStream,
    /// The line without its end. What is no UTF-8 is replaced.
    pub text: String,
}

/// Where a node wrote a line to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStream {
    /// Its standard output.
    Stdout,
    /// Its standard error.
    Stderr,
    /// `wasi:logging`, with this level.
    Log(LogLevel),
}

/// The levels of `wasi:logging`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// The flow of control and the values in it.
    Trace,
    /// For whoever debugs the node.
    Debug,
    /// For whoever watches the node.
    Info,
    /// Something may go wrong.
    Warn,
    /// Something went wrong.
    Error,
    /// The node cannot go on.
    Critical,
}

/// A node's way to the log. Clones write to the same streams.
#[derive(Clone, Debug)]
pub(crate) struct NodeLog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    node: NodeId,
    lines: Option<mpsc::Sender<LogLine>>,
    stdout: Mutex<Pending>,
    stderr: Mutex<Pending>,
}

/// What was written to a stream and is not in the log yet.
#[derive(Debug, Default)]
struct Pending {
    /// Lines are taken at its front, at a cost of their own length, however much waits behind them.
    bytes: VecDeque<u8>,
}

impl NodeLog {
    /// Lines go to `lines`, or nowhere.
    pub(crate) fn new(node: NodeId, lines: Option<mpsc::Sender<LogLine>>) -> Self {
        let (stdout, stderr) = Default::default();
        Self { shared: Arc::new(Shared { node, lines, stdout, stderr }) }
    }

    pub(crate) fn node(&self) -> &NodeId {
        &self.shared.node
    }

    /// Writes whole lines. Waits while the log is full; a log that nobody reads any more takes and
    /// forgets everything.
    pub(crate) async fn write_text(&self, stream: LogStream, text: &str) {
        for line in text.lines() {
            for piece in line.as_bytes().chunks(MAX_LINE_BYTES) {
                self.write_line(stream, piece).await;
            }
        }
    }

    /// Takes bytes of a stream; lines come of them with [`Self::drain`].
    pub(crate) fn append(&self, stream: LogStream, bytes: &[u8]) {
        self.shared.with(stream, |pending| pending.bytes.extend(bytes));
    }

    /// Whether a whole line waits.
    pub(crate) fn has_line(&self, stream: LogStream) -> bool {
        self.shared.with(stream, |pending| pending.line_len().is_some())
    }

    /// Moves the lines that are whole to the log. Waits while the log is full.
    pub(crate) async fn drain(&self, stream: LogStream) {
        let Some(lines) = &self.shared.lines else {
            return self.shared.with(stream, |pending| pending.bytes.clear());
        };
        while self.has_line(stream) {
            // Room first: a wait that is given up must lose no line.
            let Ok(permit) = lines.reserve().await else {
                return self.shared.with(stream, |pending| pending.bytes.clear());
            };
            if let Some(line) = self.shared.with(stream, Pending::take_line) {
                permit.send(self.shared.line(stream, &line));
            }
        }
    }

    /// Moves lines to the log as far as there is room, without waiting.
    pub(crate) fn try_drain(&self, stream: LogStream) {
        let Some(lines) = &self.shared.lines else {
            return self.shared.with(stream, |pending| pending.bytes.clear());
        };
        while self.has_line(stream) {
            let Ok(permit) = lines.try_reserve() else { return };
            if let Some(line) = self.shared.with(stream, Pending::take_line) {
                permit.send(self.shared.line(stream, &line));
            }
        }
    }

    /// Moves everything to the log, a line without an end too: the node has ended.
    pub(crate) async fn finish(&self) {
        for stream in [LogStream::Stdout, LogStream::Stderr] {
            self.drain(stream).await;
            let rest = self.shared.with(stream, |pending| std::mem::take(&mut pending.bytes));
            if !rest.is_empty() {
                self.write_line(stream, &Vec::from(rest)).await;
            }
        }
    }

    async fn write_line(&self, stream: LogStream, line: &[u8]) {
        if let Some(lines) = &self.shared.lines {
            // The only error is that nobody reads the log any more.
            let _ = lines.send(self.shared.line(stream, line)).await;
        }
    }
}

impl Shared {
    fn with<R>(&self, stream: LogStream, change: impl FnOnce(&mut Pending) -> R) -> R {
        let pending = if stream == LogStream::Stderr { &self.stderr } else { &self.stdout };
        change(&mut pending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn line(&self, stream: LogStream, line: &[u8]) -> LogLine {
        let text = String::from_utf8_lossy(line).into_owned();
        LogLine { node: self.node.clone(), stream, text }
    }
}

impl Pending {
    /// The length of the first line with its end, or of as much as a line may have.
    fn line_len(&self) -> Option<usize> {
        let end = self.bytes.iter().take(MAX_LINE_BYTES).position(|byte| *byte == b'\n');
        let cut = (self.bytes.len() >= MAX_LINE_BYTES).then_some(MAX_LINE_BYTES);
        end.map(|end| end + 1).or(cut)
    }

    fn take_line(&mut self) -> Option<Vec<u8>> {
        let mut line: Vec<u8> = self.bytes.drain(..self.line_len()?).collect();
        for end in [b'\n', b'\r'] {
            line.pop_if(|last| *last == end);
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> (NodeLog, mpsc::Receiver<LogLine>) {
        let (sender, receiver) = mpsc::channel(16);
        (NodeLog::new("printer".parse().unwrap(), Some(sender)), receiver)
    }

    #[tokio::test]
    async fn lines_are_put_together_from_pieces() {
        let (log, mut lines) = log();
        log.append(LogStream::Stdout, b"one\r\ntw");
        log.drain(LogStream::Stdout).await;
        log.append(LogStream::Stdout, b"o\nrest");
        log.finish().await;
        drop(log);
        let mut texts = Vec::new();
        while let Some(line) = lines.recv().await {
            texts.push(line.text);
        }
        assert_eq!(texts, ["one", "two", "rest"]);
    }

    #[tokio::test]
    async fn a_line_without_end_is_cut() {
        let (log, mut lines) = log();
        log.append(LogStream::Stderr, &vec![b'x'; MAX_LINE_BYTES + 10]);
        log.finish().await;
        assert_eq!(lines.recv().await.unwrap().text.len(), MAX_LINE_BYTES);
        assert_eq!(lines.recv().await.unwrap().text.len(), 10);
    }

    #[tokio::test]
    async fn a_full_log_keeps_lines_until_there_is_room() {
        let (sender, mut lines) = mpsc::channel(1);
        let log = NodeLog::new("printer".parse().unwrap(), Some(sender));
        log.append(LogStream::Stdout, b"1\n2\n");
        log.try_drain(LogStream::Stdout);
        assert!(log.has_line(LogStream::Stdout));
        assert_eq!(lines.recv().await.unwrap().text, "1");
        log.try_drain(LogStream::Stdout);
        assert_eq!(lines.recv().await.unwrap().text, "2");
    }
}
