//! The answer for each file.
use super::files::LookupFile;
use super::found::{Found, base_name};
use crate::report::lookup::result::{FileReport, LookupMatch, ObjectNow};
use trailproof_core::bytes::content::{Content, Form, Hash, Joined};
use trailproof_core::codes::lookup::{LookupAnswer, LookupNotice};
use trailproof_core::verdict::Verdict;

/// How the form of a file differs from CloudTrail's.
struct OddForm {
    notice: LookupNotice,
    /// Whether a file with delivered content is more or less than that content.
    contradicts: bool,
    trailing: Option<u64>,
}

/// Returns the answer for a file. `searched_all` states whether the digests of all of the period
/// and scope are proven.
pub(crate) fn answer(file: &LookupFile, found: &Found, searched_all: bool) -> FileReport {
    let content = &file.content.content;
    let odd = odd_form(content, found);
    let mut notices = file.content.notices.clone();
    let whole = found.with_hash(&content.whole_hash());
    let exact = if whole.is_empty() { found.with_hash(&content.hash) } else { whole };
    let formed = || {
        let mut forms = file.content.forms.iter();
        forms.find_map(|(hash, changes)| {
            let matches = found.with_hash(hash);
            (!matches.is_empty()).then_some((matches, changes))
        })
    };
    let named = file.name.as_ref().map(|name| found.with_name(&name.name)).unwrap_or_default();
    let (answer, matches) = if !exact.is_empty() {
        let in_part = odd.as_ref().is_some_and(|odd| odd.contradicts);
        (if in_part { LookupAnswer::DeliveredInPart } else { LookupAnswer::Delivered }, exact)
    } else if let Some((matches, changes)) = formed() {
        notices.extend(changes);
        (LookupAnswer::Delivered, matches)
    } else {
        notices.extend(file.content.unmatched);
        if !named.is_empty() {
            (LookupAnswer::DeliveredOtherContent, named.clone())
        } else if searched_all {
            (LookupAnswer::NotDelivered, Vec::new())
        } else {
            (LookupAnswer::NotProven, Vec::new())
        }
    };
    // The name of a delivered file may be that of a different one.
    let mut expected = None;
    if let Some(name) = &file.name {
        let has_name = |found: &&LookupMatch| base_name(&found.at.key) == name.name;
        let other = named.iter().find(|named| !matches.iter().any(|it| it.hash == named.hash));
        match answer {
            LookupAnswer::DeliveredOtherContent => expected = named.first().map(|it| it.hash),
            _ if !matches.is_empty() && !matches.iter().any(has_name) => {
                notices.push(LookupNotice::DeliveredUnderOtherName);
                if let Some(other) = other {
                    notices.push(LookupNotice::NameOfOtherContent);
                    expected = Some(other.hash);
                }
            }
            _ => {}
        }
        if name.digest && !notices.contains(&LookupNotice::Digest) {
            notices.push(LookupNotice::Digest);
        }
    }
    let trailing = odd.as_ref().and_then(|odd| odd.trailing);
    notices.extend(odd.map(|odd| odd.notice));
    FileReport {
        file: file.file.clone(),
        answer,
        notices,
        hash: content.whole_hash(),
        trailing,
        expected,
        matches: matches.into_iter().cloned().collect(),
    }
}

/// Returns the verdict that a file contributes: that of its answer, unless its name or the object
/// at the place of delivery contradicts a digest.
pub(crate) fn verdict(file: &FileReport) -> Verdict {
    let contradicts = file.notices.contains(&LookupNotice::NameOfOtherContent)
        || file.matches.iter().any(|found| matches!(found.now, ObjectNow::Invalid(_)));
    if contradicts { Verdict::Contradicted } else { file.answer.verdict() }
}

/// Returns how the file's form differs from CloudTrail's. Several gzip members are only a different
/// form if all of their content was delivered.
fn odd_form(content: &Content, found: &Found) -> Option<OddForm> {
    let is_found = |hash: Hash| !found.with_hash(&hash).is_empty();
    match content.form {
        Form::Gzip | Form::Plain => None,
        Form::GzipAndMore { .. }
            if matches!(content.joined, Joined::Members { .. })
                && (is_found(content.whole_hash()) || !is_found(content.hash)) =>
        {
            let notice = LookupNotice::SeveralMembers;
            Some(OddForm { notice, contradicts: false, trailing: None })
        }
        Form::GzipAndMore { trailing } => Some(OddForm {
            notice: LookupNotice::LogTrailingData,
            contradicts: true,
            trailing: Some(trailing),
        }),
        Form::GzipCutShort | Form::GzipBroken(_) => {
            let notice = LookupNotice::LogMalformed;
            Some(OddForm { notice, contradicts: true, trailing: None })
        }
    }
}
