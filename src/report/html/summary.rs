//! The first screen: the answer, what it is about, and the counts that add up to it.
use super::chains::length;
use super::shown::{Shown, grouped};
use crate::report::collect::Collected;
use crate::report::text_lines::{COMPLETE_COPY, bytes, counted, per_cent};
use crate::report::words::uncovered;
use trailproof_core::compat::event::Tally;
use trailproof_core::record::RunSummary;
use trailproof_core::verdict::Verdict;

/// The answer in words.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) words: String,
    /// Class of the style.
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
                meaning: "The run ended before it was finished. What follows was found until then, \
                          and proves nothing as a whole.",
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
            "Every chain in scope is verified for the whole period, and no log file lies in that \
             time that no verified digest names."
        }
        Verdict::Proven => {
            "Every chain in scope is verified for the whole period, by the checks that were made; \
             those that were not are named below."
        }
        Verdict::Contradicted => {
            "The evidence contradicts that it is complete and unchanged: something that CloudTrail \
             signed is missing, changed, moved or out of order."
        }
        Verdict::NotProven => {
            "Nothing is contradicted, and not everything is proven: something could not be checked, \
             or a part of the period is covered by no digest."
        }
        Verdict::NothingFound => {
            "There was nothing to check: no digest of the scope lies in the period. This is no \
             success."
        }
    }
}

/// A name and its value.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: Shown,
    /// Whether the value is set as code.
    pub(super) code: bool,
}

/// A sum that reconciles: all, and its parts.
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

/// What the first screen counts.
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
            part("pending", "pending: the next digest is still to come", coverage.pending),
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
            "The listing held {} in {}, with those outside the period that only anchor a chain. A \
             digest that is missing is counted as contradicted though no listing holds it.",
            counted(digests, "digest"),
            counted(chains, "chain"),
        ));
    }
    if counts.stored_bytes > 0 {
        notes.push(format!(
            "The log files that are proven hold {} as stored and {} inflated.",
            bytes(counts.stored_bytes),
            bytes(counts.inflated_bytes),
        ));
    }
    for (count, noun, what) in [
        (counts.chain_findings, "finding", "about a chain as a whole"),
        (summary.unlisted, "log file", "in verified time that no verified digest names"),
        (summary.listings_unread, "listing", "that could not be read"),
        (summary.not_joined, "chain", "that does not join on to the record before"),
        (summary.places_in_doubt, "place", "that nothing answers for"),
        (summary.passed_over, "key", "in folders of digests that is no digest's, passed over"),
        (
            run.copies.total,
            "object",
            "with the content of a log file that a digest names elsewhere",
        ),
        (summary.set_aside.values().sum(), "object", "that no reader takes for data, set aside"),
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
