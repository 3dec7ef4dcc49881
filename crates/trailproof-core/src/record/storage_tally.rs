//! Counts how the objects of a chain or of a run are stored.
//!
//! Made from events alone, so that a run, a replay and everything else that reads a record count
//! the same. Nothing here affects a verdict.
use super::event::{DigestJudged, LogJudged, RunEvent};
use super::stored_as::{Encryption, LockMode, Replication, StorageClass, StoredAs};
use crate::codes::finding::Outcome;
use crate::vocab::key_layout::{DigestKey, DigestKind};
use crate::vocab::location::ObjectLocation;
use crate::vocab::log_key::DeliveredName;
use crate::vocab::time::{DAY, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Seconds after the time in its key from which an object counts as written late. CloudTrail
/// delivers log files within some 15 minutes and digests within two hours.
pub const LATE: i64 = DAY;

/// Different values that are counted separately. A trail uses one key, or a few in years; whoever
/// can write to the bucket can use any number.
const VALUES: usize = 64;

/// Examples that a run keeps of each value.
const EXAMPLES: usize = 16;

/// Values that at most one in this many objects has are odd.
const ODD: u64 = 10;

/// How the log files and the digests of a chain or of a run are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageTallies {
    /// Log files.
    pub logs: StorageTally,
    /// Digests of both kinds, without those that only anchor a walk.
    pub digests: StorageTally,
}

impl StorageTallies {
    /// Creates the tallies of a run, with the first objects of each value as examples.
    pub fn of_run() -> Self {
        let tally = || StorageTally { examples: EXAMPLES, ..StorageTally::default() };
        Self { logs: tally(), digests: tally() }
    }

    /// Creates the tallies of a chain, which keep no examples: there may be thousands of chains.
    pub fn of_chain() -> Self {
        Self::default()
    }

    /// Takes the next event. Only judgements of log files and digests count.
    pub fn take(&mut self, event: &RunEvent) {
        match event {
            RunEvent::LogJudged(judged) => self.log(judged),
            RunEvent::DigestJudged(judged) => self.digest(judged),
            _ => {}
        }
    }

    fn log(&mut self, judged: &LogJudged) {
        if was_read(&judged.outcome, judged.seen.stored) {
            let named = judged.at.key.rsplit('/').next().and_then(DeliveredName::parse);
            let time = named.map(|named| named.time);
            self.logs.add(&judged.at, judged.seen.stored_as.as_deref(), time, time);
        }
    }

    fn digest(&mut self, judged: &DigestJudged) {
        if judged.counts && was_read(&judged.outcome, judged.seen.stored) {
            let time = DigestKey::parse(&judged.at.key).map(|key| key.end);
            // A backfill digest is written long after its interval.
            let due = time.filter(|_| judged.kind == DigestKind::Standard);
            self.digests.add(&judged.at, judged.seen.stored_as.as_deref(), time, due);
        }
    }
}

/// Returns whether an object was read completely, so that the store reported on it.
fn was_read<P>(outcome: &Outcome<P>, stored: Option<u64>) -> bool {
    matches!(outcome, Outcome::Valid(_)) || stored.is_some()
}

/// How objects of one kind are stored. Objects that could not be read do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageTally {
    /// Objects of which it is known how they are stored.
    pub known: u64,
    /// Objects that were read where nothing reports that, such as a directory.
    pub unknown: u64,
    /// By encryption and key.
    pub encryption: Values<EncryptedWith>,
    /// By the mode of the lock; `None` if no lock was reported.
    pub lock: Values<Option<LockMode>>,
    /// By storage class; `None` if none was reported, which is `STANDARD` for S3.
    pub storage_class: Values<Option<StorageClass>>,
    /// By the state of replication.
    pub replication: Values<Option<Replication>>,
    /// Objects under a legal hold.
    pub legal_hold: u64,
    /// Objects that are encrypted through an S3 Bucket Key.
    pub bucket_key: u64,
    /// The shortest time, in seconds, from the time in a locked object's key to the end of its lock,
    /// and that object.
    pub shortest_lock: Option<(i64, ObjectLocation)>,
    /// Objects that were written [`LATE`] seconds or more after the time in their key.
    pub late: Group,
    /// The number of examples that are kept of each value.
    examples: usize,
}

/// The encryption of an object, and its key.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EncryptedWith {
    /// The encryption; `None` if the store reported none.
    pub encryption: Option<Encryption>,
    /// The ARN of the key of KMS.
    pub kms_key: Option<Arc<str>>,
}

/// Objects that have something in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Their number.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<ObjectLocation>,
}

impl Group {
    fn add(&mut self, at: &ObjectLocation, examples: usize) {
        self.count += 1;
        if self.examples.len() < examples {
            self.examples.push(at.clone());
        }
    }
}

/// Objects by a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values<V> {
    /// The objects of each value.
    pub by_value: BTreeMap<V, Group>,
    /// Objects with values beyond those that are counted separately.
    pub others: Group,
}

impl<V> Default for Values<V> {
    fn default() -> Self {
        Self { by_value: BTreeMap::new(), others: Group::default() }
    }
}

impl<V: Clone + Ord> Values<V> {
    fn add(&mut self, value: &V, at: &ObjectLocation, examples: usize) {
        let is_counted = self.by_value.len() < VALUES || self.by_value.contains_key(value);
        let group = match is_counted {
            true => self.by_value.entry(value.clone()).or_default(),
            false => &mut self.others,
        };
        group.add(at, examples);
    }

    /// Returns the number of objects with this value.
    pub fn count(&self, value: &V) -> u64 {
        self.by_value.get(value).map_or(0, |group| group.count)
    }

    /// Returns the number of all objects.
    pub fn total(&self) -> u64 {
        self.by_value.values().map(|group| group.count).sum::<u64>() + self.others.count
    }

    /// Returns the most frequent value, and the number of objects that have it.
    pub fn most(&self) -> Option<(&V, u64)> {
        let counts = self.by_value.iter().map(|(value, group)| (value, group.count));
        counts.rev().max_by_key(|(_, count)| *count)
    }

    /// Returns the values that few objects have where nearly all others have one and the same: such
    /// objects may have been written by somebody else.
    pub fn odd(&self) -> impl Iterator<Item = (&V, &Group)> {
        let total = self.total();
        let most = self.most().map_or(0, |(_, count)| count);
        let limit = if most > total - most { total / ODD } else { 0 };
        self.by_value.iter().filter(move |(_, group)| group.count <= limit && group.count < most)
    }
}

impl StorageTally {
    /// Adds an object. `time` is the time in its key, and `due` the time at which it was to be
    /// written.
    fn add(
        &mut self,
        at: &ObjectLocation,
        stored_as: Option<&StoredAs>,
        time: Option<Timestamp>,
        due: Option<Timestamp>,
    ) {
        let Some(stored_as) = stored_as else {
            self.unknown += 1;
            return;
        };
        self.known += 1;
        let StoredAs { encryption, kms_key, lock_mode, storage_class, replication, .. } = stored_as;
        let with = EncryptedWith { encryption: *encryption, kms_key: kms_key.clone() };
        self.encryption.add(&with, at, self.examples);
        self.lock.add(lock_mode, at, self.examples);
        self.storage_class.add(storage_class, at, self.examples);
        self.replication.add(replication, at, self.examples);
        self.legal_hold += u64::from(stored_as.legal_hold == Some(true));
        self.bucket_key += u64::from(stored_as.bucket_key);
        let written = stored_as.last_modified;
        if let (Some(until), Some(from)) = (stored_as.retain_until, time.or(written)) {
            let seconds = until.unix() - from.unix();
            if self.shortest_lock.as_ref().is_none_or(|(shortest, _)| seconds < *shortest) {
                self.shortest_lock = Some((seconds, at.clone()));
            }
        }
        if due.zip(written).is_some_and(|(due, written)| written.unix() - due.unix() >= LATE) {
            self.late.add(at, self.examples);
        }
    }

    /// Returns the number of objects that are encrypted with this key.
    pub fn encrypted_with(&self, kms_key: &str) -> u64 {
        let of = |(with, _): &(&EncryptedWith, &Group)| with.kms_key.as_deref() == Some(kms_key);
        self.encryption.by_value.iter().filter(of).map(|(_, group)| group.count).sum()
    }

    /// Returns the number of objects whose lock was reported.
    pub fn locked(&self) -> u64 {
        self.lock.total() - self.lock.count(&None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::finding::Finding;
    use crate::log_file::LogProof;
    use crate::record::ObjectFacts;

    const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1";

    fn at(number: u64) -> ObjectLocation {
        let name = format!("111122223333_CloudTrail_us-east-1_20260301T0005Z_{number:016}.json.gz");
        let folder = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01";
        ObjectLocation::new("b", format!("{folder}/{name}"))
    }

    fn judged(number: u64, stored_as: Option<StoredAs>) -> LogJudged {
        let proof =
            LogProof { stored: 1, inflated: 1, stored_inflated: false, several_members: false };
        let stored_as = stored_as.map(Box::new);
        LogJudged {
            at: at(number),
            expected: [0; 32],
            outcome: Outcome::Valid(proof),
            lifecycle: false,
            seen: ObjectFacts { stored: Some(1), stored_as, ..ObjectFacts::default() },
        }
    }

    fn with_key(key: &str) -> StoredAs {
        StoredAs {
            encryption: Some(Encryption::Kms),
            kms_key: Some(key.into()),
            ..StoredAs::default()
        }
    }

    fn tally(logs: impl IntoIterator<Item = LogJudged>) -> StorageTally {
        let mut tallies = StorageTallies::of_run();
        logs.into_iter().for_each(|log| tallies.take(&RunEvent::LogJudged(log)));
        tallies.logs
    }

    #[test]
    fn few_objects_that_differ_are_odd_and_two_halves_are_not() {
        let odd = |differ: u64| {
            let key = |number: u64| if number < differ { "other" } else { KEY };
            let logs = (0..100).map(|number| judged(number, Some(with_key(key(number)))));
            let tally = tally(logs);
            assert_eq!(tally.encrypted_with(KEY), 100 - differ);
            tally.encryption.odd().map(|(_, group)| group.examples.clone()).collect::<Vec<_>>()
        };
        assert_eq!(odd(2), vec![vec![at(0), at(1)]]);
        assert_eq!(odd(50), Vec::<Vec<_>>::new());
        assert_eq!(odd(0), Vec::<Vec<_>>::new());
    }

    #[test]
    fn late_and_shortly_locked_objects_are_found() {
        let named = Timestamp::parse("2026-03-01T00:05:00Z").unwrap();
        let stored = |written: i64, locked: i64| StoredAs {
            lock_mode: Some(LockMode::Compliance),
            retain_until: Some(named.plus(locked)),
            last_modified: Some(named.plus(written)),
            ..StoredAs::default()
        };
        let tally = tally([
            judged(0, Some(stored(60, 365 * DAY))),
            judged(1, Some(stored(LATE, 30 * DAY))),
            judged(2, Some(stored(LATE - 1, 90 * DAY))),
            judged(3, Some(StoredAs::default())),
            judged(4, None),
        ]);
        assert_eq!(tally.late.examples, [at(1)]);
        assert_eq!(tally.shortest_lock, Some((30 * DAY, at(1))));
        assert_eq!((tally.locked(), tally.known, tally.unknown), (3, 4, 1));
    }

    #[test]
    fn what_was_not_read_does_not_count() {
        let mut missing = judged(0, None);
        missing.outcome = Outcome::Invalid(Finding::LogMissing);
        missing.seen = ObjectFacts::default();
        let tally = tally([missing]);
        assert_eq!((tally.known, tally.unknown), (0, 0));
    }

    #[test]
    fn any_number_of_values_takes_bounded_memory() {
        let logs = (0..1_000).map(|number| judged(number, Some(with_key(&number.to_string()))));
        let tally = tally(logs);
        assert_eq!(tally.encryption.by_value.len(), VALUES);
        assert_eq!(tally.encryption.total(), 1_000);
    }
}
