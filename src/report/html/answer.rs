//! The headline: the verdict, its reason, the figures behind it, and what a reader may state.
use super::findings::FindingCounts;
use super::shown::{Shown, css_string, joined};
use crate::report::collect::Collected;
use crate::report::numbers::{counted, grouped, hours_and_days, per_cent};
use crate::report::places;
use crate::report::words;
use std::collections::BTreeSet;
use trailproof_core::record::{RunStart, RunSummary};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::location::excerpt;

/// Maximum number of clauses in the reason; the rest is counted.
const CLAUSES: usize = 4;
/// Number of accounts, regions or trails up to which they are named; more are only counted.
const NAMED: usize = 12;
/// Maximum number of characters of the evidence in the footer of a printed page.
const FOOTER: usize = 90;

/// The verdict in words.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) words: String,
    /// Class in the style sheet.
    pub(super) class: &'static str,
    pub(super) mark: &'static str,
    pub(super) reason: Shown,
    pub(super) exit_status: Option<u8>,
    pub(super) is_proven: bool,
}

impl Answer {
    pub(super) fn of(run: &Collected, counts: &FindingCounts) -> Self {
        let Some(summary) = &run.summary else {
            return Self {
                words: "No verdict".to_owned(),
                class: "none",
                mark: "–",
                reason: Shown::of(
                    "The run was interrupted. The results up to that point follow; they are not a \
                     verdict on the evidence.",
                ),
                exit_status: None,
                is_proven: false,
            };
        };
        let (class, mark) = match summary.verdict {
            Verdict::Proven => ("ok", "✓"),
            Verdict::Contradicted => ("bad", "✗"),
            Verdict::NotProven => ("open", "?"),
            Verdict::NothingFound => ("none", "–"),
        };
        let words = summary.verdict.words();
        let mut letters = words.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        Self {
            words: first.into_iter().chain(letters).collect(),
            class,
            mark,
            reason: Shown::of(reason(run, summary, counts)),
            exit_status: Some(summary.verdict.exit_status()),
            is_proven: summary.verdict == Verdict::Proven,
        }
    }

    /// Returns the style of the footer that ties each printed page to the evidence.
    pub(super) fn paper_footer(&self, run: &Collected) -> String {
        let text = match &run.start {
            None => self.words.clone(),
            Some(start) => format!(
                "{}: {}\n{} to {}",
                self.words,
                excerpt(&words::evidence(&start.place), FOOTER),
                start.period.start,
                start.period.end
            ),
        };
        let lines: Vec<String> = text.lines().map(|line| Shown::of(line).to_string()).collect();
        let text = css_string(&lines.join("\n"));
        format!("@media print{{@page{{@bottom-left{{content:{text}}}}}}}")
    }
}

/// Returns the time that is neither verified nor pending.
fn open_time(summary: &RunSummary) -> i64 {
    summary.coverage.total() - summary.coverage.pending - summary.coverage.verified
}

/// Returns the number of objects and listings that could not be checked.
pub(super) fn unread(run: &Collected) -> u64 {
    let counted = run.summary.as_ref().map_or(0, |summary| summary.counts.unverified());
    run.unread.total.max(counted) + run.listings_unread.total
}

fn reason(run: &Collected, summary: &RunSummary, counts: &FindingCounts) -> String {
    let due = summary.coverage.total() - summary.coverage.pending;
    let chains = counted(summary.chains, "chain");
    let open = match open_time(summary) {
        0 => None,
        open => Some(format!(
            "{} of {} of chain time {} not verified",
            hours_and_days(open),
            hours_and_days(due),
            if open == 3_600 { "is" } else { "are" },
        )),
    };
    match summary.verdict {
        Verdict::Proven => {
            let all = match run.not_performed.entries.is_empty() {
                true => "",
                false => " by the checks that were made; those that were not are listed below",
            };
            format!(
                "Every chain in scope ({chains}) is verified for the whole period{all}: {}, and {} \
                 that they name.",
                counted(summary.counts.digests.valid + summary.counts.backfill.valid, "digest"),
                counted(summary.counts.logs.valid, "log file"),
            )
        }
        Verdict::Contradicted => {
            let mut clauses = counts.clauses();
            let more = clauses.len().saturating_sub(CLAUSES);
            clauses.truncate(CLAUSES);
            if more > 0 {
                clauses.push(format!("there are {} findings in all", grouped(run.findings.total)));
            }
            let what = match clauses.is_empty() {
                true => "Something that CloudTrail signed is missing or changed".to_owned(),
                false => joined(&clauses),
            };
            let open = open.map(|open| format!(" {open}.")).unwrap_or_default();
            format!(
                "The evidence is not complete and unchanged: {what}.{open} Do not rely on this \
                 period before you have read the findings."
            )
        }
        Verdict::NotProven => {
            let mut clauses: Vec<String> = open.into_iter().collect();
            for (number, noun, one, many) in [
                (summary.places_in_doubt, "place", "is in doubt", "are in doubt"),
                (unread(run), "object or listing", "could not be checked", "could not be checked"),
                (summary.unlisted, "log file", "is named by no digest", "are named by no digest"),
                (
                    run.without_digests.total,
                    "folder",
                    "has log files but no digests",
                    "have log files but no digests",
                ),
                (
                    summary.not_joined,
                    "chain",
                    "does not continue from the previous record",
                    "do not continue from the previous record",
                ),
            ] {
                let words = match (number, noun) {
                    (0, _) => continue,
                    (1, _) => format!("1 {noun} {one}"),
                    (_, "object or listing") => {
                        format!("{} objects or listings {many}", grouped(number))
                    }
                    _ => format!("{} {many}", counted(number, noun)),
                };
                clauses.push(words);
            }
            match clauses.is_empty() {
                true => "Nothing is contradicted, but not everything is proven.".to_owned(),
                false => format!("Nothing is contradicted, but {}.", joined(&clauses)),
            }
        }
        Verdict::NothingFound => {
            "There was nothing to check: no digest of the scope was found in the period. This is \
             not a success."
                .to_owned()
        }
    }
}

/// A figure below the verdict, with a link to what it counts.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    pub(super) value: String,
    pub(super) words: String,
    pub(super) goal: &'static str,
    /// Class in the style sheet.
    pub(super) class: &'static str,
}

/// Returns the figures below the verdict.
pub(super) fn figures(run: &Collected, has_gaps: bool) -> Vec<Figure> {
    let Some(summary) = &run.summary else { return Vec::new() };
    let due = summary.coverage.total() - summary.coverage.pending;
    let figure = |number: u64, one: &str, many: &str, goal, class| Figure {
        value: grouped(number),
        words: if number == 1 { one.to_owned() } else { many.to_owned() },
        goal,
        class: if number == 0 { "none" } else { class },
    };
    let findings = run.findings.total;
    let unread = unread(run);
    let open = open_time(summary);
    let mut figures = vec![
        figure(findings, "finding", "findings", "findings", "bad"),
        Figure {
            value: hours_and_days(open),
            words: format!("not verified, of {}", hours_and_days(due)),
            goal: if has_gaps { "gaps" } else { "counts-time" },
            class: if open == 0 { "none" } else { "open" },
        },
        figure(unread, "could not be read", "could not be read", "unreadable", "open"),
    ];
    let unlisted = summary.unlisted + run.without_digests.total;
    if unlisted > 0 {
        figures.push(figure(
            unlisted,
            "log file or folder that no digest names",
            "log files or folders that no digest names",
            "unlisted",
            "open",
        ));
    }
    if run.places_in_doubt.total > 0 {
        figures.push(figure(
            run.places_in_doubt.total,
            "place in doubt",
            "places in doubt",
            "places",
            "open",
        ));
    }
    figures
}

/// Names accounts, regions or trails, or only counts them if they are many.
fn names(noun: &str, names: &BTreeSet<&str>) -> String {
    let number = counted(u64::try_from(names.len()).unwrap_or(u64::MAX), noun);
    match names.len() {
        0 => number,
        few if few <= NAMED => {
            format!("{number} ({})", names.iter().copied().collect::<Vec<_>>().join(", "))
        }
        _ => number,
    }
}

/// Describes what was found: accounts, regions, trails and chains.
pub(super) fn found(run: &Collected) -> String {
    let ids = || run.chains.iter().map(|chain| &chain.chain);
    let accounts: BTreeSet<&str> = ids().map(|id| id.account.as_str()).collect();
    let regions: BTreeSet<&str> = ids().map(|id| id.source_region.as_str()).collect();
    let trails: BTreeSet<&str> = ids().map(|id| id.trail.as_str()).collect();
    if accounts.is_empty() {
        return "no chain".to_owned();
    }
    let ended = match run.summary.as_ref().map_or(0, |summary| summary.ended) {
        0 => String::new(),
        ended => format!(", and {} that ended before the period", grouped(ended)),
    };
    let chains = run
        .summary
        .as_ref()
        .map_or(String::new(), |summary| counted(summary.chains, "chain") + "; ");
    let places = run.places.as_ref().map(|answered| {
        format!("; {}: {}", counted(answered.found, "place"), places::answered(answered))
    });
    format!(
        "{chains}{}, {} and {}{ended}{}",
        names("account", &accounts),
        names("region", &regions),
        names("trail", &trails),
        places.unwrap_or_default()
    )
}

/// What a reader of the page may state, and what that does not mean.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) sentences: Vec<Shown>,
    pub(super) not: Vec<Shown>,
}

impl Statement {
    /// Returns the statement, or `None` if the run proves nothing that could be stated.
    pub(super) fn of(run: &Collected, verified_chains: u64) -> Option<Self> {
        let (start, summary) = (run.start.as_ref()?, run.summary.as_ref()?);
        if summary.verdict == Verdict::NothingFound {
            return None;
        }
        let (from, to) = (start.period.start, start.period.end);
        let evidence = words::evidence(&start.place);
        let evidence = evidence.trim_start_matches("evidence of ");
        let scope = places::scope(start, &run.not_performed.entries)
            .unwrap_or_else(|| "everything found there".to_owned());
        let made = run.circumstances.as_ref().map(|around| format!(" on {}", around.started.0));
        let by =
            format!("Verified{} with trailproof {}.", made.unwrap_or_default(), start.tool.version);
        let coverage = &summary.coverage;
        let time = format!(
            "{} of {} of chain time ({})",
            hours_and_days(coverage.verified),
            hours_and_days(coverage.total() - coverage.pending),
            per_cent(coverage.verified, coverage.total() - coverage.pending),
        );
        let digests =
            counted(summary.counts.digests.valid + summary.counts.backfill.valid, "digest");
        let logs = counted(summary.counts.logs.valid, "log file");
        let sentences = match summary.verdict {
            Verdict::Proven => vec![
                format!(
                    "The CloudTrail log files of {evidence} ({scope}), delivered from {from} to {to}, \
                     are complete and unchanged, as CloudTrail’s signed digests record them: \
                     {digests} and {logs} in {} were verified.",
                    counted(summary.chains, "chain"),
                ),
                by,
            ],
            Verdict::Contradicted | Verdict::NotProven | Verdict::NothingFound => {
                let first = match summary.verdict {
                    Verdict::Contradicted => format!(
                        "The CloudTrail log files of {evidence} ({scope}), from {from} to {to}, are \
                         contradicted: {}.",
                        counted(run.findings.total, "finding"),
                    ),
                    _ => format!(
                        "The CloudTrail log files of {evidence} ({scope}), from {from} to {to}, are \
                         neither proven nor contradicted.",
                    ),
                };
                let verified = format!(
                    "{time} are verified: {digests} and {logs}. {} of {} are verified for the whole \
                     period.",
                    grouped(verified_chains),
                    counted(summary.chains, "chain"),
                );
                [Some(first), Some(verified), in_doubt(run), Some(by)]
                    .into_iter()
                    .flatten()
                    .collect()
            }
        };
        Some(Self {
            sentences: sentences.into_iter().map(Shown::of).collect(),
            not: not_stated(run, start, summary).into_iter().map(Shown::of).collect(),
        })
    }
}

/// Names the places of which nothing can be stated, or counts them if they are many.
fn in_doubt(run: &Collected) -> Option<String> {
    let accounts = run.account_names();
    let doubts = &run.places_in_doubt;
    let shown: Vec<String> = doubts
        .entries
        .iter()
        .take(CLAUSES)
        .map(|doubt| format!("{}: {}", places::place(doubt, &accounts), places::why(doubt.why)))
        .collect();
    let total = usize::try_from(doubts.total).unwrap_or(usize::MAX);
    let more = match total.saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!("; and {} more", grouped(u64::try_from(more).unwrap_or(u64::MAX))),
    };
    (!shown.is_empty()).then(|| format!("Nothing is stated of {}{more}.", shown.join("; ")))
}

fn not_stated(run: &Collected, start: &RunStart, summary: &RunSummary) -> Vec<String> {
    let mut not = Vec::new();
    match summary.verdict {
        Verdict::Contradicted => {
            not.push(
                "That anyone tampered with it, or who: a finding shows what differs, not why.",
            );
        }
        Verdict::NotProven => not.push(
            "That anything is missing or changed in the rest: what is not verified is neither \
             complete nor incomplete.",
        ),
        Verdict::Proven | Verdict::NothingFound => {}
    }
    not.push(
        "That every API call was recorded: events that the trail’s selectors exclude are in no log \
         file.",
    );
    if start.expected_accounts.is_none() {
        not.push(
            "That no account is missing: which accounts are expected was not given \
             (--expect-accounts).",
        );
    }
    if start.place.is_copy() {
        not.push("Anything about the original bucket beyond what the copy holds.");
    }
    if start.place.versions().is_some() {
        not.push("Anything about the objects as they are now: earlier versions were read.");
    }
    if !run.not_performed.entries.is_empty() {
        not.push("Anything that the checks that were not made would have shown.");
    }
    if summary.coverage.pending > 0 {
        not.push("Anything about the pending time after the newest digests.");
    }
    not.push("Anything about the time after the run.");
    not.into_iter().map(str::to_owned).collect()
}
