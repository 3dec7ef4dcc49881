//! A built trail: the world, and the truth about what was written into it.
//!
//! Deeds change the world. The truth stays as it was written, except for deeds that only the holder
//! of AWS's keys could do. What a verifier must find follows from comparing the two.
use super::digest_json::{DigestFields, Link, LogEntry};
use super::key_ring::KeyRing;
use super::location::iso;
use super::spec::SignWith;
use crate::world::World;
use bytes::Bytes;
use std::collections::BTreeSet;

/// Identity of a chain. Bucket and prefix can change inside a chain, so they are not part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChainId {
    /// Organization id, for an organization's trail.
    pub organization: Option<String>,
    /// Account.
    pub account: String,
    /// Source region.
    pub region: String,
    /// Trail name.
    pub trail: String,
    /// Home region.
    pub home_region: String,
}

/// The kind of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestKind {
    /// The first digest of a chain or after a restart: no link, no log files.
    Starting,
    /// An ordinary hourly digest.
    Standard,
    /// The last one before logging stopped.
    Final,
    /// A digest of log files that were delivered late.
    Backfill,
}

/// What is odd about a digest although AWS signed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Oddity {
    /// Nothing.
    #[default]
    None,
    /// It has no `logFiles` field.
    NoLogFiles,
    /// Its link leads to itself or to a newer digest.
    Loop,
}

/// One log file as CloudTrail wrote it.
#[derive(Clone, Debug)]
pub struct BuiltLog {
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
    /// Hex SHA-256 of the inflated bytes.
    pub hash: String,
    /// Time in its name.
    pub time: i64,
    /// When it was delivered.
    pub delivered: i64,
    /// Time of its newest event.
    pub newest: i64,
    /// Time of its oldest event.
    pub oldest: i64,
}

/// One digest as CloudTrail wrote it.
#[derive(Clone, Debug)]
pub struct BuiltDigest {
    /// Kind.
    pub kind: DigestKind,
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
    /// `digestStartTime`.
    pub start: i64,
    /// `digestEndTime`.
    pub end: i64,
    /// When it was delivered.
    pub delivered: i64,
    /// The log files that it names.
    pub logs: Vec<BuiltLog>,
    /// The digest that it links to, by index in its chain.
    pub previous: Option<usize>,
    /// Inflated bytes.
    pub json: Bytes,
    /// Hex SHA-256 of `json`.
    pub hash: String,
    /// Hex signature.
    pub signature: String,
    /// Fingerprint of the key that signed it.
    pub fingerprint: String,
    /// Index of that key in the pool.
    pub slot: usize,
    /// When a backfill digest was generated.
    pub generated: Option<i64>,
    /// What is odd about it.
    pub oddity: Oddity,
}

/// One chain.
#[derive(Clone, Debug)]
pub struct BuiltChain {
    /// Identity.
    pub id: ChainId,
    /// Digests: first the standard ones (with starting and final ones), oldest first; then the
    /// backfill digests, oldest first.
    pub digests: Vec<BuiltDigest>,
    /// Number of digests that are not backfill digests.
    pub standard: usize,
    /// Whether slashes are written as `\/`.
    pub escaped_slashes: bool,
    /// Implementation that signs.
    pub sign_with: SignWith,
}

/// One object that CloudTrail did not write, at a key that CloudTrail did not use.
#[derive(Clone, Debug)]
pub struct Planted {
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
    /// What it appears to be.
    pub kind: PlantedKind,
}

/// What a planted object appears to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlantedKind {
    /// A log file of one chain's account and region. No digest names it.
    UnlistedLog {
        /// The chain, by index.
        chain: usize,
        /// Time in its name.
        time: i64,
        /// When it was put there.
        put: i64,
    },
    /// A digest: CloudTrail could have used the key, but the content is forged.
    RogueDigest,
    /// Nothing: the key is not exactly a digest's.
    PassedOver,
}

/// One or several trails in one world.
#[derive(Clone, Debug)]
pub struct BuiltTrail {
    /// What the server serves.
    pub world: World,
    /// What was written, sorted by chain.
    pub chains: Vec<BuiltChain>,
    /// Buckets that keep versions.
    pub versioned: BTreeSet<String>,
    /// What others put into the buckets.
    pub planted: Vec<Planted>,
    pub(super) ring: KeyRing,
}

impl BuiltChain {
    /// Returns the digests that are not backfill digests, oldest first.
    pub fn standard(&self) -> &[BuiltDigest] {
        self.digests.get(..self.standard).unwrap_or(&[])
    }

    /// Returns the backfill digests, oldest first.
    pub fn backfills(&self) -> &[BuiltDigest] {
        self.digests.get(self.standard..).unwrap_or(&[])
    }

    /// Lists the digests that link to digest `index`.
    pub fn successors(&self, index: usize) -> impl Iterator<Item = usize> {
        let links = move |(at, digest): (usize, &BuiltDigest)| {
            (digest.previous == Some(index)).then_some(at)
        };
        self.digests.iter().enumerate().filter_map(links)
    }

    /// Returns the fields in the JSON of digest `index`.
    pub fn fields(&self, index: usize) -> Option<DigestFields> {
        let digest = self.digests.get(index)?;
        let previous = digest.previous.and_then(|at| self.digests.get(at)).map(|before| Link {
            bucket: before.bucket.clone(),
            key: before.key.clone(),
            hash: before.hash.clone(),
            signature: before.signature.clone(),
        });
        let logs = digest.logs.iter().map(|log| LogEntry {
            bucket: log.bucket.clone(),
            key: log.key.clone(),
            hash: log.hash.clone(),
            newest: iso(log.newest),
            oldest: iso(log.oldest),
        });
        Some(DigestFields {
            account: self.id.account.clone(),
            start: iso(digest.start),
            end: iso(digest.end),
            bucket: digest.bucket.clone(),
            key: digest.key.clone(),
            fingerprint: digest.fingerprint.clone(),
            previous,
            logs: (digest.oddity != Oddity::NoLogFiles).then(|| logs.collect()),
            escaped_slashes: self.escaped_slashes,
        })
    }
}

impl BuiltTrail {
    /// Lists all digests as written, chain by chain.
    pub fn digests(&self) -> impl Iterator<Item = (&ChainId, &BuiltDigest)> {
        self.chains.iter().flat_map(|chain| chain.digests.iter().map(|digest| (&chain.id, digest)))
    }

    /// Lists all log files as written, chain by chain.
    pub fn logs(&self) -> impl Iterator<Item = (&ChainId, &BuiltLog)> {
        self.digests().flat_map(|(id, digest)| digest.logs.iter().map(move |log| (id, log)))
    }

    /// Returns the index of the chain of one account, region and trail.
    pub fn chain(&self, account: &str, region: &str, trail: &str) -> Option<usize> {
        self.chains.iter().position(|chain| {
            let id = &chain.id;
            (&*id.account, &*id.region, &*id.trail) == (account, region, trail)
        })
    }

    /// Returns the time from the end of the first digest to the end of the last one: what a trail
    /// without deeds and pauses proves.
    pub fn span(&self) -> (i64, i64) {
        let standard = || self.chains.iter().flat_map(BuiltChain::standard);
        let latest_start = self.chains.iter().filter_map(|chain| chain.standard().first());
        let from = latest_start.map(|digest| digest.end).max().unwrap_or(0);
        let ends = self.chains.iter().filter_map(|chain| chain.standard().last());
        let to = ends.map(|digest| digest.end).min().unwrap_or(0);
        debug_assert!(standard().all(|digest| digest.start < digest.end));
        (from, to)
    }
}
