//! What each code means, what may have caused it innocently, what to check, and what to do: the one
//! source of the book's pages about codes and of `trailproof explain`. A new code does not compile
//! without its text.
mod failures;
mod findings;
mod listed;
mod notices;
mod rest;
mod topic;

pub use self::listed::ListedCode;
pub use self::topic::Topic;

/// Advice about one code. All texts are Markdown without block elements.
#[derive(Clone, Copy, Debug)]
pub struct Advice {
    /// What the code means.
    pub means: &'static str,
    /// What may have caused it without anybody tampering with the evidence.
    pub causes: &'static [&'static str],
    /// What to look at to find the cause.
    pub check: &'static [&'static str],
    /// What to do.
    pub act: &'static [&'static str],
}
