//! Why a line is not a valid event.
use crate::vocab::budget;
use crate::vocab::location::excerpt;

/// The fault of a line, as text that is safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl Unreadable {
    /// Creates the error with this text, which must be our own.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    pub(crate) fn absent(of: &str, field: &str) -> Self {
        Self(format!("`{of}` without `{field}`"))
    }

    /// Creates the error that a field of an event has an invalid value.
    pub fn value(of: &str, field: &str) -> Self {
        Self(format!("`{of}` has an invalid value in `{field}`"))
    }

    /// Creates the error that a name in a line is longer than any that a run reads.
    pub(crate) fn too_long(field: &str) -> Self {
        Self(format!("`{field}` is longer than a name that a run reads"))
    }

    /// Creates the error that a record has more of something than a reader keeps.
    pub(crate) fn too_many(what: &str, most: usize) -> Self {
        Self(format!("more than {most} {what}"))
    }

    pub(crate) fn unknown(what: &str, value: &str) -> Self {
        Self(format!("the {what} `{}` is not known", excerpt(value, budget::SHOWN)))
    }
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        // Its message quotes values from the line.
        Self(format!("not the JSON of an event: {}", excerpt(&error.to_string(), budget::SHOWN)))
    }
}
