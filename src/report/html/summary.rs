//! The first screen: the verdict, what it is about, and the counts that it rests on.
use super::chains::length;
use super::shown::{Shown, grouped};
use crate::report::collect::Collected;
use crate::report::text_lines::{COMPLETE_COPY, bytes, counted, per_cent};
use crate::report::words::uncovered;
use trailproof_core::compat::event::Tally;
use trailproof_core::record::RunSummary;
use trailproof_core::verdict::Verdict;

/// The verdict in words.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) words: String,
    /// Class in the style sheet.
    pub(super) class: &'static str,
    pub(super) mark: &'static str,
    pub(super) meaning: &'static str,
    pub(super) exit_status: Option<u8>,
}

impl Answer {
    pub(super) fn of(run: &Collected) -> Self {
        let Some(summary) = &run.summary else {
            return Self {
                words: "No verdict".to_owned(),
                class: "none",
                mark: "–",
                meaning: "The run was interrupted. The results up to that point follow; they are \
                          not a verdict on the evidence.",
                exit_status: None,
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
            meaning: meaning(summary.verdict, run),
            exit_status: Some(summary.verdict.exit_status()),
        }
    }
}

fn meaning(verdict: Verdict, run: &Collected) -> &'static str {
    match verdict {
        Verdict::Proven if run.not_performed.is_empty() => {
            "Every chain in scope is verified for the whole period, and every log file in that \
             time is named by a verified digest."
        }
        Verdict::Proven => {
            "Every chain in scope is verified for the whole period by the checks that were made. \
             Checks that were not made are listed below."
        }
        Verdict::Contradicted => {
            "The evidence is not complete and unchanged: something that CloudTrail signed is \
             missing, changed, moved or out of order."
        }
        Verdict::NotProven => {
            "Nothing is contradicted, but not everything is proven: something could not be \
             checked, or no digest covers a part of the period."
        }
        Verdict::NothingFound => {
            "There was nothing to check: no digest of the scope was found in the period. This is \
             not a success."
        }
    }
}

/// A name and its value.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: Shown,
    /// Whether the value is shown in a monospaced font.
    pub(super) code: bool,
}

/// A count of objects and the parts that add up to it.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    pub(super) name: &'static str,
    pub(super) all: String,
    pub(super) valid: String,
    pub(super) invalid: String,
    pub(super) unverified: String,
}

impl Sum {
    fn of(name: &'static str, tally: &Tally) -> Self {
        Self {
            name,
            all: grouped(tally.total()),
            valid: grouped(tally.valid),
            invalid: grouped(tally.invalid),
            unverified: grouped(tally.unverified),
        }
    }
}

/// A part of the time of all chains.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Code of the coverage; empty for the sum.
    pub(super) code: &'static str,
    pub(super) name: String,
    pub(super) seconds: String,
    pub(super) length: String,
    pub(super) per_cent: String,
}

/// The tables of the first screen.
#[derive(Clone, Debug)]
pub(super) struct Totals {
    pub(super) sums: Vec<Sum>,
    pub(super) parts: Vec<Part>,
    pub(super) whole: Part,
    /// Sentences that complete the counts.
    pub(super) notes: Vec<String>,
}

impl Totals {
    pub(super) fn of(run: &Collected, summary: &RunSummary) -> Self {
        let coverage = &summary.coverage;
        let total = coverage.total();
        let part = |code, name: &str, seconds| Part {
            code,
            name: name.to_owned(),
            seconds: grouped(seconds),
            length: length(seconds),
            per_cent: per_cent(seconds, total),
        };
        let mut parts = vec![
            part("verified", "verified", coverage.verified),
            part("contradicted", "contradicted", coverage.contradicted),
            part("unverified", "unverified", coverage.unverified),
            part("pending", "pending: the next digest is not due yet", coverage.pending),
        ];
        for (why, seconds) in &coverage.uncovered {
            parts.push(part(why.code(), &format!("uncovered: {}", uncovered(*why)), *seconds));
        }
        Self {
            sums: vec![
                Sum::of("Digests", &summary.counts.digests),
                Sum::of("Backfill digests", &summary.counts.backfill),
                Sum::of("Log files", &summary.counts.logs),
            ],
            parts,
            whole: part("", "the period of every chain", total),
            notes: notes(run, summary),
        }
    }
}

fn notes(run: &Collected, summary: &RunSummary) -> Vec<String> {
    let mut notes = Vec::new();
    let counts = &summary.counts;
    if run.complete_copy() {
        notes.push(COMPLETE_COPY.to_owned());
    }
    if let Some((chains, digests)) = run.listed {
        notes.push(format!(
            "{} in {} were listed, including those just outside the period that anchor a chain. A \
             missing digest counts as contradicted although no listing holds it.",
            counted(digests, "digest"),
            counted(chains, "chain"),
        ));
    }
    if counts.stored_bytes > 0 {
        notes.push(format!(
            "The proven log files have a size of {} as stored and {} inflated.",
            bytes(counts.stored_bytes),
            bytes(counts.inflated_bytes),
        ));
    }
    for (count, noun, what) in [
        (counts.chain_findings, "finding", "about a chain as a whole"),
        (summary.unlisted, "log file", "in verified time that no verified digest names"),
        (summary.listings_unread, "listing", "that could not be read"),
        (summary.not_joined, "chain", "not continuing from the previous record"),
        (summary.places_in_doubt, "place", "in doubt"),
        (summary.passed_over, "key", "in digest folders, skipped because no digest has such a key"),
        (
            run.copies.total,
            "object",
            "with the content of a log file that a digest names elsewhere",
        ),
        (summary.set_aside.values().sum(), "object", "ignored, which no reader takes for data"),
    ] {
        if count > 0 {
            notes.push(format!("{} {what}.", counted(count, noun)));
        }
    }
    if summary.coverage.pending > 0 {
        notes.push(format!(
            "{} after the newest digests are pending and do not count against the verdict: a digest \
             is delivered up to two hours after its hour.",
            length(summary.coverage.pending),
        ));
    }
    notes
}
