//! Why a command ends without a result.
use super::exit::ExitStatus;
use super::stream::{print_to_stderr, print_to_stdout};
use std::{fmt, io};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};

/// The reason why a command ends without a result: its exit status and a message.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: ExitStatus,
    /// Printed after `error: `. A hint follows in a paragraph of its own.
    words: String,
    /// The read failure behind it, if any.
    cause: Option<ReadFailure>,
}

impl Refusal {
    fn new(status: ExitStatus, words: impl Into<String>) -> Self {
        Self { status, words: words.into(), cause: None }
    }

    /// Refuses something that was checked and is contradicted.
    pub(crate) fn contradicted(words: impl Into<String>) -> Self {
        Self::new(ExitStatus::Contradicted, words)
    }

    /// Refuses an invalid command line.
    pub(crate) fn usage(words: impl Into<String>) -> Self {
        Self::new(ExitStatus::Usage, words)
    }

    /// Refuses a location that holds nothing to verify.
    pub(crate) fn nothing_found(words: impl Into<String>) -> Self {
        Self::new(ExitStatus::NothingFound, words)
    }

    /// Refuses a location that holds evidence, but nothing that could prove it.
    pub(crate) fn not_proven(words: impl Into<String>) -> Self {
        Self::new(ExitStatus::NotProven, words)
    }

    /// Refuses to start without something that was denied or is unreadable.
    pub(crate) fn not_started(words: impl Into<String>) -> Self {
        Self::new(ExitStatus::NotStarted, words)
    }

    /// Reports a requested output that cannot be written.
    pub(crate) fn output_lost(words: impl Into<String>) -> Self {
        Self::new(ExitStatus::OutputLost, words)
    }

    /// Reports that stdout cannot be written.
    pub(crate) fn stdout_lost(error: &io::Error) -> Self {
        Self::output_lost(format!("cannot write the output: {error}"))
    }

    /// Refuses a bucket that cannot be listed, in these words. One that does not exist holds nothing to
    /// verify.
    pub(crate) fn bucket_unlisted(words: impl Into<String>, why: &ReadFailure) -> Self {
        let refusal = match why.kind {
            ReadFailureKind::NoSuchBucket => Self::nothing_found(words),
            _ => Self::not_started(words),
        };
        Self { cause: Some(why.clone()), ..refusal }
    }

    /// Returns the refusal with a hint, unless it has one.
    pub(crate) fn with_hint(mut self, hint: Option<String>) -> Self {
        if let Some(hint) = hint.filter(|_| !self.words.contains("\n\nhint: ")) {
            self.words += &format!("\n\nhint: {hint}");
        }
        self
    }

    /// Returns the refusal with [`ExitStatus::NotStarted`] if its bucket does not exist.
    pub(crate) fn with_missing_bucket_not_started(self) -> Self {
        match self.cause.as_ref().map(|why| why.kind) {
            Some(ReadFailureKind::NoSuchBucket) => Self { status: ExitStatus::NotStarted, ..self },
            _ => self,
        }
    }

    /// Returns the exit status.
    pub(crate) fn status(&self) -> ExitStatus {
        self.status
    }

    /// Returns the read failure behind it, if any.
    pub(crate) fn cause(&self) -> Option<&ReadFailure> {
        self.cause.as_ref()
    }

    /// Returns the message.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    /// Prints the message to stderr and returns the exit status.
    pub(crate) fn print(&self) -> ExitStatus {
        print_to_stderr(&format!("error: {}", self.words));
        self.status
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// Prints the result of a command to stdout and returns its exit status.
///
/// # Errors
///
/// The output is lost, and `status` does not outrank that.
pub(crate) fn print_result(text: &[u8], status: ExitStatus) -> Result<ExitStatus, Refusal> {
    match print_to_stdout(text) {
        Err(error) if !status.outranks_lost_output() => Err(Refusal::stdout_lost(&error)),
        _ => Ok(status),
    }
}
