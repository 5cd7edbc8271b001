//! How nodes end: data, not an error.

use std::fmt;
use std::time::Duration;

use rustix::process::Signal;

/// Bytes of what a node says of its failure, at most: it is kept in the report, which nobody bounds.
pub const MAX_FAILURE_BYTES: usize = 8 * 1024;

/// How a node ended. Every end has one of these names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeExit {
    /// It returned, because it was done or because everything that it reads had ended.
    Finished,
    /// It returned after the dataflow was asked to stop.
    Stopped,
    /// It returned an error.
    Failed {
        /// Its own words.
        message: String,
    },
    /// It called `exit` with a code other than 0, or its process ended with one.
    Exited {
        /// The code.
        code: i32,
    },
    /// Its process was ended by a signal that the host did not send.
    Signaled {
        /// The number of the signal.
        signal: i32,
    },
    /// Nobody attached to it before it was asked to end.
    Unattached,
    /// It trapped.
    Trapped {
        /// What the trap says.
        trap: String,
        /// The guest functions that were active, innermost first.
        backtrace: Vec<String>,
    },
    /// It asked for more than one of its limits allows.
    OverLimit(Limit),
    /// It was ended by its watchdog: events waited, and it took none.
    Unresponsive {
        /// For how long.
        watchdog: Duration,
    },
    /// It was ended by force.
    Killed(KillReason),
    /// The host panicked while it served this node.
    Panicked {
        /// What the panic says.
        message: String,
    },
}

/// A limit of a node that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// `limits.memory`.
    #[error("out of memory: it asked for {asked} bytes, its limit is {limit}")]
    Memory {
        /// Bytes that it would have had.
        asked: u64,
        /// Bytes that it may have.
        limit: u64,
    },
    /// `limits.table_elements`.
    #[error("out of table elements: it asked for {asked}, its limit is {limit}")]
    TableElements {
        /// Elements that it would have had.
        asked: u64,
        /// Elements that it may have.
        limit: u64,
    },
    /// `limits.buffers`.
    #[error("out of memory: its handles would hold {asked} bytes, its limit is {limit}")]
    Buffers {
        /// Bytes that its handles would have held.
        asked: u64,
        /// Bytes that they may hold.
        limit: u64,
    },
    /// The fixed number of handles.
    #[error("out of handles: it may hold {limit}")]
    Handles {
        /// Handles that it may hold.
        limit: usize,
    },
    /// `limits.cpu`.
    #[error("out of time: it used more than {limit:?} of CPU for {events} event(s)")]
    Cpu {
        /// The time for one event.
        limit: Duration,
        /// How many events it had been given; 0 while it starts.
        events: u64,
    },
}

/// Why a node was ended by force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillReason {
    /// It did not end within the grace period after its last event.
    Grace(Duration),
    /// The dataflow did not end within the grace period after it was asked to stop.
    StopGrace(Duration),
    /// The dataflow was ended at once.
    Immediate,
}

impl NodeExit {
    /// Failed, with the beginning of what the node itself said, up to [`MAX_FAILURE_BYTES`].
    pub(crate) fn failed(message: String) -> Self {
        Self::Failed { message: beginning(message, MAX_FAILURE_BYTES) }
    }

    /// Whether the node ended as it should: finished or stopped, or nobody attached to it.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Finished | Self::Stopped | Self::Unattached)
    }

    /// The guest functions that were active when it trapped, innermost first; empty for other ends.
    pub fn backtrace(&self) -> &[String] {
        match self {
            Self::Trapped { backtrace, .. } => backtrace,
            _ => &[],
        }
    }

    /// The name of this end, one word for tables and JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed { .. } => "failed",
            Self::Exited { .. } => "exited",
            Self::Signaled { .. } => "signaled",
            Self::Unattached => "unattached",
            Self::Trapped { .. } => "trapped",
            Self::OverLimit(Limit::Memory { .. } | Limit::Buffers { .. }) => "out-of-memory",
            Self::OverLimit(Limit::Handles { .. }) => "out-of-handles",
            Self::OverLimit(Limit::TableElements { .. }) => "out-of-table-elements",
            Self::OverLimit(Limit::Cpu { .. }) => "out-of-time",
            Self::Unresponsive { .. } => "unresponsive",
            Self::Killed(_) => "killed",
            Self::Panicked { .. } => "panicked",
        }
    }
}

impl fmt::Display for NodeExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished | Self::Stopped => f.write_str(self.name()),
            Self::Failed { message } => write!(f, "failed: {message}"),
            Self::Exited { code } => write!(f, "exited with code {code}"),
            Self::Signaled { signal } => match signal_name(*signal) {
                Some(name) => write!(f, "ended by signal {signal} ({name})"),
                None => write!(f, "ended by signal {signal}"),
            },
            Self::Unattached => f.write_str("nobody attached to it before it was asked to end"),
            Self::Trapped { trap, .. } => write!(f, "trapped: {trap}"),
            Self::OverLimit(limit) => limit.fmt(f),
            Self::Unresponsive { watchdog } => {
                write!(f, "unresponsive: events waited, and it took none for {watchdog:?}")
            }
            Self::Killed(reason) => write!(f, "killed: {reason}"),
            Self::Panicked { message } => write!(f, "panicked: {message}"),
        }
    }
}

impl fmt::Display for KillReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grace(grace) => write!(f, "it did not end within {grace:?} after its last event"),
            Self::StopGrace(grace) => {
                write!(f, "the dataflow did not end within {grace:?} after it was asked to stop")
            }
            Self::Immediate => f.write_str("the dataflow was ended at once"),
        }
    }
}

/// As much of a text as `most` bytes hold, and a sign that there was more.
pub(crate) fn beginning(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.shrink_to_fit();
        text.push('…');
    }
    text
}

/// The name of a signal that ends processes.
fn signal_name(number: i32) -> Option<&'static str> {
    const NAMES: [(Signal, &str); 15] = [
        (Signal::HUP, "SIGHUP"),
        (Signal::INT, "SIGINT"),
        (Signal::QUIT, "SIGQUIT"),
        (Signal::ILL, "SIGILL"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::KILL, "SIGKILL"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::USR2, "SIGUSR2"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::TERM, "SIGTERM"),
        (Signal::SYS, "SIGSYS"),
    ];
    let known = NAMES.iter().find(|(signal, _)| signal.as_raw() == number);
    known.map(|&(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_told_by_its_number_and_its_name() {
        let text = |signal| NodeExit::Signaled { signal }.to_string();
        assert_eq!(text(9), "ended by signal 9 (SIGKILL)");
        assert_eq!(text(11), "ended by signal 11 (SIGSEGV)");
        assert_eq!(text(40), "ended by signal 40");
    }

    #[test]
    fn of_a_long_failure_the_beginning_is_kept() {
        let NodeExit::Failed { message } = NodeExit::failed("é".repeat(MAX_FAILURE_BYTES)) else {
            panic!("another end");
        };
        assert_eq!(message, "é".repeat(MAX_FAILURE_BYTES / 2) + "…");
        assert_eq!(beginning("short".into(), 5), "short");
    }

    #[test]
    fn a_node_that_nobody_attached_to_ended_well() {
        assert!(NodeExit::Unattached.is_ok());
        assert!(!NodeExit::Signaled { signal: 9 }.is_ok());
    }
}
