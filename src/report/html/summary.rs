//! The counts that the verdict rests on.
use super::shown::Shown;
use crate::report::collect::Collected;
use crate::report::numbers::{bytes, counted, grouped, hours_and_days, length, per_cent};
use crate::report::storage;
use crate::report::words::{COMPLETE_COPY, uncovered};
use trailproof_core::compat::event::Tally;
use trailproof_core::record::RunSummary;

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
    /// The same in hours and days, rounded.
    pub(super) days: String,
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
            days: hours_and_days(seconds),
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
        notes.push(COMPLETE_COPY.replace('`', ""));
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
    for (number, noun, what) in [
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
        if number > 0 {
            notes.push(format!("{} {what}.", counted(number, noun)));
        }
    }
    for sentence in storage::sentences(&run.storage) {
        notes.push(format!("{}.", sentence.replace('`', "")));
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
