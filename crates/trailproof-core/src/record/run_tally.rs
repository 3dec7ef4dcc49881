//! The tally of a whole run, and the only code that derives a verdict from it.
use super::place_doubt::PlaceDoubt;
use super::summary::{ChainSummary, Counts, CoverageTotals, Presence, RunSummary};
use crate::codes::unlisted::SetAside;
use crate::coverage::{Coverage, Segment, Uncovered};
use crate::verdict::Verdict;
use crate::vocab::time::Period;
use std::collections::BTreeMap;

/// The counts of a whole run, updated as its chains and its other events pass.
#[derive(Clone, Debug, Default)]
pub struct RunTally {
    counts: Counts,
    chains: u64,
    ended: u64,
    coverage: CoverageTotals,
    /// Log files that no verified digest names.
    pub unlisted: u64,
    /// Folders with log files of the period and no digest at all.
    pub without_digests: u64,
    /// Listings that could not be read.
    pub listings_unread: u64,
    /// Chains that do not continue those of the preceding record.
    pub not_joined: u64,
    /// Places in doubt, except those that are absent.
    doubted: u64,
    /// Places that were named or expected and are absent.
    absent: u64,
    /// Keys in folders of digests that are not a digest's key.
    pub passed_over: u64,
    /// Objects in folders of log files that no reader treats as data, by reason.
    pub set_aside: BTreeMap<SetAside, u64>,
}

impl RunTally {
    /// Takes a chain at its end.
    pub fn chain(&mut self, summary: &ChainSummary) {
        self.counts.add(&summary.counts);
        match summary.presence {
            Presence::Ended { .. } => self.ended += 1,
            Presence::Present | Presence::Absent { .. } => self.chains += 1,
        }
        summary.segments.iter().for_each(|segment| self.segment(segment));
    }

    /// Takes a place in doubt. If the place is absent, its whole period is uncovered.
    pub fn place_in_doubt(&mut self, why: PlaceDoubt, period: Period) {
        if why.is_absence() {
            self.absent += 1;
            let seconds = period.end.unix() - period.start.unix();
            *self.coverage.uncovered.entry(Uncovered::Absent).or_default() += seconds;
        } else {
            self.doubted += 1;
        }
    }

    /// Adds what a different part of the run counted.
    pub fn join(&mut self, other: Self) {
        self.counts.add(&other.counts);
        self.chains += other.chains;
        self.ended += other.ended;
        self.coverage.add(&other.coverage);
        self.unlisted += other.unlisted;
        self.without_digests += other.without_digests;
        self.listings_unread += other.listings_unread;
        self.not_joined += other.not_joined;
        self.doubted += other.doubted;
        self.absent += other.absent;
        self.passed_over += other.passed_over;
        for (why, count) in other.set_aside {
            *self.set_aside.entry(why).or_default() += count;
        }
    }

    fn segment(&mut self, segment: &Segment) {
        let seconds = segment.seconds();
        match segment.coverage {
            Coverage::Verified => self.coverage.verified += seconds,
            Coverage::Contradicted => self.coverage.contradicted += seconds,
            Coverage::Unverified => self.coverage.unverified += seconds,
            Coverage::Pending => self.coverage.pending += seconds,
            Coverage::Uncovered(why) => *self.coverage.uncovered.entry(why).or_default() += seconds,
        }
    }

    /// Returns the summary, with the verdict.
    pub fn finish(self) -> RunSummary {
        RunSummary {
            verdict: self.verdict(),
            counts: self.counts,
            chains: self.chains,
            ended: self.ended,
            coverage: self.coverage,
            unlisted: self.unlisted,
            listings_unread: self.listings_unread,
            not_joined: self.not_joined,
            places_in_doubt: self.doubted + self.absent,
            passed_over: self.passed_over,
            set_aside: self.set_aside,
        }
    }

    fn verdict(&self) -> Verdict {
        if self.counts.findings() > 0 || self.coverage.contradicted > 0 {
            return Verdict::Contradicted;
        }
        let nothing = self.counts.digests.total() + self.counts.backfill.total() == 0;
        let doubts = self.listings_unread
            + self.unlisted
            + self.without_digests
            + self.not_joined
            + self.doubted;
        // A chain that is known from before the period counts as something found, and so does a
        // place where a trail should have continued. A place that was only named does not.
        if nothing && doubts == 0 && self.coverage.pending == 0 && self.chains == 0 {
            return Verdict::NothingFound;
        }
        let open = self.coverage.total() - self.coverage.verified - self.coverage.pending;
        let doubts = self.counts.unverified() + doubts;
        // A period with no verified second is not verified.
        if doubts > 0 || open > 0 || self.coverage.verified == 0 {
            return Verdict::NotProven;
        }
        Verdict::Proven
    }
}
