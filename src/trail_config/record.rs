//! What a run record shows about the accounts of an organization and the files of a bucket. Each fact is
//! held to the trail that is checked: a bucket holds the files of several.
use super::assess::Read;
use crate::files::record_file::open_record;
use crate::report::trail_config::result::RecordUsed;
use std::collections::BTreeMap;
use std::path::Path;
use trailproof_core::control::fact::{Fact, Unread, UnreadWhy};
use trailproof_core::control::facts::{ChainPresence, Facts, FilesFacts, RecordedChains};
use trailproof_core::control::operation::Operation;
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::record::document::{BadRecord, RecordLine, check_record};
use trailproof_core::record::{ChainSummary, PlaceDoubt, ReadKind, RunEvent, RunStart};
use trailproof_core::vocab::chain_id::{ChainId, TrailFilter};
use trailproof_core::vocab::ids::{OrganizationId, Region, TrailArn, TrailName};
use trailproof_core::vocab::time::{Period, Timestamp};

/// Reads a record and gives each trail the facts that are about it. Returns what the record is of.
///
/// # Errors
///
/// The record cannot be read, or is incomplete.
pub(crate) fn take(path: &Path, trails: &mut [Read]) -> Result<RecordUsed, BadRecord> {
    let mut scope = None;
    let mut checked = open_record(path)?;
    check_record(&mut checked, |line, _| {
        if let RecordLine::Event(RunEvent::RunStarted(start)) = line {
            scope = Some(Scope::of(start));
        }
    })?;
    let sha256 = checked.sha256().unwrap_or_default().to_owned();
    let Some(scope) = scope else { return Err(BadRecord::Cut { lines: 0 }) };
    let held = trails.iter().map(|read| Held::to(&read.facts, &scope)).collect();
    let mut found = Found::new(held, scope.start.period);
    let mut record = open_record(path)?;
    while let Some(line) = record.next_line()? {
        if let RecordLine::Event(event) = &line {
            found.take(event);
        }
    }
    let unlisted = found.unlisted;
    for (read, held) in trails.iter_mut().zip(found.held) {
        held.give(&mut read.facts, &scope, unlisted);
    }
    let name = path.file_name().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
    let RunStart { place, period, .. } = scope.start;
    Ok(RecordUsed { name, sha256, bucket: place.delivered_to.bucket, period })
}

/// What a run looked at.
struct Scope {
    start: RunStart,
    trails: Vec<TrailFilter>,
    /// Whether a trail was named in a way that this version does not read.
    other_trails: bool,
}

impl Scope {
    fn of(start: &RunStart) -> Self {
        let trails: Vec<TrailFilter> =
            start.trails.iter().filter_map(|it| it.parse().ok()).collect();
        let other_trails = trails.len() < start.trails.len();
        Self { start: start.clone(), trails, other_trails }
    }

    /// Returns whether the run looked at everything that a trail delivers: `None` if it looked at nothing
    /// of it.
    fn covers(&self, arn: &TrailArn, facts: &Facts) -> Option<bool> {
        let start = &self.start;
        let names = |it: &TrailFilter| match it {
            TrailFilter::Name(name) => *name == arn.name,
            TrailFilter::Arn(other) => {
                other.name == arn.name
                    && other.home_region == arn.home_region
                    && other.account == arn.account
            }
        };
        if !start.trails.is_empty() && !self.other_trails && !self.trails.iter().any(names) {
            return None;
        }
        let below = &start.place.delivered_to.prefix;
        let all_keys = match &facts.trail.prefix {
            _ if below.is_empty() => true,
            Fact::Unread(_) => false,
            _ => {
                let prefix = facts.trail.key_prefix();
                let whole = format!("{below}/");
                match (prefix.starts_with(&whole), whole.starts_with(&prefix)) {
                    (true, _) => true,
                    (false, true) => false,
                    (false, false) => return None,
                }
            }
        };
        let account = arn.account.to_string();
        let one_account = facts.trail.organization.value() == Some(&false);
        let all_accounts =
            start.accounts.is_empty() || one_account && start.accounts.contains(&account);
        let home = arn.home_region.to_string();
        let one_region = facts.trail.multi_region.value() == Some(&false);
        let all_regions = start.regions.is_empty() || one_region && start.regions.contains(&home);
        let all_folders = match &start.organization {
            None => true,
            Some(id) if id.is_empty() => one_account,
            Some(id) => {
                let organization = facts.organization.organization.value();
                !one_account && organization.is_some_and(|it| it.id == *id)
            }
        };
        Some(all_keys && all_accounts && all_regions && all_folders)
    }

    /// Returns whether what the run did not find is absent from the bucket itself.
    fn asked_the_store(&self) -> bool {
        self.start.place.is_original() || self.start.complete_copy
    }

    /// Returns whether a replica was read, whose objects have their own encryption and locks.
    fn read_a_replica(&self) -> bool {
        self.start.place.read_from.iter().any(|at| at.kind == ReadKind::Replica)
    }
}

/// What a record shows about one trail.
enum Held {
    /// Nothing, for this reason.
    Not(UnreadWhy),
    /// What its chains show.
    Trail(Box<Chains>),
}

/// The chains of one trail, and their files.
struct Chains {
    arn: TrailArn,
    /// Its organization; `None` if its account is in none.
    organization: Result<Option<OrganizationId>, Unread>,
    /// Whether it records an organization, as far as it is known.
    may_be_of_organization: bool,
    /// Whether the run looked at all that it delivers.
    covered: bool,
    accounts: BTreeMap<String, ChainPresence>,
    files: FilesFacts,
    found: bool,
    /// Whether a chain is in the folder of an organization that may be the trail's.
    undecided: bool,
}

impl Held {
    /// Returns the trail that the record is to be held to.
    fn to(facts: &Facts, scope: &Scope) -> Self {
        let bucket = &scope.start.place.delivered_to.bucket;
        if facts.trail.bucket.value() != Some(bucket) {
            return Self::Not(UnreadWhy::RecordOfOtherBucket);
        }
        let Some(arn) = facts.trail.arn.as_deref().and_then(|arn| arn.parse::<TrailArn>().ok())
        else {
            return Self::Not(UnreadWhy::TrailNotIdentified);
        };
        let Some(covered) = scope.covers(&arn, facts) else {
            return Self::Not(UnreadWhy::RecordOfOtherTrail);
        };
        let organization = match &facts.organization.organization {
            Fact::Known(it) | Fact::ByReference(it) => Ok(it.id.parse().ok()),
            Fact::Absent => Ok(None),
            Fact::Unread(unread) => Err(unread.clone()),
        };
        Self::Trail(Box::new(Chains {
            arn,
            organization,
            may_be_of_organization: facts.trail.organization.value() != Some(&false),
            covered,
            accounts: BTreeMap::new(),
            files: FilesFacts::new(scope.start.period),
            found: false,
            undecided: false,
        }))
    }

    /// Gives the facts of a trail what the record shows.
    fn give(self, facts: &mut Facts, scope: &Scope, unlisted: bool) {
        let unread = |why| Unread::new(Operation::GetObject, why);
        let nothing = |facts: &mut Facts, unread: Unread| {
            facts.organization.chains = Fact::Unread(unread.clone());
            facts.bucket.files = Fact::Unread(unread);
        };
        let chains = match self {
            Self::Not(why) => return nothing(facts, unread(why)),
            Self::Trail(chains) => *chains,
        };
        if let (true, Err(unread)) = (chains.undecided, &chains.organization) {
            return nothing(facts, unread.clone());
        }
        let complete = chains.covered && !unlisted;
        let looked_everywhere = complete && scope.asked_the_store();
        if !chains.found {
            nothing(facts, unread(UnreadWhy::RecordOfOtherTrail));
        }
        if chains.found || looked_everywhere {
            facts.organization.chains = Fact::Known(RecordedChains {
                period: scope.start.period,
                accounts: chains.accounts,
                complete: looked_everywhere,
            });
        }
        if chains.found {
            facts.bucket.files = match scope.read_a_replica() {
                true => Fact::Unread(unread(UnreadWhy::RecordOfReplica)),
                false => Fact::Known(FilesFacts { complete, ..chains.files }),
            };
        }
    }
}

impl Chains {
    /// Returns whether a chain is the trail's. Only the folder of an organization tells the trail of one
    /// organization from that of another with its name and home region.
    fn owns(&mut self, chain: &ChainId) -> bool {
        let Some(of) = &chain.organization else { return chain.account == self.arn.account };
        match &self.organization {
            Ok(own) => own.as_ref() == Some(of),
            Err(_) => {
                self.undecided |= self.may_be_of_organization;
                false
            }
        }
    }
}

/// Collects what a record shows about each trail.
struct Found {
    held: Vec<Held>,
    /// Trails by name and home region.
    by_name: BTreeMap<(TrailName, Region), Vec<usize>>,
    /// The trails that own the current chain.
    current: Vec<usize>,
    period: Period,
    /// Whether a folder was not listed or not searched.
    unlisted: bool,
}

impl Found {
    fn new(held: Vec<Held>, period: Period) -> Self {
        let mut by_name: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (at, held) in held.iter().enumerate() {
            if let Held::Trail(chains) = held {
                let name = (chains.arn.name.clone(), chains.arn.home_region.clone());
                by_name.entry(name).or_default().push(at);
            }
        }
        Self { held, by_name, current: Vec::new(), period, unlisted: false }
    }

    fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::ChainStarted { chain } => self.current = self.owners(chain),
            RunEvent::DigestJudged(_) | RunEvent::LogJudged(_) => {
                self.each_current(|chains| chains.files.take(event));
            }
            RunEvent::ChainFinished(chain) => {
                let period = self.period;
                self.each_current(|chains| chains.note(period, chain));
                self.current.clear();
            }
            RunEvent::ListingUnread { .. } => self.unlisted = true,
            RunEvent::PlaceInDoubt(place) => {
                self.unlisted |=
                    matches!(place.why, PlaceDoubt::NotLookedAt | PlaceDoubt::DigestsUnreadable);
            }
            _ => {}
        }
    }

    fn owners(&mut self, chain: &ChainId) -> Vec<usize> {
        let name = (chain.trail.clone(), chain.home_region.clone());
        let named = self.by_name.get(&name).map(Vec::as_slice).unwrap_or_default();
        let mut owners = Vec::new();
        for at in named {
            if let Some(Held::Trail(chains)) = self.held.get_mut(*at)
                && chains.owns(chain)
            {
                owners.push(*at);
            }
        }
        owners
    }

    /// Calls `each` with the trails that own the current chain.
    fn each_current(&mut self, mut each: impl FnMut(&mut Chains)) {
        for at in &self.current {
            if let Some(Held::Trail(chains)) = self.held.get_mut(*at) {
                each(chains);
            }
        }
    }
}

impl Chains {
    fn note(&mut self, period: Period, chain: &ChainSummary) {
        self.found = true;
        let presence = self.accounts.entry(chain.chain.account.to_string()).or_default();
        let read = |it: Coverage| matches!(it, Coverage::Verified | Coverage::Pending);
        let perhaps = |it: Coverage| read(it) || it == Coverage::Unverified;
        let earlier = |one: Option<Timestamp>, other: Option<Timestamp>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let segments = &chain.segments;
        presence.covered_from =
            earlier(presence.covered_from, covered_from(period, segments, read));
        presence.perhaps_from =
            earlier(presence.perhaps_from, covered_from(period, segments, perhaps));
    }
}

/// Returns the time since which a chain is covered to the end of the period; `None` if it is not at its
/// end.
fn covered_from(
    period: Period,
    segments: &[Segment],
    covers: impl Fn(Coverage) -> bool,
) -> Option<Timestamp> {
    let last = segments.iter().rfind(|it| !covers(it.coverage));
    let from = last.map_or(period.start, |it| it.to);
    (!segments.is_empty() && from < period.end).then_some(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailproof_core::coverage::Uncovered;

    #[test]
    fn a_chain_is_covered_since_its_last_hole() {
        let at = Timestamp::from_unix;
        let period = Period { start: at(0), end: at(100) };
        let segment = |from, to, coverage| Segment { from: at(from), to: at(to), coverage };
        let verified = |it: Coverage| matches!(it, Coverage::Verified | Coverage::Pending);
        let gap = Coverage::Uncovered(Uncovered::BeforeFirstDigest);
        let late = [segment(0, 40, gap), segment(40, 100, Coverage::Verified)];
        assert_eq!(covered_from(period, &late, verified), Some(at(40)));
        let whole = [segment(0, 90, Coverage::Verified), segment(90, 100, Coverage::Pending)];
        assert_eq!(covered_from(period, &whole, verified), Some(at(0)));
        let open = [segment(0, 90, Coverage::Verified), segment(90, 100, Coverage::Unverified)];
        assert_eq!(covered_from(period, &open, verified), None);
        assert_eq!(covered_from(period, &[], verified), None);
    }
}
