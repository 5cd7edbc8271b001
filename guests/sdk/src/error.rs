use std::fmt;

use crate::outputs::SendError;

/// What a node's functions give: nothing, unless they say otherwise.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Why a node failed: the text that the run report shows.
///
/// `?` makes one of any [`std::error::Error`], `String` or `&str`. An error that has sources is
/// followed by theirs, each after a colon.
///
/// One that comes of [`SendError::Closed`] is no failure: whoever read the output has ended, so the node
/// that returns it ends as finished.
pub struct Error {
    text: String,
    outputs_closed: bool,
}

impl Error {
    /// An error with this text.
    pub fn new(text: impl fmt::Display) -> Error {
        Error { text: text.to_string(), outputs_closed: false }
    }

    /// Puts what was being done in front: `context: text`.
    pub fn context(self, context: impl fmt::Display) -> Error {
        Error { text: format!("{context}: {self}"), ..self }
    }

    /// Nothing if it only says that nobody reads any more, its text otherwise.
    pub(crate) fn into_failure(self) -> Option<String> {
        (!self.outputs_closed).then_some(self.text)
    }
}

impl<E: Into<Box<dyn std::error::Error>>> From<E> for Error {
    fn from(error: E) -> Error {
        let error = error.into();
        let mut text = error.to_string();
        let closed = error.downcast_ref::<SendError>();
        let outputs_closed = matches!(closed, Some(SendError::Closed { .. }));
        let mut source = error.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        Error { text, outputs_closed }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_errors_become_errors() {
        fn parse(text: &str) -> Result<u8> {
            Ok(text.parse::<u8>()?)
        }
        fn refuse() -> Result {
            Err("too late")?
        }
        assert_eq!(parse("256").unwrap_err().to_string(), "number too large to fit in target type");
        assert_eq!(refuse().unwrap_err().context("greeting").to_string(), "greeting: too late");
        assert_eq!(Error::from(format!("{} left", 3)).to_string(), "3 left");
    }

    #[test]
    fn an_output_that_nobody_reads_any_more_is_no_failure() {
        let closed = Error::from(SendError::Closed { output: "out".into() });
        assert_eq!(closed.context("forwarding").into_failure(), None);
        let unknown = Error::from(SendError::UnknownOutput { output: "out".into() });
        assert!(unknown.into_failure().is_some());
    }
}
