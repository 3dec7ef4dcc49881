//! The chains of a run as the page shows them: a table, and a section for each chain that needs
//! one.
use super::calendar::{Month, months, months_in};
use super::shown::Shown;
use crate::report::ends::Ends;
use crate::report::names::ChainNames;
use crate::report::text_lines::{bytes, counted, hours, per_cent, tally, verified};
use crate::report::words::{PENDING, uncovered};
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::record::{ChainSummary, Presence};

/// Chains up to which every chain has a row and a section. With more of them, verified chains are
/// left out: an auditor reads a page of twelve chains chain by chain, and one of thousands by
/// exception.
const FEW: usize = 12;
/// Maximum number of sections. With calendars and segments, one takes 2 to 6 kB.
const SECTIONS: usize = 400;
/// Maximum number of months drawn in total: 400 chains of a quarter, or one chain of a century. A
/// month takes about 1.2 kB.
const MONTHS_DRAWN: usize = 1_200;
/// Maximum number of stretches listed in total. One takes about 150 bytes.
const STRETCHES: usize = 8_000;
/// Maximum number of stretches listed for one chain.
const STRETCHES_OF_ONE: usize = 200;
/// Maximum number of rows in the table of chains. One takes about 300 bytes.
const ROWS: usize = 2_000;

/// The result of a chain, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// Verified for the whole period, except for pending time.
    Verified,
    /// Ended before the period.
    Ended,
    /// Something is not proven.
    NotProven,
    /// Something is contradicted.
    Contradicted,
}

impl Standing {
    pub(super) fn of(chain: &ChainSummary, ends: &Ends) -> Self {
        let (all, verified) = verified(&chain.segments);
        if chain.counts.findings() > 0
            || chain.segments.iter().any(|segment| segment.coverage == Coverage::Contradicted)
        {
            Self::Contradicted
        } else if chain.counts.unverified() > 0 || all > verified || ends.is_doubted(&chain.chain) {
            Self::NotProven
        } else if matches!(chain.presence, Presence::Ended { .. }) {
            Self::Ended
        } else {
            Self::Verified
        }
    }

    /// Returns whether an auditor must look at the chain.
    pub(super) fn is_exception(self) -> bool {
        matches!(self, Self::NotProven | Self::Contradicted)
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Ended => "ended before the period",
            Self::NotProven => "not proven",
            Self::Contradicted => "contradicted",
        }
    }

    /// Returns the class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Verified => "ok",
            Self::Ended => "none",
            Self::NotProven => "open",
            Self::Contradicted => "bad",
        }
    }
}

/// A chain as a row of the table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: Shown,
    pub(super) standing: Standing,
    /// Number of its section, if it has one.
    pub(super) section: Option<usize>,
    pub(super) verified: String,
    pub(super) hours: String,
    pub(super) digests: String,
    pub(super) logs: String,
    pub(super) bytes: String,
    pub(super) findings: u64,
}

/// A stretch of a chain's period.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub(super) from: Shown,
    pub(super) to: Shown,
    pub(super) length: String,
    pub(super) code: &'static str,
    pub(super) meaning: String,
}

/// A chain with its own section.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) number: usize,
    pub(super) name: Shown,
    pub(super) origin: Shown,
    pub(super) standing: Standing,
    pub(super) sentence: String,
    pub(super) months: Vec<Month>,
    /// Whether the calendar was left out because [`MONTHS_DRAWN`] was reached.
    pub(super) not_drawn: bool,
    pub(super) stretches: Vec<Stretch>,
    pub(super) stretches_left_out: u64,
}

/// All chains, as the page shows them.
#[derive(Clone, Debug, Default)]
pub(super) struct Chains {
    pub(super) rows: Vec<Row>,
    /// Chains without exceptions that the table leaves out.
    pub(super) clean_left_out: u64,
    /// Chains with exceptions that the table leaves out.
    pub(super) rows_left_out: u64,
    pub(super) sections: Vec<Section>,
    /// Chains with exceptions that have no section.
    pub(super) sections_left_out: u64,
    /// Number of each chain's section, in the order of the run.
    pub(super) numbers: Vec<Option<usize>>,
}

impl Chains {
    pub(super) fn of(chains: &[ChainSummary], ends: &Ends) -> Self {
        let few = chains.len() <= FEW;
        let names = ChainNames::of(chains.iter().map(|chain| &chain.chain));
        let mut made = Self::default();
        let mut budget = PageBudget { months: MONTHS_DRAWN, stretches: STRETCHES };
        for (at, chain) in chains.iter().enumerate() {
            let standing = Standing::of(chain, ends);
            let name = || Shown::of(names.name(&chain.chain));
            let wanted = standing.is_exception() || (few && standing != Standing::Ended);
            let number = (wanted && made.sections.len() < SECTIONS).then_some(at + 1);
            made.numbers.push(number);
            match number {
                Some(number) => made.sections.push(section(
                    (number, name()),
                    chain,
                    (standing, ends),
                    &mut budget,
                )),
                None if wanted => made.sections_left_out += 1,
                None => {}
            }
            if !few && !standing.is_exception() {
                made.clean_left_out += 1;
            } else if made.rows.len() < ROWS {
                made.rows.push(row(name(), chain, standing, number));
            } else {
                made.rows_left_out += 1;
            }
        }
        made
    }
}

/// What remains of the limits on months and stretches.
struct PageBudget {
    months: usize,
    stretches: usize,
}

impl PageBudget {
    fn take_months(&mut self, months: usize) -> bool {
        let taken = self.months.checked_sub(months);
        self.months = taken.unwrap_or(self.months);
        taken.is_some()
    }
}

fn row(name: Shown, chain: &ChainSummary, standing: Standing, section: Option<usize>) -> Row {
    let (all, part) = verified(&chain.segments);
    let mut digests = chain.counts.digests;
    digests.add(&chain.counts.backfill);
    Row {
        name,
        standing,
        section,
        verified: per_cent(part, all),
        hours: format!("{} of {}", hours(part), hours(all)),
        digests: tally(&digests),
        logs: tally(&chain.counts.logs),
        bytes: bytes(chain.counts.stored_bytes),
        findings: chain.counts.findings(),
    }
}

fn section(
    (number, name): (usize, Shown),
    chain: &ChainSummary,
    (standing, ends): (Standing, &Ends),
    budget: &mut PageBudget,
) -> Section {
    let id = &chain.chain;
    let organization =
        id.organization.as_ref().map(|organization| format!(", organization {organization}"));
    let origin =
        format!("Trail {} of {}{}", id.trail, id.home_region, organization.unwrap_or_default());
    let drawn = budget.take_months(months_in(&chain.segments));
    let wanted = chain.segments.len().min(STRETCHES_OF_ONE).min(budget.stretches);
    budget.stretches -= wanted;
    let left_out = chain.segments.len() - wanted;
    Section {
        number,
        name,
        origin: Shown::of(origin),
        standing,
        sentence: sentence(chain, ends),
        months: if drawn { months(&chain.segments) } else { Vec::new() },
        not_drawn: !drawn,
        stretches: chain.segments.iter().take(wanted).map(stretch).collect(),
        stretches_left_out: u64::try_from(left_out).unwrap_or(u64::MAX),
    }
}

fn stretch(segment: &Segment) -> Stretch {
    Stretch {
        from: Shown::of(segment.from),
        to: Shown::of(segment.to),
        length: length(segment.seconds()),
        code: segment.coverage.code(),
        meaning: match segment.coverage {
            Coverage::Verified => "proven digests and all of their log files".to_owned(),
            Coverage::Contradicted => "the evidence contradicts a digest or log file".to_owned(),
            Coverage::Unverified => "a digest or log file could not be checked".to_owned(),
            Coverage::Pending => PENDING.to_owned(),
            Coverage::Uncovered(why) => uncovered(why).to_owned(),
        },
    }
}

/// Returns a length of time to the second: `71 h 55 min 49 s`.
pub(super) fn length(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let parts = [(hours, "h"), (minutes, "min"), (seconds, "s")];
    let said: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if said.is_empty() { "0 s".to_owned() } else { said.join(" ") }
}

fn sentence(chain: &ChainSummary, ends: &Ends) -> String {
    let (all, part) = verified(&chain.segments);
    let mut digests = chain.counts.digests;
    digests.add(&chain.counts.backfill);
    let presence = match chain.presence {
        Presence::Present => String::new(),
        Presence::Absent { last: None } => {
            " It has no digest in the period and none before it.".to_owned()
        }
        Presence::Absent { last: Some(last) } => {
            format!(" It has no digest in the period; its last one ends at {last}.")
        }
        Presence::Ended { .. } => format!(" It {}.", ends.words(&chain.chain)),
    };
    format!(
        "{} of the period is verified ({} of {}). {} of {} and {} of {} are valid; {}.{presence}",
        per_cent(part, all),
        length(part),
        length(all),
        digests.valid,
        counted(digests.total(), "digest"),
        chain.counts.logs.valid,
        counted(chain.counts.logs.total(), "log file"),
        counted(chain.counts.findings(), "finding"),
    )
}
