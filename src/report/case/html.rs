//! `report.html`: the case on one page, without scripts and without anything from elsewhere.
use super::model::{CaseDeed, CaseReport, TimelineEntry};
use super::words;
use crate::report::numbers::counted;
use crate::report::words::evidence;
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use trailproof_core::codes::technique::{ATTACK_VERSION, Confidence, Witness};
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::{escape, excerpt};
use trailproof_core::vocab::time::{DAY, HOUR, Timestamp};

/// The style sheet of the report of a run, and what this page adds.
const STYLE: &str = concat!(
    include_str!("../../../templates/report.css"),
    "\n.axis{stroke:var(--line)}.bar{fill:var(--missing)}circle.ok{fill:var(--ok)}",
    "circle.open{fill:none;stroke:var(--open);stroke-width:2}svg text.number{text-anchor:middle;",
    "font-weight:600;fill:var(--ink)}figure{margin:1rem 0}.short{padding-left:1.4rem;margin:.5rem 0}",
    ".short li{margin:.25rem 0}\n"
);

/// Lines, objects and stretches that the page shows; the files beside it have all.
const SHOWN_LINES: usize = 500;

/// Objects of a deed that are listed.
const OBJECTS: usize = 20;

/// Replaced log files that the page shows, and log files that no digest names.
const SHOWN_DIFFS: usize = 50;

/// Deeds on the first screen.
const SHORT: usize = 8;

/// Days that are drawn one by one.
const DAYS: usize = 7;

/// Marks of one strip.
const MARKS: usize = 400;

#[derive(Template)]
#[template(path = "case.html", whitespace = "minimize")]
struct Page {
    style: &'static str,
    style_hash: String,
    version: &'static str,
    attack_version: &'static str,
    title: String,
    head: String,
    class: &'static str,
    lead: String,
    short: Vec<Short>,
    short_left_out: usize,
    verdicts: Vec<(&'static str, String)>,
    facts: Vec<(&'static str, String)>,
    deeds: Vec<DeedRow>,
    strips: Vec<Strip>,
    lines: Vec<LineRow>,
    lines_left_out: usize,
    affected_total: usize,
    affected: Vec<(String, &'static str, &'static str, Option<usize>)>,
    spans: Vec<(String, String, String, &'static str, Option<usize>)>,
    diffs: Vec<(String, String, Vec<String>)>,
    diffs_left_out: usize,
    unproven: Vec<(String, u64)>,
    unproven_left_out: usize,
    notices: Vec<&'static str>,
}

/// A deed in one line, for the first screen.
struct Short {
    number: usize,
    words: &'static str,
    rest: String,
    confidence: &'static str,
    class: &'static str,
}

struct DeedRow {
    number: usize,
    words: &'static str,
    code: &'static str,
    attack: String,
    who: String,
    from_where: String,
    when: String,
    effects: Vec<String>,
    objects: Vec<String>,
    confidence: &'static str,
    class: &'static str,
    why: &'static str,
    witness: &'static str,
    undecided: String,
    alternatives: String,
    raise: String,
}

struct LineRow {
    time: String,
    time_is: &'static str,
    what: String,
    technique: &'static str,
    who: String,
    from_where: String,
    target: String,
    witness: &'static str,
    class: &'static str,
}

/// A stretch of time, drawn.
struct Strip {
    title: String,
    height: u32,
    bars: Vec<(i64, i64)>,
    ticks: Vec<(i64, String)>,
    marks: Vec<Mark>,
}

struct Mark {
    x: i64,
    class: &'static str,
    words: String,
    number: Option<usize>,
}

/// Returns the page.
///
/// # Errors
///
/// It cannot be rendered.
pub(crate) fn html(case: &CaseReport) -> io::Result<Vec<u8>> {
    let page = Page {
        style: STYLE,
        style_hash: STANDARD.encode(Sha256::digest(STYLE)),
        version: env!("CARGO_PKG_VERSION"),
        attack_version: ATTACK_VERSION,
        title: format!("Case: {}", evidence(&case.place)),
        head: head(case),
        class: if case.deeds.is_empty() { "open" } else { "bad" },
        lead: lead(case),
        short: case.deeds.iter().take(SHORT).enumerate().map(|it| short(case, it)).collect(),
        short_left_out: case.deeds.len().saturating_sub(SHORT),
        verdicts: verdicts(case),
        facts: facts(case),
        deeds: case.deeds.iter().enumerate().map(|(at, deed)| deed_row(at + 1, deed)).collect(),
        strips: strips(case),
        lines: case.timeline.iter().take(SHOWN_LINES).map(line_row).collect(),
        lines_left_out: case.timeline.len().saturating_sub(SHOWN_LINES),
        affected_total: case.affected.len(),
        affected: case
            .affected
            .iter()
            .take(SHOWN_LINES)
            .map(|object| {
                let deed = object.deed.map(|deed| deed + 1);
                (object.at.excerpt(), object.code, object.versions.unwrap_or_default(), deed)
            })
            .collect(),
        spans: case
            .spans
            .iter()
            .take(SHOWN_LINES)
            .map(|span| {
                let deed = span.deed.map(|deed| deed + 1);
                let (from, to) = (span.from.to_string(), span.to.to_string());
                (escape(&span.chain).into_owned(), from, to, span.coverage, deed)
            })
            .collect(),
        diffs: case
            .diffs
            .iter()
            .take(SHOWN_DIFFS)
            .map(|diff| {
                let changes = diff.compared.iter().flat_map(|compared| &compared.changes);
                let changes = changes.take(OBJECTS).map(words::change).collect();
                (diff.at.excerpt(), words::difference(diff), changes)
            })
            .collect(),
        diffs_left_out: case.diffs.len().saturating_sub(SHOWN_DIFFS),
        unproven: case
            .unproven
            .iter()
            .take(SHOWN_DIFFS)
            .map(|log| (log.at.excerpt(), log.count))
            .collect(),
        unproven_left_out: case.unproven.len().saturating_sub(SHOWN_DIFFS),
        notices: case.notices.iter().map(|notice| words::notice(*notice)).collect(),
    };
    page.render().map(String::into_bytes).map_err(io::Error::other)
}

/// Returns what the evidence is worth, what comes back, and what does not.
fn verdicts(case: &CaseReport) -> Vec<(&'static str, String)> {
    let mut verdict = format!("{} as it lies there", case.verdict.words());
    if let Some(with_versions) = case.with_versions {
        verdict += &format!("; {} with the versions that are left", with_versions.words());
    }
    let mut rows = vec![("Evidence", verdict)];
    rows.extend(words::comes_back(&case.affected).map(|it| ("Comes back", it.replace('`', ""))));
    rows.extend(words::lost(case).map(|words| ("Lost for good", words)));
    rows
}

/// Returns who did everything, and from where, if it was the same caller, and all of it is shown.
fn only_caller(case: &CaseReport) -> Option<(&str, &str)> {
    if case.deeds.iter().any(|it| it.confidence != Confidence::Shown) {
        return None;
    }
    let mut all = case.deeds.iter().map(|it| (it.who.as_str(), it.from_where.as_str()));
    let first = all.next().filter(|(who, _)| !who.is_empty())?;
    all.all(|other| other == first).then_some(first)
}

fn short(case: &CaseReport, (at, deed): (usize, &CaseDeed)) -> Short {
    let mut parts = Vec::new();
    parts.extend(deed.when.map(|when| when.to_string()));
    if only_caller(case).is_none() {
        let from = match deed.from_where.is_empty() {
            true => String::new(),
            false => format!(" from {}", excerpt(&deed.from_where, SHOWN)),
        };
        parts.push(match deed.who.is_empty() {
            true => "by whom is not known".to_owned(),
            false => format!("by {}{from}", excerpt(&deed.who, SHOWN)),
        });
    }
    if deed.object_count > 0 {
        parts.push(counted(deed.object_count, "object"));
    }
    let DeedRow { number, words, confidence, class, .. } = deed_row(at + 1, deed);
    Short { number, words, rest: parts.join(", "), confidence, class }
}

fn facts(case: &CaseReport) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Evidence", evidence(&case.place)),
        ("Period", format!("{} to {}", case.period.start, case.period.end)),
    ];
    facts.push(("Record", format!("SHA-256 {}", excerpt(&case.record_sha256, 64))));
    for (location, searched) in &case.also {
        let words = format!("{}, {} log files", excerpt(location, SHOWN), searched.log_files);
        facts.push(("Also searched", words));
    }
    facts.push(("Searched", format!("{} log files for causes", case.searched.log_files)));
    facts
}

fn head(case: &CaseReport) -> String {
    match case.deeds.len() {
        0 => "No deed found".to_owned(),
        1 => "1 deed found".to_owned(),
        deeds => format!("{deeds} deeds found"),
    }
}

fn lead(case: &CaseReport) -> String {
    let of = |confidence| case.deeds.iter().filter(|deed| deed.confidence == confidence).count();
    let who: BTreeSet<&str> = case
        .deeds
        .iter()
        .filter(|deed| deed.confidence == Confidence::Shown && !deed.who.is_empty())
        .map(|deed| deed.who.as_str())
        .collect();
    let who: Vec<String> = who.into_iter().take(3).map(|who| excerpt(who, SHOWN)).collect();
    let by = match (only_caller(case), who.is_empty()) {
        (Some((who, "")), _) => format!(" By {}.", excerpt(who, SHOWN)),
        (Some((who, from)), _) => {
            format!(" By {} from {}.", excerpt(who, SHOWN), excerpt(from, SHOWN))
        }
        (None, true) => String::new(),
        (None, false) => format!(" Shown: {}.", who.join(", ")),
    };
    format!(
        "{} shown, {} likely, {} possible.{by}",
        of(Confidence::Shown),
        of(Confidence::Likely),
        of(Confidence::Possible)
    )
}

fn deed_row(number: usize, deed: &CaseDeed) -> DeedRow {
    let alternatives: Vec<&str> = deed.alternatives.iter().map(|other| other.code()).collect();
    let raise: Vec<&str> = deed.raise.iter().map(|raise| words::raise(*raise)).collect();
    DeedRow {
        number,
        words: words::technique(deed.technique),
        code: deed.technique.code(),
        attack: words::attack_ids(deed.technique).join(", "),
        who: if deed.who.is_empty() { "not known".to_owned() } else { excerpt(&deed.who, SHOWN) },
        from_where: excerpt(&deed.from_where, SHOWN),
        when: deed.when.map_or_else(|| "not known".to_owned(), |when| when.to_string()),
        effects: words::effects(deed),
        objects: deed.objects.iter().take(OBJECTS).map(|at| at.excerpt()).collect(),
        confidence: deed.confidence.code(),
        class: match deed.confidence {
            Confidence::Shown => "bad",
            Confidence::Likely | Confidence::Possible => "open",
        },
        why: words::confidence(deed),
        witness: words::witness(deed.witness),
        undecided: words::undecided(deed).unwrap_or_default(),
        alternatives: alternatives.join(", "),
        raise: raise.join("; "),
    }
}

fn class(witness: Witness) -> &'static str {
    if witness == Witness::Proven { "ok" } else { "open" }
}

fn line_row(line: &TimelineEntry) -> LineRow {
    let refused = !line.outcome.is_empty() && line.outcome != "ok";
    let outcome = if refused { format!(" ({})", line.outcome) } else { String::new() };
    LineRow {
        time: line.time.to_string(),
        time_is: line.time_is.code(),
        what: excerpt(&format!("{}{outcome}", line.what), SHOWN),
        technique: line.technique.map(|technique| technique.code()).unwrap_or_default(),
        who: excerpt(&line.who, SHOWN),
        from_where: excerpt(&line.from_where, SHOWN),
        target: excerpt(&line.target, 1_024),
        witness: words::witness(line.witness),
        class: class(line.witness),
    }
}

/// Draws the whole time, and the first days with anything in them.
fn strips(case: &CaseReport) -> Vec<Strip> {
    let (Some(first), Some(last)) = (case.timeline.first(), case.timeline.last()) else {
        return Vec::new();
    };
    let day = |at: Timestamp| Timestamp::from_unix(at.unix().div_euclid(DAY) * DAY);
    let days: BTreeSet<Timestamp> = case.timeline.iter().map(|line| day(line.time)).collect();
    let (from, to) = (day(first.time), day(last.time).plus(DAY));
    let mut strips = vec![strip(case, from, to)];
    if days.len() > 1 || to.unix() - from.unix() > DAY {
        strips.extend(days.into_iter().take(DAYS).map(|at| strip(case, at, at.plus(DAY))));
    }
    strips
}

fn strip(case: &CaseReport, from: Timestamp, to: Timestamp) -> Strip {
    let length = (to.unix() - from.unix()).max(1);
    let x = |at: Timestamp| (at.unix() - from.unix()).clamp(0, length) * 1_000 / length;
    let one_day = length <= DAY;
    let unit = if one_day { 3 * HOUR } else { (length / (8 * DAY)).max(1) * DAY };
    let ticks = (0..length / unit).map(|number| {
        let at = from.plus(number * unit);
        let text = at.to_string();
        let shown = if one_day { text.get(11..16) } else { text.get(..10) };
        (x(at), shown.unwrap_or_default().to_owned())
    });
    let ticks = ticks.collect();
    let spans = case.spans.iter().filter(|span| span.from < to && span.to > from);
    let bars: BTreeSet<(i64, i64)> =
        spans.map(|span| (x(span.from), (x(span.to) - x(span.from)).max(1))).take(MARKS).collect();
    // The first event of a deed bears its number.
    let mut numbers: BTreeMap<usize, usize> = BTreeMap::new();
    for (number, deed) in case.deeds.iter().enumerate() {
        if let Some(first) = deed.events.iter().min() {
            numbers.entry(*first).or_insert(number + 1);
        }
    }
    let lines = case.timeline.iter().filter(|line| line.time >= from && line.time < to);
    let marks = lines.take(MARKS).map(|line| Mark {
        x: x(line.time),
        class: class(line.witness),
        words: format!("{} {}", line.time, excerpt(&line.what, SHOWN)),
        number: line.event.and_then(|event| numbers.get(&event).copied()),
    });
    let text = |at: Timestamp| at.to_string().get(..10).unwrap_or_default().to_owned();
    let title = match one_day {
        true => text(from),
        false => format!("{} to {}", text(from), text(to.plus(-1))),
    };
    Strip { title, height: 66, bars: bars.into_iter().collect(), ticks, marks: marks.collect() }
}
