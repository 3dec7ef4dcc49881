//! What a record says about the evidence, as far as an investigation needs it.
use super::affected::{AffectedObject, ObjectKind};
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::codes::finding::{Finding, Outcome};
use trailproof_core::codes::notice::Notice;
use trailproof_core::codes::unlisted::UnlistedReason;
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::record::{
    CarryingDigest, ChainSummary, ObjectFacts, ProvenLogFinder, RunEvent, RunSummary,
};
use trailproof_core::trail_event::KeyName;
use trailproof_core::vocab::budget::{CASE_FOLDERS, CASE_OBJECTS};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::{AccountId, Region};
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::log_key::log_key_time;
use trailproof_core::vocab::time::Timestamp;

/// Why an object is affected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It contradicts the evidence.
    Finding(Finding),
    /// It could not be read.
    Unread(ReadFailure),
}

impl Trouble {
    /// Returns the stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Finding(finding) => finding.code(),
            Self::Unread(why) => why.kind.code(),
        }
    }
}

/// A digest or log file that is not proven.
#[derive(Clone, Debug)]
pub(crate) struct Affected {
    pub(crate) at: ObjectLocation,
    pub(crate) chain: ChainId,
    pub(crate) is_digest: bool,
    /// Its end, or the time in its name.
    pub(crate) time: Option<Timestamp>,
    pub(crate) trouble: Trouble,
    /// Whether a lifecycle rule would look the same.
    pub(crate) lifecycle: bool,
    /// Whether nothing links to it, so that it may be planted.
    pub(crate) unlinked: bool,
    /// SHA-256 of its content, in hex, and the digest that records it.
    pub(crate) recorded: Option<(String, ObjectLocation)>,
    /// The KMS key that the failure or the store names for it.
    pub(crate) kms_key: Option<KeyName>,
    /// When the store wrote what is there, as far as it was read.
    pub(crate) last_modified: Option<Timestamp>,
}

/// What the versions of an affected object show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VersionTrace {
    /// Code of what became of it.
    pub(crate) class: &'static str,
    /// When the delete marker was written that hides the object: the first of those above its versions.
    pub(crate) marker: Option<Timestamp>,
    /// Whether an older version proves.
    pub(crate) oldest_proves: bool,
    /// Whether the bucket keeps versions, and none of this key is left.
    pub(crate) none_left: bool,
}

/// A log file that no proven digest names.
#[derive(Clone, Debug)]
pub(crate) struct Unlisted {
    pub(crate) at: ObjectLocation,
    pub(crate) last_modified: Option<Timestamp>,
    pub(crate) reason: UnlistedReason,
    pub(crate) time: Option<Timestamp>,
}

/// Folders of the digests of a chain, and the ends of the first and last proven digest in each.
pub(crate) type Folders = BTreeMap<String, Option<(Timestamp, Timestamp)>>;

/// One chain.
#[derive(Clone, Debug)]
pub(crate) struct ChainFacts {
    pub(crate) summary: ChainSummary,
    /// Ends of its proven digests, and how many log files each names; newest first.
    pub(crate) named: Vec<(Timestamp, u64)>,
    /// Intervals of its backfill digests.
    pub(crate) backfills: Vec<(Timestamp, Timestamp)>,
    /// Folders of its digests, without the date, and the ends of the first and last proven digest in each.
    pub(crate) folders: Folders,
    /// The KMS keys that its objects name.
    pub(crate) keys: Vec<KeyUse>,
}

/// A KMS key that objects of a chain name, and the times of the first and the last of them.
#[derive(Clone, Debug)]
pub(crate) struct KeyUse {
    pub(crate) key: KeyName,
    first: Timestamp,
    last: Timestamp,
}

/// Log files in a stretch that no digest covers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unattested {
    pub(crate) count: u64,
    /// The first of them.
    pub(crate) first: Vec<ObjectLocation>,
}

/// The objects that were read and are proven, as far as lifecycle rules are judged by them.
#[derive(Debug, Default)]
pub(crate) struct Survivors {
    /// The earliest time of an object in each folder, with a slash at its end.
    oldest: BTreeMap<String, Timestamp>,
    capped: bool,
}

impl Survivors {
    fn add(&mut self, key: &str, time: Timestamp) {
        let folder = key.rfind('/').and_then(|at| key.get(..=at)).unwrap_or_default();
        if let Some(oldest) = self.oldest.get_mut(folder) {
            *oldest = (*oldest).min(time);
        } else if self.oldest.len() < CASE_FOLDERS {
            self.oldest.insert(folder.to_owned(), time);
        } else {
            self.capped = true;
        }
    }

    /// Returns the time of the oldest object whose key begins with a prefix; an error if that is not
    /// known.
    pub(crate) fn oldest_under(&self, prefix: &str) -> Result<Option<Timestamp>, ()> {
        // A prefix that ends within a name selects objects of one folder.
        let within = prefix.rfind('/').and_then(|at| prefix.get(..=at));
        if self.capped
            || within.is_some_and(|folder| folder != prefix && self.oldest.contains_key(folder))
        {
            return Err(());
        }
        let from = self.oldest.range(prefix.to_owned()..);
        let under = from.take_while(|(folder, _)| folder.starts_with(prefix));
        Ok(under.map(|(_, oldest)| *oldest).min())
    }
}

/// Different KMS keys of one chain that are kept. A trail rarely changes its key.
const CHAIN_KEYS: usize = 16;

impl ChainFacts {
    /// Returns the keys with which its objects are encrypted at a time: those that objects around it
    /// name, or else that of the last object before it.
    pub(crate) fn keys_at(&self, time: Timestamp) -> BTreeSet<KeyName> {
        let around = self.keys.iter().filter(|used| used.first <= time && time <= used.last);
        let around: BTreeSet<KeyName> = around.map(|used| used.key.clone()).collect();
        if !around.is_empty() {
            return around;
        }
        let before = self.keys.iter().filter(|used| used.last <= time);
        before.max_by_key(|used| used.last).map(|used| used.key.clone()).into_iter().collect()
    }

    /// Returns the folder to which its digests were delivered before a time; all of them if that is not known.
    pub(crate) fn folders_at(&self, time: Timestamp) -> Vec<String> {
        folders_at(&self.folders, time)
    }

    /// Lists the stretches that no digest covers.
    pub(crate) fn uncovered(&self) -> impl Iterator<Item = &Segment> {
        self.summary
            .segments
            .iter()
            .filter(|segment| matches!(segment.coverage, Coverage::Uncovered(_)))
    }
}

fn folders_at(folders: &Folders, time: Timestamp) -> Vec<String> {
    let proven = folders.iter().filter_map(|(folder, ends)| Some((folder, (*ends)?)));
    let before = proven.filter(|(_, (first, _))| *first <= time);
    // Of two that were in use by then, the one that began last.
    match before.max_by_key(|(_, (first, last))| ((*last).min(time), *first)) {
        Some((folder, _)) => vec![folder.clone()],
        None => folders.keys().cloned().collect(),
    }
}

/// What the record says.
#[derive(Debug, Default)]
pub(crate) struct RecordFacts {
    finder: ProvenLogFinder,
    chain: Option<ChainId>,
    open: Option<OpenChain>,
    pub(crate) chains: Vec<ChainFacts>,
    pub(crate) affected: Vec<Affected>,
    /// Affected objects beyond the budget.
    pub(crate) left_out: u64,
    pub(crate) unlisted: Vec<Unlisted>,
    /// Ids of the verified events that explain a stretch, by chain and the stretch's start.
    pub(crate) explained: BTreeMap<(ChainId, Timestamp), BTreeSet<String>>,
    pub(crate) summary: Option<RunSummary>,
    /// Log files that lie in stretches that no digest covers, so that nothing attests them: their
    /// number by chain and the stretch's start.
    pub(crate) unattested: BTreeMap<(ChainId, Timestamp), Unattested>,
    /// Whether some of these stretches were not listed, or not completely.
    pub(crate) unattested_capped: bool,
    pub(crate) survivors: Survivors,
    /// The earliest time of an object that Object Lock retains.
    pub(crate) locked_since: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct OpenChain {
    named: Vec<(Timestamp, u64)>,
    backfills: Vec<(Timestamp, Timestamp)>,
    folders: Folders,
    keys: Vec<KeyUse>,
}

impl OpenChain {
    fn folder(&mut self, folder: String, proven: Option<Timestamp>) {
        let known = self.folders.entry(folder).or_default();
        if let Some(end) = proven {
            let (first, last) = known.unwrap_or((end, end));
            *known = Some((first.min(end), last.max(end)));
        }
    }

    fn key(&mut self, key: KeyName, time: Timestamp) {
        if let Some(used) = self.keys.iter_mut().find(|used| used.key == key) {
            used.first = used.first.min(time);
            used.last = used.last.max(time);
        } else if self.keys.len() < CHAIN_KEYS {
            self.keys.push(KeyUse { key, first: time, last: time });
        }
    }
}

fn key_of(seen: &ObjectFacts) -> Option<KeyName> {
    seen.stored_as.as_ref()?.kms_key.as_deref().and_then(KeyName::from_arn)
}

fn written(seen: &ObjectFacts) -> Option<Timestamp> {
    seen.stored_as.as_ref()?.last_modified
}

fn key_named(trouble: &Trouble, seen: &ObjectFacts) -> Option<KeyName> {
    match trouble {
        Trouble::Unread(why) => KeyName::in_text(&why.detail).or_else(|| key_of(seen)),
        Trouble::Finding(_) => key_of(seen),
    }
}

impl RecordFacts {
    /// Takes the next event of the record.
    pub(crate) fn take(&mut self, event: &RunEvent) {
        self.finder.take(event);
        match event {
            RunEvent::ChainStarted { chain } => {
                self.chain = Some(chain.clone());
                self.open = Some(OpenChain::default());
            }
            RunEvent::DigestJudged(judged) => {
                let Some(chain) = self.chain.clone() else { return };
                if let Some(open) = &mut self.open {
                    let is_valid = matches!(judged.outcome, Outcome::Valid(_));
                    if let Some(folder) = digest_folder(&judged.at.key) {
                        open.folder(folder, is_valid.then_some(judged.end));
                    }
                    match (&judged.outcome, judged.kind) {
                        (Outcome::Valid(proof), DigestKind::Standard) => {
                            open.named.push((judged.end, proof.logs));
                        }
                        (Outcome::Valid(proof), _) => {
                            open.backfills.push((proof.start, judged.end))
                        }
                        _ => {}
                    }
                }
                let trouble = match &judged.outcome {
                    Outcome::Valid(_) => {
                        return self.survives(&judged.at, Some(judged.end), &judged.seen);
                    }
                    Outcome::Invalid(finding) => Trouble::Finding(finding.clone()),
                    Outcome::Unverified(why) => Trouble::Unread(why.clone()),
                };
                if !judged.counts {
                    return;
                }
                let kms_key = key_named(&trouble, &judged.seen);
                self.affected(Affected {
                    at: judged.at.clone(),
                    chain,
                    is_digest: true,
                    time: Some(judged.end),
                    trouble,
                    lifecycle: judged.notices.contains(&Notice::LifecycleLooksTheSame),
                    unlinked: judged.notices.contains(&Notice::DigestUnlinked),
                    recorded: None,
                    kms_key,
                    last_modified: written(&judged.seen),
                });
            }
            RunEvent::LogJudged(judged) => {
                let Some(chain) = self.chain.clone() else { return };
                let time = log_key_time(&judged.at.key, &chain.account, &chain.source_region);
                let trouble = match &judged.outcome {
                    Outcome::Valid(_) => return self.survives(&judged.at, time, &judged.seen),
                    Outcome::Invalid(finding) => Trouble::Finding(finding.clone()),
                    Outcome::Unverified(why) => Trouble::Unread(why.clone()),
                };
                let kms_key = key_named(&trouble, &judged.seen);
                let digest = self
                    .finder
                    .digest()
                    .map(|digest: &std::sync::Arc<CarryingDigest>| digest.at.clone());
                let recorded = digest.map(|digest| (hex::encode(judged.expected), digest));
                self.affected(Affected {
                    at: judged.at.clone(),
                    chain,
                    is_digest: false,
                    time,
                    trouble,
                    lifecycle: judged.lifecycle,
                    unlinked: false,
                    recorded,
                    kms_key,
                    last_modified: written(&judged.seen),
                });
            }
            RunEvent::ChainFinished(summary) => {
                let open = self.open.take().unwrap_or_default();
                self.chains.push(ChainFacts {
                    summary: summary.clone(),
                    named: open.named,
                    backfills: open.backfills,
                    folders: open.folders,
                    keys: open.keys,
                });
            }
            RunEvent::GapExplained { chain, from, event, .. } => {
                let explained = self.explained.entry((chain.clone(), *from)).or_default();
                explained.insert(event.id.clone());
            }
            RunEvent::LogUnlisted { at, last_modified, reason } => {
                if self.unlisted.len() >= CASE_OBJECTS {
                    self.left_out += 1;
                    return;
                }
                let time = named_time(&at.key).map(|(.., time)| time);
                let (at, last_modified, reason) = (at.clone(), *last_modified, *reason);
                self.unlisted.push(Unlisted { at, last_modified, reason, time });
            }
            RunEvent::RunFinished(summary) => self.summary = Some(summary.clone()),
            _ => {}
        }
    }

    /// Returns whether log files lie in a stretch, though nothing attests them.
    fn has_logs_in(&self, of: &ChainId, span: &Segment) -> bool {
        let from = (of.clone(), span.from);
        let mut starts = self
            .unattested
            .range(from..)
            .take_while(|((chain, from), _)| chain == of && *from < span.to);
        starts.any(|(_, logs)| logs.count > 0)
    }

    /// Returns those of the stretches that no version covers of which something may be lost: nothing lies in
    /// them, and the place had digests.
    pub(crate) fn lost_of<'s>(
        &'s self,
        spans: &'s [(ChainId, Segment)],
    ) -> impl Iterator<Item = &'s (ChainId, Segment)> {
        let had = self.chains.iter().filter(|chain| !chain.folders.is_empty());
        let had: BTreeSet<&ChainId> = had.map(|chain| &chain.summary.chain).collect();
        let may_be =
            move |(of, span): &&(ChainId, Segment)| had.contains(of) && !self.has_logs_in(of, span);
        spans.iter().filter(may_be)
    }

    /// Takes an object that was read and is proven.
    fn survives(&mut self, at: &ObjectLocation, time: Option<Timestamp>, seen: &ObjectFacts) {
        let Some(time) = time else { return };
        // Lifecycle rules count from when the store wrote an object.
        let age_from = written(seen).map_or(time, |written| written.max(time));
        self.survivors.add(&at.key, age_from);
        let stored = seen.stored_as.as_ref();
        if stored.is_some_and(|stored| stored.lock_mode.is_some()) {
            self.locked_since = Some(self.locked_since.map_or(time, |first| first.min(time)));
        }
        if let (Some(open), Some(key)) = (&mut self.open, key_of(seen)) {
            open.key(key, time);
        }
    }

    fn affected(&mut self, affected: Affected) {
        if self.affected.len() < CASE_OBJECTS {
            self.affected.push(affected);
        } else {
            self.left_out += 1;
        }
    }

    /// Adds an object that only the versions of the bucket show to be missing: it was deleted together
    /// with the digest that leads to it.
    pub(crate) fn also(&mut self, object: &AffectedObject) {
        let is_digest = object.kind == ObjectKind::Digest;
        let chain = &object.chain;
        let named = log_key_time(&object.at.key, &chain.account, &chain.source_region);
        self.affected(Affected {
            at: object.at.clone(),
            chain: object.chain.clone(),
            is_digest,
            time: if is_digest { Some(object.end) } else { named },
            trouble: Trouble::Finding(match object.kind {
                ObjectKind::Digest => Finding::DigestMissing,
                ObjectKind::Log => Finding::LogMissing,
            }),
            lifecycle: false,
            unlinked: false,
            recorded: None,
            kms_key: None,
            last_modified: None,
        });
    }

    /// Returns the times in which log files were delivered that may hold a cause: around every
    /// stretch without digests, and from every affected object on, because objects are deleted long
    /// after they were delivered.
    pub(crate) fn to_search(&self, lookback: i64, end: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let hour = trailproof_core::vocab::time::HOUR;
        let mut spans = Vec::new();
        for chain in &self.chains {
            for segment in chain.uncovered() {
                spans.push((segment.from.plus(-hour - lookback), segment.to.plus(2 * hour)));
            }
        }
        let first = self.affected.iter().filter_map(|affected| affected.time).min();
        let planted = self.unlisted.iter().filter_map(|unlisted| unlisted.time).min();
        if let Some(first) = first.into_iter().chain(planted).min() {
            spans.push((first.plus(-hour - lookback), end.plus(hour)));
        }
        spans.sort_unstable();
        let mut merged: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (from, to) in spans {
            match merged.last_mut() {
                Some((_, last)) if *last >= from => *last = (*last).max(to),
                _ => merged.push((from, to)),
            }
        }
        merged
    }
}

/// Returns the folder of a digest's key without its date, with a slash at its end.
fn digest_folder(key: &str) -> Option<String> {
    let parts: Vec<&str> = key.split('/').collect();
    let above = parts.len().checked_sub(4)?;
    Some(format!("{}/", parts.get(..above)?.join("/")))
}

/// Returns the account, the region and the time in the name of a log file.
pub(super) fn named_time(key: &str) -> Option<(AccountId, Region, Timestamp)> {
    let name = key.rsplit('/').next()?;
    let mut parts = name.split('_');
    let account: AccountId = parts.next()?.parse().ok()?;
    let region: Region = parts.nth(1)?.parse().ok()?;
    let time = log_key_time(key, &account, &region)?;
    Some((account, region, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A trail that delivers to another folder is judged by the folder that was in use.
    #[test]
    fn the_folder_in_use_is_that_of_the_last_digest() {
        let at = |hour: i64| Timestamp::from_unix(hour * trailproof_core::vocab::time::HOUR);
        let mut open = OpenChain::default();
        for (folder, hour) in [("p/", 1), ("p/", 5), ("q/", 6), ("q/", 9), ("unproven/", 20)] {
            open.folder(folder.to_owned(), (hour < 20).then(|| at(hour)));
        }
        let used = |hour| folders_at(&open.folders, at(hour));
        assert_eq!(used(5), ["p/"]);
        assert_eq!(used(7), ["q/"]);
        assert_eq!(used(30), ["q/"]);
        // Nothing was delivered before.
        assert_eq!(used(0), ["p/", "q/", "unproven/"]);
    }
}
