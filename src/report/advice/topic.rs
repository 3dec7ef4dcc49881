//! Everything that there is advice about, and how it is printed.
use super::Advice;
use super::failures::failure;
use super::findings::finding;
use super::notices::notice;
use super::rest::{copy_of, listing_unread, objection, pending, unvalidated};
use std::fmt::Write as _;
use trailproof_core::codes::notice::Notice;
use trailproof_core::codes::unlisted::UnlistedReason;
use trailproof_core::coverage::Coverage;
use trailproof_core::record::ObjectionCode;

/// A code that there is advice about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Something that forbids "proven".
    Objection(ObjectionCode),
    /// Something that was noticed and has no effect on the verdict.
    Notice(Notice),
    /// Time after the newest digest whose digest is not due yet.
    Pending,
    /// A listing could not be read.
    ListingUnread,
    /// An object has the content of a log file of a different name.
    CopyOf,
    /// A trail without log file validation delivers here.
    Unvalidated,
}

impl Topic {
    /// Lists every topic.
    pub fn all() -> impl Iterator<Item = Self> {
        let others = [Self::ListingUnread, Self::Pending, Self::CopyOf, Self::Unvalidated];
        let objections = ObjectionCode::all().map(Self::Objection);
        objections.chain(others).chain(Notice::all().map(Self::Notice))
    }

    /// Returns the topic with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::all().find(|topic| topic.code() == code)
    }

    /// Returns the code, as outputs have it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Objection(code) => code.code(),
            Self::Notice(notice) => notice.code(),
            Self::Pending => Coverage::Pending.code(),
            Self::ListingUnread => "listing-unread",
            Self::CopyOf => "copy-of",
            Self::Unvalidated => UnlistedReason::TrailWithoutValidation.code(),
        }
    }

    /// Returns the kind of the code.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Objection(ObjectionCode::Finding(_)) => {
                "Finding: the evidence contradicts itself, and the verdict is `contradicted`."
            }
            Self::Objection(ObjectionCode::Unread(_)) | Self::ListingUnread => {
                "Read failure: it says nothing about the evidence, and the verdict is not `proven`."
            }
            Self::Objection(ObjectionCode::Time(_)) => {
                "Coverage: a stretch of a chain’s period is not verified, and the verdict is not \
                 `proven`."
            }
            Self::Objection(ObjectionCode::Place(_)) => {
                "Place in doubt: something that was named, expected or found has no answer, and the \
                 verdict is not `proven`."
            }
            Self::Objection(
                ObjectionCode::Unlisted | ObjectionCode::WithoutDigests | ObjectionCode::NotJoined,
            ) => "Doubt: nothing is contradicted, and the verdict is not `proven`.",
            Self::Notice(_) | Self::Pending | Self::CopyOf => {
                "Notice: it is worth knowing and has no effect on the verdict."
            }
            Self::Unvalidated => "Reason, given with `log-unlisted` and `logs-without-digests`.",
        }
    }

    /// Returns the advice.
    pub fn advice(self) -> Advice {
        match self {
            Self::Objection(ObjectionCode::Finding(code)) => finding(code),
            Self::Objection(ObjectionCode::Unread(kind)) => failure(kind),
            Self::Objection(code) => objection(code),
            Self::Notice(code) => notice(code),
            Self::Pending => pending(),
            Self::ListingUnread => listing_unread(),
            Self::CopyOf => copy_of(),
            Self::Unvalidated => unvalidated(),
        }
    }

    /// Returns the page about the code, in Markdown.
    pub fn page(self) -> String {
        let Advice { means, causes, check, act } = self.advice();
        let mut page = format!("# {}\n\n{}\n\n## Meaning\n\n{means}\n", self.code(), self.kind());
        for (title, points) in
            [("Innocent causes", causes), ("What to check", check), ("What to do", act)]
        {
            if !points.is_empty() {
                // Writing to a text does not fail.
                let _ = write!(page, "\n## {title}\n\n");
                points.iter().for_each(|point| {
                    let _ = writeln!(page, "- {point}");
                });
            }
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_one_page_with_whole_sentences() {
        let mut codes = BTreeSet::new();
        for topic in Topic::all() {
            assert!(codes.insert(topic.code()), "{} has two pages", topic.code());
            assert_eq!(Topic::from_code(topic.code()), Some(topic));
            let advice = topic.advice();
            assert!(!advice.act.is_empty(), "{} does not say what to do", topic.code());
            let points = [advice.causes, advice.check, advice.act].concat();
            for text in points.iter().chain([&advice.means]) {
                let asks = text.ends_with('?') && advice.check.contains(text);
                assert!(text.ends_with('.') || asks, "{}: {text}", topic.code());
                assert_eq!(text.matches('`').count() % 2, 0, "{}: {text}", topic.code());
                assert!(!text.contains("  ") && !text.contains('\n'), "{}: {text}", topic.code());
            }
        }
        assert!(codes.len() > 50, "{codes:?}");
    }
}
