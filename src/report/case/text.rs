//! `report.txt`, and what the command prints: the case for people.
use super::model::{CaseDeed, CaseReport};
use super::words;
use crate::report::events::left_out;
use crate::report::numbers::counted;
use crate::report::words::evidence;
use trailproof_core::codes::technique::ATTACK_VERSION;
use trailproof_core::vocab::budget::{SHOWN, SHOWN_FAILURE};
use trailproof_core::vocab::location::excerpt;

/// Objects and chains of a deed that are listed.
const LISTED: usize = 3;

/// Returns the report.
pub(crate) fn text(case: &CaseReport) -> String {
    let count = |of: usize, noun: &str| counted(u64::try_from(of).unwrap_or(u64::MAX), noun);
    let mut lines = vec![
        format!("case: {}", evidence(&case.place)),
        format!("period: {} to {}", case.period.start, case.period.end),
        format!("as it lies there: {}", case.verdict.words()),
        format!("record: sha256 {}", excerpt(&case.record_sha256, 64)),
    ];
    if let Some(verdict) = case.with_versions {
        lines.push(format!("with the versions that are left: {}", verdict.words()));
        lines.extend(words::comes_back(&case.affected));
    }
    if let Some(why) = &case.versions_unread {
        lines.push(format!(
            "versions: not known ({}): {}; what survives is not known either",
            why.kind.code(),
            excerpt(&why.detail, SHOWN_FAILURE)
        ));
    }
    lines.extend(words::lost(case).map(|lost| format!("lost for good: {lost}")));
    lines.push(format!(
        "{}, {} affected, {} in coverage",
        count(case.deeds.len(), "deed"),
        count(case.affected.len(), "object"),
        count(case.spans.len(), "gap"),
    ));
    if case.deeds.is_empty() {
        lines.push(String::new());
        lines.push("nothing that was found points to a deed".to_owned());
    }
    for (number, deed) in case.deeds.iter().enumerate() {
        lines.push(String::new());
        deed_lines(number + 1, deed, &mut lines);
    }
    differences(case, &mut lines);
    if !case.context.is_empty() {
        lines.push(String::new());
        lines.push("not about this evidence, and in the timeline only:".to_owned());
        for ((technique, why), events) in &case.context {
            lines.push(format!(
                "   {}: {}, {}",
                technique.code(),
                counted(*events, "event"),
                words::not_tied(*why)
            ));
        }
    }
    lines.extend(words::kms(case).map(|words| format!("\n{words}")));
    let open = case.affected.iter().filter(|object| object.deed.is_none()).count();
    if open > 0 {
        lines.push(String::new());
        lines.push(format!("{} could not be read, which is nobody's deed", count(open, "object")));
    }
    if !case.notices.is_empty() {
        lines.push(String::new());
        lines.extend(case.notices.iter().map(|notice| format!("note: {}", words::notice(*notice))));
    }
    lines.push(String::new());
    let missing = left_out(&case.searched);
    if !missing.is_empty() {
        lines.push(format!("not searched: {}", missing.join(", ")));
    }
    for (location, searched) in &case.also {
        let missing = left_out(searched);
        let missing = match missing.is_empty() {
            true => String::new(),
            false => format!("; not searched: {}", missing.join(", ")),
        };
        lines.push(format!(
            "also searched: {}, {}{missing}",
            excerpt(location, SHOWN),
            counted(searched.log_files, "log file"),
        ));
    }
    lines.push(format!(
        "{} searched for causes; techniques are those of MITRE ATT&CK {ATTACK_VERSION}",
        counted(case.searched.log_files, "log file")
    ));
    lines.join("\n") + "\n"
}

/// Adds what lies there instead of the evidence, and beside it.
fn differences(case: &CaseReport, lines: &mut Vec<String>) {
    if !case.diffs.is_empty() {
        lines.push(String::new());
        lines.push("replaced log files, compared with the version that is proven:".to_owned());
    }
    for diff in case.diffs.iter().take(LISTED) {
        lines.push(format!("   {}", diff.at.excerpt()));
        lines.push(format!("      {}", words::difference(diff)));
        let changes = diff.compared.iter().flat_map(|compared| &compared.changes);
        lines.extend(changes.take(LISTED).map(|it| format!("      {}", words::change(it))));
    }
    let more = case.diffs.len().saturating_sub(LISTED);
    if more > 0 {
        lines.push(format!("   and {more} more"));
    }
    if !case.unproven.is_empty() {
        lines.push(String::new());
        lines.push("log files that no digest names, and what they claim:".to_owned());
    }
    for log in case.unproven.iter().take(LISTED) {
        lines.push(format!("   {}: {}", log.at.excerpt(), counted(log.count, "event")));
    }
    let more = case.unproven.len().saturating_sub(LISTED);
    if more > 0 {
        lines.push(format!("   and {more} more"));
    }
}

fn deed_lines(number: usize, deed: &CaseDeed, lines: &mut Vec<String>) {
    lines.push(format!(
        "{number}. {} ({}, {})",
        words::technique(deed.technique),
        deed.technique.code(),
        deed.confidence.code()
    ));
    lines.push(format!("   {}", words::by(deed)));
    let effects = words::effects(deed);
    if !effects.is_empty() {
        lines.push(format!("   {}", effects.join("; ")));
    }
    for chain in deed.chains.iter().take(LISTED).filter(|_| deed.chains.len() > 1) {
        lines.push(format!("   chain {}", excerpt(chain, SHOWN)));
    }
    for at in deed.objects.iter().take(LISTED) {
        lines.push(format!("   {}", at.excerpt()));
    }
    let more = deed.object_count.saturating_sub(u64::try_from(LISTED).unwrap_or(0));
    if more > 0 {
        lines.push(format!("   and {more} more"));
    }
    let attack = words::attack_ids(deed.technique);
    let attack = if attack.is_empty() { String::new() } else { format!("; {}", attack.join(", ")) };
    lines.push(format!(
        "   {}: {}; witness: {}{attack}",
        deed.confidence.code(),
        words::confidence(deed),
        words::witness(deed.witness),
    ));
    lines.extend(words::undecided(deed).map(|words| format!("   {words}")));
    if !deed.alternatives.is_empty() {
        let other: Vec<&str> = deed.alternatives.iter().map(|other| other.code()).collect();
        lines.push(format!("   would look the same: {}", other.join(", ")));
    }
    if !deed.raise.is_empty() {
        let raise: Vec<&str> = deed.raise.iter().map(|raise| words::raise(*raise)).collect();
        lines.push(format!("   would say more: {}", raise.join("; ")));
    }
}
