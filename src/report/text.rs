//! `--format text`: the verdict first, then one line for each chain, then every finding with what
//! was expected and found, what was not proven and why, and what to do next.
//!
//! Everything that came from outside is escaped. Colour only repeats what the words state.
use super::RunReporter;
use super::collect::{Collected, Gap};
use super::names::ChainNames;
use super::next_steps::next_steps;
use super::places;
use super::text_lines::{COMPLETE_COPY, bytes, counted, hours, per_cent, tally, verified};
use super::words::{self, NOT_JOINED, uncovered};
use std::io::{self, Write};
use trailproof_core::codes::unlisted::UnlistedReason;
use trailproof_core::coverage::{Coverage, Uncovered};
use trailproof_core::record::{ChainSummary, Presence, RunEvent, RunSummary};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::location::escape;

/// Maximum number of entries of one kind that are shown; the rest is counted.
const SHOWN: usize = 100;
/// Number of chains above which chains without exceptions are counted instead of listed.
const CHAINS_SHOWN: usize = 400;

/// The reporter for `--format text`.
#[derive(Debug)]
pub struct Text<W> {
    out: W,
    colour: bool,
    collected: Collected,
    /// Names of the chains, set when all chains are known.
    names: ChainNames,
}

impl<W: Write> Text<W> {
    /// Returns a reporter that writes to `out` once the run is finished, in colour if requested.
    pub fn new(out: W, colour: bool) -> Self {
        Self { out, colour, collected: Collected::default(), names: ChainNames::default() }
    }

    fn head(&mut self, summary: &RunSummary) -> io::Result<()> {
        let run = &self.collected;
        let verdict = summary.verdict.words().to_uppercase();
        let (on, off) = match (self.colour, summary.verdict) {
            (false, _) => ("", ""),
            (true, Verdict::Proven) => ("\u{1b}[1;32m", "\u{1b}[0m"),
            (true, Verdict::Contradicted) => ("\u{1b}[1;31m", "\u{1b}[0m"),
            (true, _) => ("\u{1b}[1;33m", "\u{1b}[0m"),
        };
        write!(self.out, "{on}{verdict}{off}")?;
        if let Some(start) = &run.start {
            let period = start.period;
            let location = words::evidence(&start.place);
            if let Some(scope) = places::scope(start, &run.not_performed) {
                write!(self.out, " ({})", escape(&scope))?;
            }
            write!(self.out, "  {location}  {} to {}", period.start, period.end)?;
        }
        writeln!(self.out, "\n")?;
        let counts = &summary.counts;
        let coverage = &summary.coverage;
        writeln!(
            self.out,
            "{} of chain time verified ({} of {}) in {}",
            per_cent(coverage.verified, coverage.total() - coverage.pending),
            hours(coverage.verified),
            hours(coverage.total() - coverage.pending),
            counted(summary.chains, "chain"),
        )?;
        if coverage.pending > 0 {
            writeln!(
                self.out,
                "pending: {} after the newest digests; the next ones are not due yet, which is \
                 normal",
                hours(coverage.pending),
            )?;
        }
        if let Some(before) = run.start.as_ref().and_then(|start| start.follows.as_ref()) {
            let joined = format!("{} of {}", run.seams_joined, counted(run.seams, "chain"));
            writeln!(self.out, "follows {}; {joined} continue from it", words::follows(before))?;
        }
        writeln!(
            self.out,
            "{} valid, {} invalid, {} unverified; {} valid, {} invalid, {} unverified; {}",
            counted(counts.digests.valid + counts.backfill.valid, "digest"),
            counts.digests.invalid + counts.backfill.invalid,
            counts.digests.unverified + counts.backfill.unverified,
            counted(counts.logs.valid, "log file"),
            counts.logs.invalid,
            counts.logs.unverified,
            bytes(counts.stored_bytes),
        )?;
        if run.complete_copy() {
            writeln!(self.out, "\n{COMPLETE_COPY}")?;
        }
        if let Some(answered) = &run.places {
            let found = counted(answered.found, "place");
            writeln!(self.out, "{found}: {}", places::answered(answered))?;
        }
        match &run.start {
            Some(start) => writeln!(self.out, "{}", escape(&places::expected(start))),
            None => Ok(()),
        }
    }

    fn chains(&mut self) -> io::Result<()> {
        let chains = &self.collected.chains;
        if chains.is_empty() {
            return Ok(());
        }
        let many = chains.len() > CHAINS_SHOWN;
        let shown: Vec<&ChainSummary> =
            chains.iter().filter(|chain| !many || has_exceptions(chain)).collect();
        let names: Vec<String> = shown.iter().map(|chain| self.names.name(&chain.chain)).collect();
        let width = names.iter().map(String::len).max().unwrap_or(0).max(5);
        writeln!(
            self.out,
            "\n{:width$}  {:>8}  {:>18}  {:>10}  {:>10}  {:>9}  {:>8}",
            "chain", "verified", "hours", "digests", "log files", "bytes", "findings"
        )?;
        for (chain, name) in shown.iter().zip(&names) {
            if matches!(chain.presence, Presence::Ended { .. }) {
                writeln!(self.out, "{name:width$}  {}", self.collected.ends.words(&chain.chain))?;
                continue;
            }
            let (all, part) = verified(&chain.segments);
            let mut digests = chain.counts.digests;
            digests.add(&chain.counts.backfill);
            writeln!(
                self.out,
                "{name:width$}  {:>8}  {:>18}  {:>10}  {:>10}  {:>9}  {:>8}",
                per_cent(part, all),
                format!("{} of {}", hours(part), hours(all)),
                tally(&digests),
                tally(&chain.counts.logs),
                bytes(chain.counts.stored_bytes),
                chain.counts.findings(),
            )?;
        }
        if many {
            let clean = chains.len() - shown.len();
            writeln!(self.out, "… and {clean} more, verified for the whole period")?;
        }
        Ok(())
    }

    fn findings(&mut self) -> io::Result<()> {
        let findings = &self.collected.findings;
        if findings.total == 0 {
            return Ok(());
        }
        writeln!(self.out, "\nEvidence of tampering or loss ({}):", findings.total)?;
        for told in findings.entries.iter().take(SHOWN) {
            let (expected, found) = words::expected_and_found(&told.finding);
            let at = match told.at.bucket.is_empty() {
                true => self.names.name(&told.chain),
                false => told.at.to_string(),
            };
            writeln!(self.out, "\n  {}  {at}", told.finding.code())?;
            writeln!(self.out, "      expected: {expected}")?;
            writeln!(self.out, "      found:    {found}")?;
            if told.lifecycle {
                writeln!(
                    self.out,
                    "      note:     nothing older is listed; a lifecycle rule that expires old \
                     objects would look the same"
                )?;
            }
        }
        self.more(findings.total)
    }

    fn not_proven(&mut self) -> io::Result<()> {
        let run = &self.collected;
        let total = run.gaps.total
            + run.unread.total
            + run.unlisted.total
            + run.listings_unread.total
            + run.without_digests.total
            + run.not_joined.total
            + run.places_in_doubt.total;
        if total == 0 {
            return Ok(());
        }
        writeln!(self.out, "\nNot proven:")?;
        for doubt in run.places_in_doubt.entries.iter().take(SHOWN) {
            let (code, place) = (doubt.why.code(), places::place(doubt));
            writeln!(self.out, "\n  {code}  {place}\n      {}", places::why(doubt.why))?;
        }
        let total = run.places_in_doubt.total;
        self.more(total)?;
        let run = &self.collected;
        let open: Vec<&Gap> = run.gaps.entries.iter().collect();
        for gap in open.iter().take(SHOWN) {
            let Coverage::Uncovered(why) = gap.segment.coverage else { continue };
            writeln!(
                self.out,
                "\n  {}  {}\n      {} to {} ({}): {}",
                why.code(),
                self.names.name(&gap.chain),
                gap.segment.from,
                gap.segment.to,
                hours(gap.segment.seconds()),
                uncovered(why),
            )?;
            if let Some(last) = gap.last {
                writeln!(self.out, "      its newest digest ends at {last}")?;
            }
            if let Some(logging) = run.logging.get(&gap.chain).filter(|_| why == Uncovered::Absent)
            {
                let words = if *logging { "on" } else { "off" };
                writeln!(self.out, "      GetTrailStatus: logging is {words}")?;
            }
            for event in &gap.explained {
                writeln!(
                    self.out,
                    "      explained by {} ({}) at {} by {} from {}, in {}",
                    escape(&event.name),
                    escape(&event.id),
                    event.time,
                    escape(&event.principal),
                    escape(&event.address),
                    event.log,
                )?;
            }
            if gap.explained.is_empty() && why == Uncovered::Gap {
                writeln!(self.out, "      no event in a verified log file explains it")?;
            }
        }
        self.more(self.collected.gaps.total)?;
        let run = &self.collected;
        for unread in run.unread.entries.iter().take(SHOWN) {
            let (at, why) = (&unread.at, &unread.why);
            writeln!(self.out, "\n  {}  {at}\n      {why}", why.kind.code())?;
        }
        self.more(self.collected.unread.total)?;
        for (folder, why) in self.collected.listings_unread.entries.iter().take(SHOWN) {
            let folder = escape(folder);
            writeln!(self.out, "\n  {}  listing of `{folder}`\n      {why}", why.kind.code())?;
        }
        let unlisted = self.collected.unlisted.entries.iter().zip(&self.collected.unlisted_facts);
        for (at, (last_modified, reason)) in unlisted.take(SHOWN) {
            writeln!(
                self.out,
                "\n  log-unlisted  {at}\n      no verified digest names it, so it may not come \
                 from CloudTrail"
            )?;
            if let Some(last_modified) = last_modified {
                writeln!(self.out, "      last modified: {last_modified}")?;
            }
            if *reason == UnlistedReason::TrailWithoutValidation {
                writeln!(self.out, "      a trail whose log file validation is off delivers here")?;
            }
        }
        self.more(self.collected.unlisted.total)?;
        for (folder, reason) in self.collected.without_digests.entries.iter().take(SHOWN) {
            let folder = escape(folder);
            writeln!(
                self.out,
                "\n  logs-without-digests  `{folder}`\n      log files of the period, but no \
                 digest of any trail covers that account and region"
            )?;
            if *reason == UnlistedReason::TrailWithoutValidation {
                writeln!(self.out, "      a trail whose log file validation is off delivers here")?;
            }
        }
        self.more(self.collected.without_digests.total)?;
        for (chain, at) in self.collected.not_joined.entries.iter().take(SHOWN) {
            writeln!(
                self.out,
                "\n  not-joined  {}\n      {at}\n      {NOT_JOINED}",
                self.names.name(chain)
            )?;
        }
        self.more(self.collected.not_joined.total)
    }

    fn more(&mut self, total: u64) -> io::Result<()> {
        let shown = u64::try_from(SHOWN).unwrap_or(u64::MAX);
        if total > shown {
            writeln!(self.out, "\n  … and {} more; `--format jsonl` has them all", total - shown)?;
        }
        Ok(())
    }

    fn foot(&mut self, summary: &RunSummary) -> io::Result<()> {
        for not_made in &self.collected.not_performed {
            let (check, why) = (not_made.check.code(), words::not_made(not_made));
            writeln!(self.out, "\nNot checked: {check} ({why})")?;
        }
        for (chain, error) in &self.collected.delivery_errors {
            let chain = self.names.name(chain);
            writeln!(self.out, "\n{chain}: CloudTrail cannot deliver: {}", escape(error))?;
        }
        for trail in self.collected.left_out.iter().take(SHOWN) {
            writeln!(
                self.out,
                "\nNot in scope: trail `{}`, which also delivers here",
                escape(trail)
            )?;
        }
        if self.collected.left_out.len() > SHOWN {
            let more = self.collected.left_out.len() - SHOWN;
            writeln!(self.out, "\n… and {more} more trails that are not in scope")?;
        }
        if self.collected.copies.total > 0 {
            let copies = counted(self.collected.copies.total, "object");
            writeln!(
                self.out,
                "\n{copies} with the content of log files that digests name under other keys \
                 (`copy-of`)."
            )?;
        }
        if !summary.set_aside.is_empty() {
            let objects = counted(summary.set_aside.values().sum(), "object");
            let why: Vec<String> =
                summary.set_aside.iter().map(|(why, n)| format!("{n} {}", why.code())).collect();
            let why = why.join(", ");
            writeln!(self.out, "\nIgnored {objects} that no reader takes for data: {why}.")?;
        }
        if self.collected.start.as_ref().is_some_and(|start| start.end_was_future) {
            writeln!(
                self.out,
                "\nThe period was cut off at the current time: its end is in the future."
            )?;
        }
        if summary.passed_over > 0 {
            let keys = counted(summary.passed_over, "key");
            writeln!(self.out, "\nSkipped {keys} in digest folders: not the key of a digest.")?;
        }
        for (bucket, copies) in &self.collected.copied {
            let digests = counted(copies.count, "digest");
            writeln!(
                self.out,
                "\nFound copies of {digests} delivered to another place in `s3://{}`: they prove \
                 nothing about this location (digest-copied).",
                escape(bucket)
            )?;
        }
        let next = next_steps(&self.collected, summary);
        if !next.is_empty() {
            writeln!(self.out, "\nWhat to do next:")?;
            for step in next {
                writeln!(self.out, "  - {step}")?;
            }
        }
        Ok(())
    }
}

fn has_exceptions(chain: &ChainSummary) -> bool {
    let (all, verified) = verified(&chain.segments);
    all != verified
        || chain.counts.findings() + chain.counts.unverified() > 0
        || chain.presence != Presence::Present
}

impl<W: Write + Send> RunReporter for Text<W> {
    fn event(&mut self, event: &RunEvent) -> io::Result<()> {
        self.collected.take(event);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let Some(summary) = self.collected.summary.clone() else {
            return self.out.flush();
        };
        self.names = self.collected.names();
        self.head(&summary)?;
        self.chains()?;
        self.findings()?;
        self.not_proven()?;
        self.foot(&summary)?;
        self.out.flush()
    }
}
