//! Numbers and lengths of time as people read them.
use std::collections::BTreeMap;
use std::fmt;
use trailproof_core::codes::finding::FindingCode;
use trailproof_core::compat::event::Tally;
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::vocab::time::HOUR;

/// Notice for a run whose caller asserts that the copy is complete.
pub(crate) const COMPLETE_COPY: &str = "The copy is asserted to be complete (`--complete-copy`): \
                                        objects absent from it count as removed.";

/// Returns a number with its digits in groups of three: `518,400`.
pub(super) fn grouped(number: impl fmt::Display) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Returns seconds as a number of hours with one decimal: `2,849.9`.
pub(super) fn hour_number(seconds: i64) -> String {
    let tenths = (seconds.saturating_mul(10) + HOUR / 2) / HOUR;
    format!("{}.{}", grouped(tenths / 10), tenths % 10)
}

/// Returns seconds as hours with one decimal: `71.5 h`.
pub(super) fn hours(seconds: i64) -> String {
    format!("{} h", hour_number(seconds))
}

/// Returns a share in percent with one decimal, rounded down: only the whole is `100.0 %`.
pub(super) fn per_cent(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "–".to_owned();
    }
    let tenths = i128::from(part) * 1_000 / i128::from(whole);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// Returns a number of bytes in a unit that keeps the number short: `1.2 MB`.
pub(crate) fn bytes(count: u64) -> String {
    let mut scaled = u128::from(count) * 10;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if scaled < 10_000 {
            return if unit == "B" {
                format!("{count} B")
            } else {
                format!("{}.{} {unit}", scaled / 10, scaled % 10)
            };
        }
        scaled /= 1_000;
    }
    format!("{} PB", scaled / 10)
}

/// Returns a count with commas between thousands.
pub(crate) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Returns a count with its noun, which takes an `s` unless the count is one.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{} {noun}s", grouped(count)) }
}

/// Returns a tally in a few characters: `72`, or `70 of 72` if not all are valid.
pub(super) fn tally(tally: &Tally) -> String {
    if tally.valid == tally.total() {
        grouped(tally.valid)
    } else {
        format!("{} of {}", grouped(tally.valid), grouped(tally.total()))
    }
}

/// Returns the seconds of a chain's period that could be verified by now, and those that are
/// verified. Pending time counts in neither.
pub(super) fn verified(segments: &[Segment]) -> (i64, i64) {
    let of = |wanted: Option<Coverage>| {
        segments
            .iter()
            .filter(|segment| match wanted {
                Some(wanted) => segment.coverage == wanted,
                None => segment.coverage != Coverage::Pending,
            })
            .map(Segment::seconds)
            .sum()
    };
    (of(None), of(Some(Coverage::Verified)))
}

/// The two kinds of objects that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObjectKind {
    Digest,
    LogFile,
}

/// Describes how many objects of a kind are valid, and what is wrong with the others.
pub(super) fn objects(
    findings: &BTreeMap<FindingCode, u64>,
    tally: &Tally,
    kind: ObjectKind,
) -> String {
    let mut parts = vec![format!("{} valid", grouped(tally.valid))];
    for (code, count) in findings {
        let (of, words) = match code {
            FindingCode::DigestMissing => (ObjectKind::Digest, "missing"),
            FindingCode::DigestMalformed => (ObjectKind::Digest, "malformed"),
            FindingCode::DigestMoved => (ObjectKind::Digest, "moved"),
            FindingCode::DigestSignatureInvalid => {
                (ObjectKind::Digest, "with an invalid signature")
            }
            FindingCode::DigestKeyUnknown => (ObjectKind::Digest, "signed by an unknown key"),
            FindingCode::DigestLinkMismatch => (ObjectKind::Digest, "replaced"),
            FindingCode::DigestOutOfOrder => (ObjectKind::Digest, "out of order"),
            // It is about a chain, whose missing digests nobody can count.
            FindingCode::DigestDeliveredThenGone => continue,
            FindingCode::LogMissing => (ObjectKind::LogFile, "missing"),
            FindingCode::LogHashMismatch => (ObjectKind::LogFile, "changed"),
            FindingCode::LogMalformed => (ObjectKind::LogFile, "malformed"),
            FindingCode::LogTrailingData => (ObjectKind::LogFile, "with data appended"),
        };
        if of == kind {
            parts.push(format!("{} {words}", grouped(count)));
        }
    }
    if tally.unverified > 0 {
        parts.push(format!("{} not checked", grouped(tally.unverified)));
    }
    parts.join(", ")
}

/// Entries with one cause, which are reported together.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) title: String,
    pub(super) meaning: String,
    /// Seconds of all entries together, if they are stretches of time.
    pub(super) seconds: i64,
    /// The lines of each entry.
    pub(super) entries: Vec<Vec<String>>,
}

impl Group {
    /// Adds to the group with this title, and makes it if there is none.
    pub(super) fn add(
        groups: &mut Vec<Self>,
        title: &str,
        meaning: &str,
        to: impl FnOnce(&mut Self),
    ) {
        if let Some(group) = groups.iter_mut().find(|group| group.title == title) {
            return to(group);
        }
        let mut group =
            Self { title: title.to_owned(), meaning: meaning.to_owned(), ..Self::default() };
        to(&mut group);
        groups.push(group);
    }

    /// Adds an entry with its own cause, which is shown only if it differs from that of the group.
    pub(super) fn cause(&mut self, why: &str, entry: String) {
        let words = why.strip_prefix(self.title.as_str()).unwrap_or(why);
        let words = words.strip_prefix(": ").unwrap_or(words);
        if self.entries.is_empty() {
            words.clone_into(&mut self.meaning);
        }
        let mut lines = vec![entry];
        if words != self.meaning {
            lines.push(format!("    {words}"));
        }
        self.entries.push(lines);
    }
}

pub(super) fn plural(noun: &str) -> String {
    match noun.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_objects_is_counted_by_its_kind() {
        let findings = [
            (FindingCode::DigestMissing, 1),
            (FindingCode::DigestDeliveredThenGone, 1),
            (FindingCode::LogMissing, 1_200),
            (FindingCode::LogHashMismatch, 1),
        ];
        let findings = BTreeMap::from(findings);
        let tally = Tally { valid: 14_346, invalid: 1_201, unverified: 2 };
        assert_eq!(
            objects(&findings, &tally, ObjectKind::LogFile),
            "14,346 valid, 1,200 missing, 1 changed, 2 not checked"
        );
        let tally = Tally { valid: 3, invalid: 1, unverified: 0 };
        assert_eq!(objects(&findings, &tally, ObjectKind::Digest), "3 valid, 1 missing");
    }

    #[test]
    fn numbers_read_well_and_never_round_up_to_whole() {
        assert_eq!((grouped(999), grouped(1_234_567)), ("999".into(), "1,234,567".into()));
        assert_eq!(hours(3_600 * 2_849 + 3_240), "2,849.9 h");
        assert_eq!(counted(2_870, "digest"), "2,870 digests");
        assert_eq!((hours(3_600 * 71 + 1_800), hours(0)), ("71.5 h".into(), "0.0 h".into()));
        assert_eq!(per_cent(999_999, 1_000_000), "99.9 %");
        assert_eq!((per_cent(7, 7), per_cent(0, 0)), ("100.0 %".into(), "–".into()));
        assert_eq!((bytes(999), bytes(1_234_567)), ("999 B".into(), "1.2 MB".into()));
        assert_eq!(bytes(u64::MAX), "18446 PB");
        assert_eq!(
            (counted(1, "digest"), counted(2, "digest")),
            ("1 digest".into(), "2 digests".into())
        );
    }
}
