//! `lookup --format text`: the answers for people.
use super::result::{FileReport, LookupMatch, LookupReport, ObjectNow, Searched};
use crate::report::numbers::{counted, number_of_hours};
use crate::report::words::{self, COMPLETE_COPY, evidence, expected_and_found, scope};
use std::collections::BTreeMap;
use trailproof_core::codes::lookup::{FileSkipped, LookupAnswer, LookupNotice};
use trailproof_core::record::KEYS_OF_MIRROR;
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::time::HOUR;

/// Returns the report as text.
pub(crate) fn text(report: &LookupReport) -> String {
    let mut lines = Vec::new();
    for file in &report.files {
        file_lines(file, &mut lines);
    }
    for skipped in &report.skipped {
        let (file, why) = (escape(&skipped.file), skipped_words(skipped.why));
        lines.push(format!("{file}: not looked up: {}: {why}", skipped.why.code()));
    }
    if report.files.len() > 1 {
        lines.push(totals(report));
    }
    search_lines(report, &mut lines);
    lines.join("\n") + "\n"
}

fn file_lines(file: &FileReport, lines: &mut Vec<String>) {
    lines.push(format!("{}: {}", escape(&file.file), answer_words(file)));
    for found in &file.matches {
        match_lines(found, lines);
    }
    if let Some(expected) = &file.expected {
        lines.push(format!("    expected sha256 {}", hex::encode(expected)));
    }
    lines.push(format!("    sha256 {}", hex::encode(file.hash)));
    for notice in &file.notices {
        lines.push(format!("    {}: {}", notice.code(), notice_words(*notice)));
    }
}

fn match_lines(found: &LookupMatch, lines: &mut Vec<String>) {
    lines.push(format!("    as {}", found.at));
    lines.push(format!("    between {} and {}", found.start, found.end));
    if found.digest == found.at {
        lines.push("    a proven digest".to_owned());
    } else {
        lines.push(format!("    named by {}", found.digest));
    }
    lines.push(format!("    signed with the key `{}`", escape(&found.fingerprint)));
    match &found.now {
        ObjectNow::Valid | ObjectNow::NotRead => {}
        ObjectNow::Invalid(finding) => {
            let (_, now) = expected_and_found(finding);
            lines.push(format!(
                "    the object at that key is no longer what was delivered: {}, {now}",
                finding.code()
            ));
        }
        ObjectNow::Unverified(why) => {
            lines.push(format!("    the object at that key could not be read: {why}"));
        }
    }
}

fn answer_words(file: &FileReport) -> &'static str {
    match file.answer {
        LookupAnswer::Delivered => "was delivered by CloudTrail",
        LookupAnswer::DeliveredInPart => "its first part was delivered by CloudTrail",
        LookupAnswer::DeliveredOtherContent => {
            "CloudTrail delivered a file of this name with different content"
        }
        LookupAnswer::NotDelivered => {
            "not found in any verified digest: not delivered in this period and scope"
        }
        LookupAnswer::NotProven => {
            "not found in any verified digest, and not everything could be searched"
        }
    }
}

/// Returns what a notice means for the user.
fn notice_words(notice: LookupNotice) -> &'static str {
    match notice {
        LookupNotice::Zip => "a zip archive; the file in it was looked up",
        LookupNotice::Zstd => "compressed with zstd; its content was looked up",
        LookupNotice::GzipTwice => {
            "compressed with gzip twice; the innermost content was looked up"
        }
        LookupNotice::NotUnpacked => {
            "an archive or compressed file that was not unpacked; unpack it and look up its files"
        }
        LookupNotice::ByteOrderMarkAdded => {
            "a byte order mark was added; without it, this is what was delivered"
        }
        LookupNotice::ConvertedToUtf16 => {
            "converted to UTF-16; converted back, this is what was delivered"
        }
        LookupNotice::LineEndsChanged => {
            "line ends were changed to CR LF; changed back, this is what was delivered"
        }
        LookupNotice::LineEndAdded => {
            "a line end was added at the end; without it, this is what was delivered"
        }
        LookupNotice::LineEndRemoved => {
            "the line end at the end was removed; with it, this is what was delivered"
        }
        LookupNotice::WhiteSpaceAdded => {
            "white space was added between the JSON tokens; without it, this is what was delivered"
        }
        LookupNotice::Reformatted => {
            "CloudTrail records in a different JSON layout: the file was formatted again, so its \
             bytes cannot match; look up the original file"
        }
        LookupNotice::SingleRecords => {
            "single CloudTrail records without the file around them, so the bytes cannot match; look \
             up the original file"
        }
        LookupNotice::Empty => "the file is empty",
        LookupNotice::Digest => "a digest; `trailproof verify` verifies it and what it names",
        LookupNotice::SeveralMembers => "it consists of several gzip members, which were joined",
        LookupNotice::LogTrailingData => {
            "bytes follow the gzip member; some readers take them for log records"
        }
        LookupNotice::LogMalformed => "the gzip member is cut short or broken",
        LookupNotice::DeliveredUnderOtherName => "the content was delivered under a different name",
        LookupNotice::NameOfOtherContent => {
            "CloudTrail delivered a file of this name with different content"
        }
        LookupNotice::FormsNotTried => "too large to try well-known changes of form",
    }
}

fn skipped_words(why: FileSkipped) -> &'static str {
    match why {
        FileSkipped::SymbolicLink => "symbolic links are not followed",
        FileSkipped::SpecialFile => "neither a file nor a directory",
        FileSkipped::Unreadable => "cannot be read",
        FileSkipped::OverBudget => "larger than a log file can be",
        FileSkipped::TooManyFiles => "more files than one lookup reads; the remaining are left out",
    }
}

/// Returns the number of files by answer.
fn totals(report: &LookupReport) -> String {
    let mut by_answer: BTreeMap<LookupAnswer, u64> = BTreeMap::new();
    for file in &report.files {
        *by_answer.entry(file.answer).or_default() += 1;
    }
    let parts: Vec<String> =
        by_answer.iter().map(|(answer, count)| format!("{count} {}", answer.code())).collect();
    format!("{} files: {}", report.files.len(), parts.join(", "))
}

fn search_lines(report: &LookupReport, lines: &mut Vec<String>) {
    let searched = &report.searched;
    lines.push(format!(
        "searched: {} of {} of chain time in {}, {} to {}, {}",
        number_of_hours(searched.searched),
        hours(searched.total),
        counted(searched.chains, "chain"),
        report.period.start,
        report.period.end,
        evidence(&report.place),
    ));
    let named = scope(&report.scope.trails, &report.scope.accounts, &report.scope.regions);
    if let Some(named) = &named {
        lines.push(format!("scope: {}", escape(named)));
    }
    if report.from_names {
        lines.push("period and scope come from the names of the files".to_owned());
    }
    if report.key_sources.contains(KEYS_OF_MIRROR) {
        lines.push(words::KEYS_OF_MIRROR.to_owned());
    }
    if report.complete_copy {
        lines.push(COMPLETE_COPY.to_owned());
    }
    let open = |file: &&FileReport| {
        matches!(file.answer, LookupAnswer::NotDelivered | LookupAnswer::NotProven)
    };
    if !report.files.iter().any(|file| open(&file)) {
        return;
    }
    let left_out = left_out(searched);
    if !left_out.is_empty() {
        let what = left_out.join(", ");
        lines.push(format!("not searched: {what}; a file may have been delivered there"));
    } else if searched.total == 0 {
        lines.push("nothing was searched: no chain has a digest in that time".to_owned());
    }
    if report.from_names {
        lines.push(
            "hint: a renamed file may come from a different time or place; search for it with \
             `--start-time` and `--end-time`"
                .to_owned(),
        );
    }
}

/// Returns what could not be searched.
fn left_out(searched: &Searched) -> Vec<String> {
    let mut left_out = Vec::new();
    let open = searched.total.saturating_sub(searched.searched);
    if open > 0 {
        left_out.push(format!("{} that no proven digest covers", hours(open)));
    }
    for (unproven, kind) in
        [(searched.digests_not_proven, "digest"), (searched.backfill_not_proven, "backfill digest")]
    {
        if unproven > 0 {
            left_out.push(format!("{} not proven", counted(unproven, kind)));
        }
    }
    if searched.places_in_doubt > 0 {
        left_out.push(format!("{} in doubt", counted(searched.places_in_doubt, "place")));
    }
    if searched.listings_unread > 0 {
        left_out.push(format!("{} not read", counted(searched.listings_unread, "listing")));
    }
    left_out
}

/// Returns hours with their noun: `1 hour`, `1.5 hours`.
fn hours(seconds: i64) -> String {
    let noun = if seconds == HOUR { "hour" } else { "hours" };
    format!("{} {noun}", number_of_hours(seconds))
}
