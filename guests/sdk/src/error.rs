use std::fmt;

/// What a node's functions give: nothing, unless they say otherwise.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Why a node failed: the text that the run report shows.
///
/// `?` makes one of any [`std::error::Error`], `String` or `&str`. An error that has sources is
/// followed by theirs, each after a colon.
pub struct Error(String);

impl Error {
    /// An error with this text.
    pub fn new(text: impl fmt::Display) -> Error {
        Error(text.to_string())
    }

    /// Puts what was being done in front: `context: text`.
    pub fn context(self, context: impl fmt::Display) -> Error {
        Error(format!("{context}: {self}"))
    }
}

impl<E: Into<Box<dyn std::error::Error>>> From<E> for Error {
    fn from(error: E) -> Error {
        let error = error.into();
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        Error(text)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
}
