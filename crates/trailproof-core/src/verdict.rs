//! What a run says as a whole. Computed once, before any report.
use strum::{EnumIter, EnumString, IntoStaticStr};

/// The answer, in the order of how strongly it must be heard.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "lowercase")]
pub enum Verdict {
    /// Every chain in scope is verified for the whole period, and nothing speaks against it.
    Proven,
    /// There was nothing to check. Not a success.
    #[strum(serialize = "nothing found")]
    NothingFound,
    /// Nothing is contradicted, and something is not proven.
    #[strum(serialize = "not proven")]
    NotProven,
    /// The evidence contradicts something.
    Contradicted,
}

impl Verdict {
    /// The field's words for it; they parse as the verdict.
    pub fn words(self) -> &'static str {
        self.into()
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
