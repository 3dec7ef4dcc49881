//! The findings, grouped by code: a count and the first examples of each group, the rest folded.
use super::links::{ChainRef, FIRST, Mark, Numbers};
use super::shown::Shown;
use crate::report::collect::{Collected, LocatedFinding};
use crate::report::names::ChainNames;
use crate::report::numbers::counted;
use crate::report::words;
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::codes::finding::{Finding, Outcome};
use trailproof_core::record::{RunEvent, SeamJudged};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::DigestKey;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// Maximum number of findings shown of one group; the rest is counted. One takes about 600 bytes.
const SHOWN_OF_A_GROUP: usize = 300;

/// How many findings of each code a run has. The reports keep only the first findings; these counts
/// include all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct FindingCounts(BTreeMap<u8, (&'static str, u64)>);

impl FindingCounts {
    /// Counts the finding of an event.
    pub(super) fn take(&mut self, event: &RunEvent) {
        let finding = match event {
            RunEvent::DigestJudged(judged) => invalid(&judged.outcome),
            RunEvent::LogJudged(judged) => invalid(&judged.outcome),
            RunEvent::SeamJudged(SeamJudged { finding, .. })
            | RunEvent::TrailStatus { finding, .. } => finding.as_ref(),
            _ => None,
        };
        if let Some(finding) = finding {
            self.0.entry(rank(finding)).or_insert((finding.code(), 0)).1 += 1;
        }
    }

    /// Returns a clause for each code, worst first: `1 digest is missing`.
    pub(super) fn clauses(&self) -> Vec<String> {
        self.0.values().map(|(code, number)| clause(code, *number)).collect()
    }
}

fn invalid<P>(outcome: &Outcome<P>) -> Option<&Finding> {
    match outcome {
        Outcome::Invalid(finding) => Some(finding),
        Outcome::Valid(_) | Outcome::Unverified(_) => None,
    }
}

/// Returns the position of a finding's group on the page: what is gone or changed comes first.
fn rank(finding: &Finding) -> u8 {
    match finding {
        Finding::DigestMissing => 0,
        Finding::DigestDeliveredThenGone { .. } => 1,
        Finding::LogMissing => 2,
        Finding::LogHashMismatch { .. } => 3,
        Finding::DigestSignatureInvalid(_) => 4,
        Finding::DigestKeyUnknown { .. } => 5,
        Finding::DigestLinkMismatch { .. } => 6,
        Finding::LogTrailingData { .. } => 7,
        Finding::LogMalformed(_) => 8,
        Finding::DigestMalformed(_) => 9,
        Finding::DigestOutOfOrder { .. } => 10,
        Finding::DigestMoved { .. } => 11,
    }
}

fn clause(code: &str, number: u64) -> String {
    let (noun, one, many) = match code {
        "digest-missing" => ("digest", "is missing", "are missing"),
        "digest-delivered-then-gone" => {
            ("chain", "lost its newest digest", "lost their newest digests")
        }
        "log-missing" => ("log file", "is missing", "are missing"),
        "log-hash-mismatch" => ("log file", "was changed", "were changed"),
        "digest-signature-invalid" => {
            ("digest", "has an invalid signature", "have invalid signatures")
        }
        "digest-key-unknown" => {
            ("digest", "is signed by an unknown key", "are signed by unknown keys")
        }
        "digest-link-mismatch" => {
            ("digest", "is not the one that was delivered", "are not those that were delivered")
        }
        "log-trailing-data" => ("log file", "has data appended", "have data appended"),
        "log-malformed" => ("log file", "is malformed", "are malformed"),
        "digest-malformed" => ("digest", "is malformed", "are malformed"),
        "digest-out-of-order" => ("digest", "is out of order", "are out of order"),
        "digest-moved" => ("digest", "was moved", "were moved"),
        other => return format!("{} {other}", counted(number, "finding")),
    };
    let verb = if number == 1 { one } else { many };
    format!("{} {verb}", counted(number, noun))
}

/// All findings with one code.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) code: &'static str,
    pub(super) means: &'static str,
    pub(super) total: u64,
    /// Number of chains among the findings that are kept.
    pub(super) chains: u64,
    /// What was expected and found, if it is the same in the whole group.
    pub(super) same: Option<(Shown, Shown)>,
    pub(super) first: Vec<View>,
    pub(super) folded: Vec<View>,
}

impl Group {
    pub(super) fn left_out(&self) -> u64 {
        let shown = u64::try_from(self.first.len() + self.folded.len()).unwrap_or(u64::MAX);
        self.total.saturating_sub(shown)
    }
}

/// One finding.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// Number on the page.
    pub(super) number: usize,
    pub(super) chain: ChainRef,
    /// The object; `None` for a finding about a chain as a whole.
    pub(super) at: Option<Shown>,
    /// What was expected and found, unless the group shows it.
    pub(super) expected_and_found: Option<(Shown, Shown)>,
    pub(super) lifecycle: bool,
    /// Whether a calendar of the page marks it.
    pub(super) marked: bool,
    /// Number of the entry of the time that its absence leaves without digests.
    pub(super) gap: Option<usize>,
}

/// The findings of a run, as the page shows them.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    pub(super) total: u64,
    pub(super) groups: Vec<Group>,
    pub(super) by_chain: BTreeMap<ChainId, Vec<Mark>>,
}

impl Findings {
    pub(super) fn of(
        run: &Collected,
        counts: &FindingCounts,
        numbers: &Numbers,
        names: &ChainNames,
    ) -> Self {
        let mut made = Self { total: run.findings.total, ..Self::default() };
        let mut groups: BTreeMap<u8, Vec<&LocatedFinding>> = BTreeMap::new();
        for told in &run.findings.entries {
            groups.entry(rank(&told.finding)).or_default().push(told);
        }
        let mut number = 0;
        for (rank, findings) in groups {
            let Some(one) = findings.first().map(|told| &told.finding) else { continue };
            let both = words::expected_and_found(one);
            let same = findings.iter().all(|told| words::expected_and_found(&told.finding) == both);
            let chains: BTreeSet<&ChainId> = findings.iter().map(|told| &told.chain).collect();
            let kept = u64::try_from(findings.len()).unwrap_or(u64::MAX);
            let mut views = Vec::new();
            for told in findings.iter().take(SHOWN_OF_A_GROUP) {
                number += 1;
                let mark = Mark { number, code: told.finding.code(), time: time(&told.at) };
                made.by_chain.entry(told.chain.clone()).or_default().push(mark);
                views.push(view(told, number, same, ChainRef::of(&told.chain, numbers, names)));
            }
            let folded = views.split_off(views.len().min(FIRST));
            made.groups.push(Group {
                code: one.code(),
                means: words::finding_means(one),
                total: counts.0.get(&rank).map_or(kept, |(_, total)| *total),
                chains: u64::try_from(chains.len()).unwrap_or(u64::MAX),
                same: same.then(|| (Shown::of(both.0), Shown::of(both.1))),
                first: views,
                folded,
            });
        }
        made
    }

    /// Links the findings to their marks and to the time that they leave without digests.
    pub(super) fn link(&mut self, marked: &BTreeSet<usize>, gaps: &BTreeMap<usize, usize>) {
        for group in &mut self.groups {
            for view in group.first.iter_mut().chain(&mut group.folded) {
                view.marked = marked.contains(&view.number);
                view.gap = gaps.get(&view.number).copied();
            }
        }
    }
}

fn view(told: &LocatedFinding, number: usize, same: bool, chain: ChainRef) -> View {
    let (expected, found) = words::expected_and_found(&told.finding);
    View {
        number,
        chain,
        at: (!told.at.bucket.is_empty()).then(|| Shown::of(&told.at)),
        expected_and_found: (!same).then(|| (Shown::of(expected), Shown::of(found))),
        lifecycle: told.lifecycle,
        marked: false,
        gap: None,
    }
}

/// Returns a time in the interval of the digest that the key is, or that names the log file.
fn time(at: &ObjectLocation) -> Option<Timestamp> {
    if let Some(digest) = DigestKey::parse(&at.key) {
        return Some(digest.end.plus(-1));
    }
    let name = at.key.rsplit('/').next()?;
    let minute = name.split('_').find(|part| part.len() == 14 && part.ends_with('Z'))?;
    Timestamp::parse_key(&format!("{}00Z", minute.get(..13)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_object_is_in_its_key() {
        let name = "111122223333_CloudTrail_eu-west-1_20260303T1240Z_AbC.json.gz";
        let at = ObjectLocation::new("b", format!("AWSLogs/x/2026/03/03/{name}"));
        assert_eq!(time(&at).unwrap().to_string(), "2026-03-03T12:40:00Z");
        assert_eq!(time(&ObjectLocation::new("b", "é_1234567890123Z_ééééééé")), None);
    }
}
