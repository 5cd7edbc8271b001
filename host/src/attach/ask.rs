//! What can be asked of a dataflow through its door, and how it is said.
//!
//! A connection asks one thing: a line `thalweg 1 {"ask":"status"}`, where 1 is the version of what is said
//! here. It is answered by a line of JSON, `{"answer":"stopping"}`. No link of a node begins like that: the four
//! bytes of `thal` would announce a frame that is far too long.

use serde::{Deserialize, Serialize};

use crate::report::DataflowStatus;

/// How a connection begins that asks.
pub(super) const GREETING: &[u8; 4] = b"thal";

/// Changes whenever what is asked or answered does.
const VERSION: &str = "1";

/// The longest question. Names of nodes and paths are shorter, however their characters are written.
pub(super) const MAX_QUESTION: usize = 32 << 10;

/// The longest answer that is read: more than the status of a dataflow of the greatest size.
pub(super) const MAX_ANSWER: u64 = 64 << 20;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Ask {
    /// How is it doing?
    Status,
    /// That it stops. After the answer the connection stays open until it has ended.
    Stop,
    /// That a node runs by another component; answered when that is ready.
    Swap {
        /// The node.
        node: String,
        /// The file, with an absolute path: the host reads it.
        path: String,
        /// Whether it begins anew, whatever the component before hands on.
        fresh: bool,
    },
    /// That a node is started again; answered when it is ready.
    Restart {
        /// The node.
        node: String,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "lowercase")]
pub(crate) enum Answer {
    /// How it is doing.
    Status {
        /// That.
        status: DataflowStatus,
    },
    /// It stops.
    Stopping,
    /// The node is ready again.
    Restarted,
    /// The new component is ready.
    Swapped,
    /// It was not done, and nothing has changed.
    Refused {
        /// Why.
        reason: String,
    },
    /// It was tried.
    Failed {
        /// What came of it.
        reason: String,
    },
}

/// The line of a question.
pub(super) fn question(ask: &Ask) -> String {
    let ask = serde_json::to_string(ask).expect("it has only texts");
    format!("thalweg {VERSION} {ask}\n")
}

/// Reads the line of a question, without its end.
///
/// # Errors
///
/// What is wrong with it, to be answered.
pub(super) fn read_question(line: &[u8]) -> Result<Ask, String> {
    let text = std::str::from_utf8(line).map_err(|_| "the question is not UTF-8".to_owned())?;
    let rest = text.strip_prefix("thalweg ").ok_or("the question does not begin with `thalweg`")?;
    let (version, ask) = rest.split_once(' ').ok_or("the question has no version")?;
    if version != VERSION {
        return Err(format!(
            "the question is of version {version:?}, and this host understands version {VERSION}: use the \
             command of version {}",
            env!("CARGO_PKG_VERSION")
        ));
    }
    serde_json::from_str(ask).map_err(|error| format!("the question cannot be understood: {error}"))
}

/// The line of an answer.
pub(super) fn answer(answer: &Answer) -> String {
    serde_json::to_string(answer).expect("it has texts and numbers") + "\n"
}

/// Reads the line of an answer.
pub(super) fn read_answer(line: &[u8]) -> Option<Answer> {
    serde_json::from_slice(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_one_line_that_no_link_begins_with() {
        let ask = Ask::Restart { node: "a\nb".into() };
        let line = question(&ask);
        assert_eq!(line, "thalweg 1 {\"ask\":\"restart\",\"node\":\"a\\nb\"}\n");
        assert!(line.as_bytes().starts_with(GREETING));
        assert!(u32::from_le_bytes(*GREETING) > 1 << 30, "longer than the longest frame");
        assert_eq!(read_question(line.trim_end().as_bytes()), Ok(ask));
    }

    #[test]
    fn what_is_no_question_is_told() {
        for (line, told) in [
            (&b"thalweg 1 {\"ask\":\"status\"\xff}"[..], "the question is not UTF-8"),
            (b"thalwegs", "the question does not begin with `thalweg`"),
            (b"thalweg 1", "the question has no version"),
            (b"thalweg 2 {}", "the question is of version \"2\""),
            (b"thalweg 1 {}", "the question cannot be understood: "),
            (b"thalweg 1 {\"ask\":\"dance\"}", "the question cannot be understood: "),
            (b"thalweg 1 {\"ask\":\"restart\"}", "the question cannot be understood: "),
            (b"thalweg 1 {\"ask\":\"swap\",\"node\":\"a\"}", "the question cannot be understood: "),
            (b"thalweg 1 {\"ask\":\"status\"} {}", "the question cannot be understood: "),
        ] {
            let problem = read_question(line).unwrap_err();
            assert!(problem.starts_with(told), "{problem}");
        }
    }
}
