//! The verdict of a run. Computed once, before any report.
use strum::{EnumIter, EnumString, IntoStaticStr};

/// The verdict. Ordered by severity.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "lowercase")]
pub enum Verdict {
    /// Every chain in scope is verified for the whole period, and nothing contradicts that.
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
    /// Returns the verdict's name, which parses back to the verdict.
    pub fn words(self) -> &'static str {
        self.into()
    }

    /// Returns the exit status of the program.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Proven => 0,
            Self::Contradicted => 1,
            Self::NotProven => 3,
            Self::NothingFound => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_verdict_has_its_name_and_its_exit_status() {
        for (verdict, name, status) in [
            (Verdict::Proven, "proven", 0),
            (Verdict::Contradicted, "contradicted", 1),
            (Verdict::NotProven, "not proven", 3),
            (Verdict::NothingFound, "nothing found", 4),
        ] {
            assert_eq!((verdict.words(), verdict.exit_status()), (name, status));
            assert_eq!(name.parse(), Ok(verdict));
        }
    }
}
