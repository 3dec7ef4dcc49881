//! What a run says as a whole. Computed once, before any report.

/// The answer, in the order of how strongly it must be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Every chain in scope is verified for the whole period, and nothing speaks against it.
    Proven,
    /// There was nothing to check. Not a success.
    NothingFound,
    /// Nothing is contradicted, and something is not proven.
    NotProven,
    /// The evidence contradicts something.
    Contradicted,
}

impl Verdict {
    /// The one with these words.
    pub fn from_words(words: &str) -> Option<Self> {
        let known = [Self::Proven, Self::NothingFound, Self::NotProven, Self::Contradicted];
        known.into_iter().find(|known| known.words() == words)
    }

    /// The field's words for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::NothingFound => "nothing found",
            Self::NotProven => "not proven",
            Self::Contradicted => "contradicted",
        }
    }

    /// Exit status of the program.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Proven => 0,
            Self::Contradicted => 1,
            Self::NotProven => 3,
            Self::NothingFound => 4,
        }
    }
}
