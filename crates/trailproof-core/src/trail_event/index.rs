//! The kept events that explain a stretch without digests, or a chain's end.
//!
//! Events are looked up by subject and time, so that a run with many chains, gaps and events does
//! not compare each with each.
use super::{
    Cause, Effect, ExplainingEvent, KeptEvents, KeyName, NamedTrail, Place, REACH, Subject,
};
use crate::control::policy::Truth;
use crate::coverage::{Coverage, Segment, Uncovered};
use crate::vocab::chain_id::ChainId;
use crate::vocab::ids::{AccountId, OrganizationId, Region, TrailName};
use crate::vocab::time::{DAY, HOUR, Timestamp};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Maximum number of events that are cited for one stretch. More would not explain more.
const CITED: usize = 8;

/// Maximum number of events of one subject that are examined for one stretch, nearest first. Most
/// match; those that do not are deletions under other prefixes.
const LOOKED_AT: usize = 64;

/// The same of settings, of which most are harmless: each is judged by the places of the chain.
const SETTINGS_LOOKED_AT: usize = 256;

/// How long deliveries for an account or a region may continue after it was closed, left or was
/// disabled: this is done in the background. In seconds.
const WINDING_UP: i64 = 2 * HOUR;

/// A chain for which an explanation is wanted.
#[derive(Clone, Copy, Debug)]
pub struct GapQuery<'a> {
    /// The chain.
    pub chain: &'a ChainId,
    /// Other ids of the same chain, under the paths that its trail had before.
    pub also: &'a [ChainId],
    /// The bucket to which the evidence was delivered.
    pub bucket: &'a str,
    /// KMS keys with which its files are encrypted, as far as known.
    pub keys: &'a BTreeSet<KeyName>,
    /// The folders of its digests, with a trailing slash.
    pub folders: &'a [String],
    /// The time of the run.
    pub now: Timestamp,
}

impl<'a> GapQuery<'a> {
    /// Lists the places of its digests.
    pub fn places(&self) -> impl Iterator<Item = Place<'a>> {
        let (chain, bucket) = (self.chain, self.bucket);
        self.folders.iter().map(move |folder| Place { chain, bucket, folder })
    }
}

/// The subjects by which events are looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    /// A trail: of this owner, or as the trail of an organization, because no chain names its
    /// owner.
    Trail(Option<AccountId>, TrailName, Region),
    /// Where a trail delivers. Kept apart, so that harmless settings displace nothing.
    PlaceOf(Option<AccountId>, TrailName, Region),
    Elsewhere(Option<AccountId>, TrailName, Region),
    Members(TrailName, Region),
    Bucket(String),
    /// The policy of a bucket. Kept apart, too.
    PolicyOf(String),
    Objects(String),
    Digests(ChainId),
    Key(KeyName),
    Account(AccountId),
    Member(AccountId),
    Organization(Option<OrganizationId>),
    Region(AccountId, Region),
}

#[derive(Clone, Debug)]
struct Entry {
    /// When it happened; for the deletion of one digest, that digest's end.
    at: Timestamp,
    event: usize,
    /// For a deletion by prefix: the prefix and the age in days.
    removes: Option<(String, u32)>,
    /// The subject, if it depends on the place of the chain.
    only: Option<Arc<Subject>>,
}

/// The kept events of a run, indexed for lookup.
#[derive(Debug)]
pub struct Explanations {
    events: Vec<ExplainingEvent>,
    by: BTreeMap<(Effect, About), Vec<Entry>>,
    steps: Cell<u64>,
}

impl Explanations {
    /// Indexes the kept events of a run over these chains.
    pub fn new(kept: &KeptEvents, chains: &BTreeSet<ChainId>) -> Self {
        let mut this = Self { events: Vec::new(), by: BTreeMap::new(), steps: Cell::new(0) };
        // The same event can be in two log files, and in the log files of two trails: the first in
        // order is cited.
        let mut causes: Vec<&Cause> = kept.iter().collect();
        causes.sort_by(|one, other| {
            (&one.event.id, &one.effect, &one.subject, &one.event).cmp(&(
                &other.event.id,
                &other.effect,
                &other.subject,
                &other.event,
            ))
        });
        causes.dedup_by(|one, other| {
            !one.event.id.is_empty()
                && one.event.id == other.event.id
                && one.effect == other.effect
                && one.subject == other.subject
        });
        for cause in causes {
            this.add(cause, chains);
        }
        for entries in this.by.values_mut() {
            entries.sort_by_key(|entry| (entry.at, entry.event));
        }
        this
    }

    fn add(&mut self, cause: &Cause, chains: &BTreeSet<ChainId>) {
        let event = self.events.len();
        self.events.push(cause.event.clone());
        let (mut at, mut removes, mut only) = (cause.event.time, None, None);
        let about = match &cause.subject {
            Subject::Trail(trail) => both(trail, chains, About::Trail),
            Subject::TrailNotAt { trail, .. } => {
                only = Some(Arc::new(cause.subject.clone()));
                both(trail, chains, About::PlaceOf)
            }
            Subject::TrailElsewhere(trail) => both(trail, chains, About::Elsewhere),
            Subject::TrailMembers(trail) => {
                vec![About::Members(trail.name.clone(), trail.home.clone())]
            }
            Subject::Bucket(bucket) => vec![About::Bucket(bucket.clone())],
            Subject::NotLet { bucket, .. } => {
                only = Some(Arc::new(cause.subject.clone()));
                vec![About::PolicyOf(bucket.clone())]
            }
            Subject::Objects { bucket, prefix, days } => {
                removes = Some((prefix.clone(), *days));
                vec![About::Objects(bucket.clone())]
            }
            Subject::Digest { chain, end } => {
                at = *end;
                vec![About::Digests(chain.as_ref().clone())]
            }
            Subject::Key(key) => vec![About::Key(key.clone())],
            Subject::Account(account) => vec![About::Account(account.clone())],
            Subject::Member(account) => vec![About::Member(account.clone())],
            Subject::Members(organization) => vec![About::Organization(organization.clone())],
            Subject::Region(account, region) => {
                vec![About::Region(account.clone(), region.clone())]
            }
        };
        for about in about {
            let entry = Entry { at, event, removes: removes.clone(), only: only.clone() };
            self.by.entry((cause.effect, about)).or_default().push(entry);
        }
    }

    /// Returns the number of entries and subjects looked up so far, for tests of the cost of
    /// lookups.
    pub fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// Lists the events that can explain why a chain has no digests in `gap`, nearest to its start
    /// first.
    pub fn explain(&self, of: &GapQuery<'_>, gap: &Segment) -> Vec<ExplainingEvent> {
        let Coverage::Uncovered(why) = gap.coverage else { return Vec::new() };
        let mut cited: Vec<usize> = Vec::new();
        let about = about(of);
        let stops = matches!(why, Uncovered::Gap | Uncovered::Hole | Uncovered::Tail);
        let begins = matches!(why, Uncovered::Gap | Uncovered::Hole | Uncovered::BeforeFirstDigest);
        if stops {
            let window = (gap.from.plus(-REACH), gap.to);
            for about in &about {
                for effect in [Effect::Stops, Effect::Ends] {
                    let fits = |entry: &Entry| fits(of, entry);
                    self.nearest((effect, about), gap.from, window, fits, &mut cited);
                }
            }
        }
        if begins {
            let window = (gap.to.plus(-REACH), gap.to.plus(REACH));
            for about in &about {
                self.nearest((Effect::Begins, about), gap.to, window, |_| true, &mut cited);
            }
        }
        if why == Uncovered::DigestsMissing {
            self.removals(of, gap, &mut cited);
        }
        let far = |event: &ExplainingEvent| (event.time.unix() - gap.from.unix()).abs();
        let mut cited: Vec<&ExplainingEvent> =
            cited.into_iter().filter_map(|at| self.events.get(at)).collect();
        cited.sort_by(|one, other| (far(one), one).cmp(&(far(other), other)));
        let mut seen = BTreeSet::new();
        cited.retain(|event| event.id.is_empty() || seen.insert(&event.id));
        cited.dedup();
        cited.truncate(CITED);
        cited.into_iter().cloned().collect()
    }

    /// Finds events that removed digests of this stretch, or removed what protected them, at any
    /// time after delivery.
    fn removals(&self, of: &GapQuery<'_>, gap: &Segment, cited: &mut Vec<usize>) {
        let always = (Timestamp::from_unix(i64::MIN), Timestamp::from_unix(i64::MAX));
        let bucket = About::Bucket(of.bucket.to_owned());
        self.nearest((Effect::Removes, &bucket), gap.from, always, |_| true, cited);
        let objects = About::Objects(of.bucket.to_owned());
        let removes = |entry: &Entry| {
            let Some((prefix, days)) = &entry.removes else { return false };
            let here = |folder: &String| folder.starts_with(prefix) || prefix.starts_with(folder);
            let old_enough = gap.from.plus(i64::from(*days).saturating_mul(DAY)) <= of.now;
            old_enough && of.folders.iter().any(here)
        };
        self.nearest((Effect::Removes, &objects), gap.from, always, removes, cited);
        let window = (gap.from.plus(1), gap.to.plus(REACH));
        for chain in names(of) {
            let digests = About::Digests(chain.clone());
            self.nearest((Effect::Removes, &digests), gap.from, window, |_| true, cited);
        }
    }

    /// Finds the entries of one subject within `window`, nearest to `anchor` first.
    fn nearest(
        &self,
        (effect, about): (Effect, &About),
        anchor: Timestamp,
        (from, to): (Timestamp, Timestamp),
        fits: impl Fn(&Entry) -> bool,
        cited: &mut Vec<usize>,
    ) {
        self.step();
        let Some(entries) = self.by.get(&(effect, about.clone())) else { return };
        let first = entries.partition_point(|entry| entry.at < from);
        let end = entries.partition_point(|entry| entry.at <= to);
        let middle =
            entries.partition_point(|entry| entry.at < anchor).clamp(first, end.max(first));
        let mut older = entries.get(first..middle).unwrap_or_default().iter().rev().peekable();
        let mut newer = entries.get(middle..end).unwrap_or_default().iter().peekable();
        let far = |entry: &Entry| (entry.at.unix() - anchor.unix()).abs();
        let mut taken = 0;
        let looked_at = match about {
            About::PlaceOf(..) | About::PolicyOf(_) => SETTINGS_LOOKED_AT,
            _ => LOOKED_AT,
        };
        for _ in 0..looked_at {
            self.step();
            let older_first = match (older.peek(), newer.peek()) {
                (Some(one), Some(other)) => far(one) < far(other),
                (Some(_), None) => true,
                (None, _) => false,
            };
            let next = if older_first { older.next() } else { newer.next() };
            let Some(entry) = next else { return };
            if fits(entry) {
                cited.push(entry.event);
                taken += 1;
            }
            if taken == CITED {
                return;
            }
        }
    }

    fn step(&self) {
        self.steps.set(self.steps.get() + 1);
    }

    /// Returns the event that explains why a chain has no digest after the one that ends at `last`.
    /// Returns `None` if no event does, or if a later event started the chain again.
    ///
    /// The caller must have found and proven that digest, and must know that the chain's log
    /// folders hold nothing later.
    pub fn explains_end(&self, of: &GapQuery<'_>, last: Timestamp) -> Option<ExplainingEvent> {
        let about = about(of);
        let mut cited = Vec::new();
        for about in &about {
            let back = match about {
                About::Account(_)
                | About::Member(_)
                | About::Organization(_)
                | About::Region(..) => WINDING_UP,
                _ => REACH,
            };
            let window = (last.plus(-back), last.plus(REACH));
            let fits = |entry: &Entry| fits(of, entry);
            self.nearest((Effect::Ends, about), last, window, fits, &mut cited);
        }
        let events = cited.into_iter().filter_map(|at| self.events.get(at));
        let found = events.min_by_key(|event| ((event.time.unix() - last.unix()).abs(), *event))?;
        // A key that may be used again starts no chain.
        let starts = about.iter().filter(|about| !matches!(about, About::Key(_)));
        let goes_on = starts.into_iter().any(|about| {
            [Effect::Begins, Effect::Resumes].into_iter().any(|effect| {
                self.step();
                let entries = self.by.get(&(effect, about.clone()));
                entries.and_then(|entries| entries.last()).is_some_and(|it| it.at > found.time)
            })
        });
        (!goes_on).then(|| found.clone())
    }
}

/// Lists a trail by its owner and also as the trail of an organization, unless its owner has,
/// beside an organization's trail, its own trail of that name.
fn both(
    trail: &NamedTrail,
    chains: &BTreeSet<ChainId>,
    about: fn(Option<AccountId>, TrailName, Region) -> About,
) -> Vec<About> {
    let NamedTrail { name, home, owner } = trail;
    let own = ChainId {
        account: owner.clone(),
        source_region: home.clone(),
        trail: name.clone(),
        home_region: home.clone(),
        organization: None,
    };
    let mut all = vec![about(Some(owner.clone()), name.clone(), home.clone())];
    if !chains.contains(&own) {
        all.push(about(None, name.clone(), home.clone()));
    }
    all
}

/// Returns whether an entry is about the places of a chain. A chain of several places goes on while one is left.
fn fits(of: &GapQuery<'_>, entry: &Entry) -> bool {
    let Some(subject) = &entry.only else { return true };
    let mut places = of.places().peekable();
    places.peek().is_some() && places.all(|place| subject.excludes(place) == Truth::Yes)
}

/// Lists the chain's ids: the current one and those under other paths.
fn names<'a>(of: &'a GapQuery<'_>) -> impl Iterator<Item = &'a ChainId> {
    std::iter::once(of.chain).chain(of.also)
}

/// Lists everything that may affect a chain: a handful of subjects.
fn about(of: &GapQuery<'_>) -> Vec<About> {
    let ChainId { account, source_region, trail, home_region, .. } = of.chain;
    let mut all = vec![
        About::Bucket(of.bucket.to_owned()),
        About::PolicyOf(of.bucket.to_owned()),
        About::Account(account.clone()),
        About::Region(account.clone(), source_region.clone()),
    ];
    all.extend(of.keys.iter().cloned().map(About::Key));
    for chain in names(of) {
        let owner = match &chain.organization {
            None => Some(account.clone()),
            Some(organization) => {
                all.push(About::Members(trail.clone(), home_region.clone()));
                all.push(About::Member(account.clone()));
                all.push(About::Organization(Some(organization.clone())));
                all.push(About::Organization(None));
                None
            }
        };
        all.push(About::Trail(owner.clone(), trail.clone(), home_region.clone()));
        all.push(About::PlaceOf(owner.clone(), trail.clone(), home_region.clone()));
        if source_region != home_region {
            all.push(About::Elsewhere(owner, trail.clone(), home_region.clone()));
        }
    }
    all
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
