//! The chains of a run as the page shows them: a table, and a section for each chain that needs
//! one.
use super::calendar::{Month, months, months_in, strip};
use super::findings::Findings;
use super::gaps::Gaps;
use super::links::{ChainRef, Mark, Numbers, Standing};
use super::shown::Shown;
use crate::report::collect::Collected;
use crate::report::ends::Ends;
use crate::report::names::ChainNames;
use crate::report::numbers::{bytes, counted, grouped, length, per_cent, unbroken_hours, verified};
use crate::report::words::coverage_means;
use std::collections::BTreeSet;
use trailproof_core::compat::event::Tally;
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::record::{ChainSummary, Presence};
use trailproof_core::vocab::time::Timestamp;

/// Chains up to which every chain has a row. With more of them, chains without exceptions are left
/// out: an auditor reads a table of some chains line by line, and one of thousands by exception.
const FEW: usize = 40;
/// Maximum number of months drawn in total. A month takes about 1.2 kB.
const MONTHS_DRAWN: usize = 900;
/// Maximum number of months of a chain that is drawn at all.
const MONTHS_OF_ONE: usize = 1_200;
/// Maximum number of stretches listed in total. One takes about 200 bytes.
const STRETCHES: usize = 4_000;
/// Maximum number of stretches listed for one chain.
const STRETCHES_OF_ONE: usize = 200;
/// Maximum number of findings to which a chain's section links.
const FINDINGS_OF_ONE: usize = 20;
/// Maximum number of rows in the table of chains. One takes about 400 bytes.
const ROWS: usize = 1_000;

/// A chain as a row of the table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) chain: ChainRef,
    pub(super) standing: Standing,
    /// Its period as one strip: code of each coverage, with the SVG path of its rectangles.
    pub(super) strip: Vec<(&'static str, String)>,
    pub(super) verified: String,
    pub(super) hours: String,
    pub(super) digests: String,
    pub(super) logs: String,
    pub(super) bytes: String,
    pub(super) findings: String,
}

/// A stretch of a chain's period.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub(super) from: Shown,
    pub(super) to: Shown,
    pub(super) length: String,
    pub(super) code: &'static str,
    pub(super) meaning: &'static str,
    /// Number of its entry under the time that no digest covers.
    pub(super) gap: Option<usize>,
}

/// A chain with its own section.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) number: usize,
    pub(super) name: Shown,
    pub(super) origin: Shown,
    pub(super) standing: Standing,
    pub(super) sentence: String,
    /// Months with exceptions.
    pub(super) months: Vec<Month>,
    /// Number of months without exceptions, which are not drawn.
    pub(super) months_clean: usize,
    /// Whether the calendar was left out because [`MONTHS_DRAWN`] was reached.
    pub(super) not_drawn: bool,
    /// Stretches that are not verified.
    pub(super) stretches: Vec<Stretch>,
    pub(super) stretches_left_out: usize,
    /// Numbers and codes of its findings that the page shows.
    pub(super) findings: Vec<(usize, &'static str)>,
    pub(super) findings_left_out: u64,
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
    /// Numbers of the findings that a calendar marks.
    pub(super) marked: BTreeSet<usize>,
    /// Number of chains that are verified for the whole period.
    pub(super) verified: u64,
}

impl Chains {
    pub(super) fn of(
        run: &Collected,
        numbers: &Numbers,
        findings: &Findings,
        gaps: &Gaps,
        names: &ChainNames,
    ) -> Self {
        let few = run.chains.len() <= FEW;
        let mut made = Self { sections_left_out: numbers.left_out(), ..Self::default() };
        let mut budget = PageBudget { months: MONTHS_DRAWN, stretches: STRETCHES };
        for chain in &run.chains {
            let standing = Standing::of(chain, &run.ends);
            made.verified += u64::from(standing == Standing::Verified);
            let here = ChainRef::of(&chain.chain, numbers, names);
            if here.section.is_some() {
                let marks = findings.by_chain.get(&chain.chain).map_or(&[][..], Vec::as_slice);
                let gaps = gaps.by_chain.get(&chain.chain).map_or(&[][..], Vec::as_slice);
                let section = section(&here, chain, standing, &run.ends, marks, gaps, &mut budget);
                let drawn = section.months.iter().flat_map(|month| &month.marks);
                made.marked.extend(drawn.map(|(number, _, _)| *number));
                made.sections.push(section);
            }
            if !few && !standing.is_exception() {
                made.clean_left_out += 1;
            } else if made.rows.len() < ROWS {
                made.rows.push(row(here, chain, standing, few));
            } else {
                made.rows_left_out += 1;
            }
        }
        made
    }
}

impl Chains {
    /// Returns the codes of the coverage that calendars and strips show, in no particular order.
    pub(super) fn drawn(&self) -> Vec<&'static str> {
        let months = self.sections.iter().flat_map(|section| &section.months);
        let months = months.flat_map(|month| &month.paths);
        let strips = self.rows.iter().flat_map(|row| &row.strip);
        let codes: BTreeSet<&str> = months.chain(strips).map(|(code, _)| *code).collect();
        codes.into_iter().collect()
    }
}

/// What remains of the limits on months and stretches.
struct PageBudget {
    months: usize,
    stretches: usize,
}

fn row(chain_ref: ChainRef, chain: &ChainSummary, standing: Standing, few: bool) -> Row {
    let (all, part) = verified(&chain.segments);
    let mut digests = chain.counts.digests;
    digests.add(&chain.counts.backfill);
    Row {
        chain: chain_ref,
        standing,
        strip: if few { strip(&chain.segments) } else { Vec::new() },
        verified: per_cent(part, all),
        hours: format!("{} of {}", unbroken_hours(part), unbroken_hours(all)),
        digests: tally(&digests),
        logs: tally(&chain.counts.logs),
        bytes: bytes(chain.counts.stored_bytes),
        findings: grouped(chain.counts.findings()),
    }
}

/// Returns a tally in a few characters: `2,208`, or `2,198 of 2,201` if not all are valid.
fn tally(tally: &Tally) -> String {
    match tally.valid == tally.total() {
        true => grouped(tally.valid),
        false => format!("{} of {}", grouped(tally.valid), grouped(tally.total())),
    }
}

fn section(
    here: &ChainRef,
    chain: &ChainSummary,
    standing: Standing,
    ends: &Ends,
    marks: &[Mark],
    gaps: &[(Timestamp, usize)],
    budget: &mut PageBudget,
) -> Section {
    let id = &chain.chain;
    let organization =
        id.organization.as_ref().map(|organization| format!(", organization {organization}"));
    let origin =
        format!("Trail {} of {}{}", id.trail, id.home_region, organization.unwrap_or_default());
    let all_months = months_in(&chain.segments);
    let fits = all_months <= MONTHS_OF_ONE;
    let drawn = if fits { months(&chain.segments, marks) } else { Vec::new() };
    let months: Vec<Month> = drawn.into_iter().filter(Month::is_exception).collect();
    let fits = fits && budget.months >= months.len();
    budget.months -= if fits { months.len() } else { 0 };
    let open = chain
        .segments
        .iter()
        .filter(|segment| !matches!(segment.coverage, Coverage::Verified | Coverage::Pending));
    let all_open = open.clone().count();
    let shown = all_open.min(STRETCHES_OF_ONE).min(budget.stretches);
    budget.stretches -= shown;
    Section {
        number: here.section.unwrap_or_default(),
        name: here.name.clone(),
        origin: Shown::of(origin),
        standing,
        sentence: sentence(chain, ends),
        months_clean: if fits { all_months - months.len() } else { 0 },
        months: if fits { months } else { Vec::new() },
        not_drawn: !fits,
        stretches: open.take(shown).map(|segment| stretch(segment, gaps)).collect(),
        stretches_left_out: all_open - shown,
        findings: marks.iter().take(FINDINGS_OF_ONE).map(|mark| (mark.number, mark.code)).collect(),
        findings_left_out: chain
            .counts
            .findings()
            .saturating_sub(u64::try_from(marks.len().min(FINDINGS_OF_ONE)).unwrap_or(u64::MAX)),
    }
}

fn stretch(segment: &Segment, gaps: &[(Timestamp, usize)]) -> Stretch {
    let is_gap = matches!(segment.coverage, Coverage::Uncovered(_));
    let gap = gaps.iter().find(|(from, _)| is_gap && *from == segment.from);
    Stretch {
        from: Shown::of(segment.from),
        to: Shown::of(segment.to),
        length: length(segment.seconds()),
        code: segment.coverage.code(),
        meaning: coverage_means(segment.coverage),
        gap: gap.map(|(_, number)| *number),
    }
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
        grouped(digests.valid),
        counted(digests.total(), "digest"),
        grouped(chain.counts.logs.valid),
        counted(chain.counts.logs.total(), "log file"),
        counted(chain.counts.findings(), "finding"),
    )
}
