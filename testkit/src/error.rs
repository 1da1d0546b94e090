//! The one error of this crate: a sentence for whoever reads a failed test, and what caused it.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong while starting, asking or ending something that a test needs.
///
/// `Display` says what was tried; the cause is behind [`StdError::source`] and never repeated there.
/// `Debug` prints both, one line each, because that is what a failed `unwrap` in a test shows.
pub struct Error {
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error that says everything itself.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    /// An error with a cause; `message` says what was tried.
    pub fn because(message: impl Into<String>, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            message: message.into(),
            source: Some(source.into()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(formatter, "\n  because: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_says_what_was_tried_and_debug_adds_the_causes() {
        let error = Error::because(
            "the demo did not start",
            Error::because("no control plane", std::io::Error::other("disk full")),
        );
        assert_eq!(error.to_string(), "the demo did not start");
        assert_eq!(
            format!("{error:?}"),
            "the demo did not start\n  because: no control plane\n  because: disk full"
        );
    }
}
