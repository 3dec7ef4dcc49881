//! Groups of entries in the text report, and what is wrong with objects in a few words.
use super::numbers::grouped;
use std::collections::BTreeMap;
use trailproof_core::codes::finding::FindingCode;
use trailproof_core::compat::event::Tally;

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
}
