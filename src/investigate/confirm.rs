//! Confirms what a record says of the log files that are searched: that the digest which names them is
//! there, proven, and names this content.
//!
//! Anyone who can write to the place of a record can edit it and compute its hash again. So only its
//! naming of places is relied on, and each digest is read and verified once more with the keys of the
//! session: by its own signature, or by the signature that the digest after it records.
use crate::report::events::NotConfirmed;
use crate::source::ObjectSource;
use crate::source::fetch::{DigestFetch, fetch_digest};
use crate::trust::KeyService;
use crate::trust::key_book::KeyBook;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::finding::{Finding, Outcome};
use trailproof_core::compat::judge::DigestRead;
use trailproof_core::digest::document::Link;
use trailproof_core::digest::judge::{KeyLookup, judge_digest};
use trailproof_core::digest::signing::KeyRing;
use trailproof_core::record::{CarryingDigest, ProvenLog};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{DAY, Timestamp};
use trailproof_core::walk::facts::{Fact, PartialKeys};

/// Digests that are read at once.
const AT_ONCE: usize = 16;

/// Seconds before the period of a record in which keys of its digests may begin to be valid and end
/// again.
const EARLIER: i64 = 2 * DAY;

/// What a digest names: the hash of each log file's content, by the hash of its location.
type Names = BTreeMap<Hash, Hash>;

/// Whether a log file is what a proven digest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Confirmed {
    Yes,
    /// The digest is proven, and names different content.
    Contradicted(Finding),
    /// It is not shown that a proven digest names it.
    No(NotConfirmed),
}

/// The side that learns of digests.
pub(crate) struct ToConfirm {
    with: Arc<With>,
    last: Option<Arc<CarryingDigest>>,
    to: mpsc::UnboundedSender<JoinHandle<Result<Names, NotConfirmed>>>,
}

/// The side that is asked about log files, in the order in which they were named.
pub(crate) struct Confirmations {
    last: Option<(Arc<CarryingDigest>, Result<Names, NotConfirmed>)>,
    from: mpsc::UnboundedReceiver<JoinHandle<Result<Names, NotConfirmed>>>,
}

struct With {
    source: Arc<dyn ObjectSource>,
    keys: KeyBook,
    since: Timestamp,
    now: Timestamp,
    at_once: Semaphore,
}

/// Returns both sides. `begin` is the start of the record's period.
pub(crate) fn confirming(
    source: &Arc<dyn ObjectSource>,
    keys: Arc<dyn KeyService>,
    begin: Timestamp,
    now: Timestamp,
) -> (ToConfirm, Confirmations) {
    // As many wait as log files wait to be read.
    let (to, from) = mpsc::unbounded_channel();
    let with = Arc::new(With {
        source: Arc::clone(source),
        keys: KeyBook::new(keys, now),
        since: begin.plus(-EARLIER),
        now: now.max(begin),
        at_once: Semaphore::new(AT_ONCE),
    });
    (ToConfirm { with, last: None, to }, Confirmations { last: None, from })
}

impl ToConfirm {
    /// Begins to read the digest of the next log file, unless it is that of the log file before.
    /// `newer` is the digest after it in the record.
    pub(crate) fn add(&mut self, log: &ProvenLog, newer: Option<Arc<ObjectLocation>>) {
        if self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &log.digest)) {
            return;
        }
        self.last = Some(Arc::clone(&log.digest));
        let (with, digest) = (Arc::clone(&self.with), Arc::clone(&log.digest));
        // If nobody listens, the search has ended.
        let _ =
            self.to.send(tokio::spawn(async move { with.names(&digest, newer.as_deref()).await }));
    }
}

impl Confirmations {
    /// Returns whether the digest of a log file confirms it.
    pub(crate) async fn of(&mut self, log: &ProvenLog) -> Confirmed {
        if !self.last.as_ref().is_some_and(|(last, _)| Arc::ptr_eq(last, &log.digest)) {
            let names = match self.from.recv().await {
                Some(names) => names.await.unwrap_or(Err(NotConfirmed::DigestUnread)),
                None => Err(NotConfirmed::DigestUnread),
            };
            self.last = Some((Arc::clone(&log.digest), names));
        }
        let Some((_, names)) = &self.last else {
            return Confirmed::No(NotConfirmed::DigestUnread);
        };
        match names {
            Err(why) => Confirmed::No(*why),
            Ok(names) => match names.get(&of(&log.at)) {
                Some(hash) if *hash == log.hash => Confirmed::Yes,
                Some(hash) => Confirmed::Contradicted(Finding::LogHashMismatch {
                    expected: *hash,
                    found: log.hash,
                    cut_short: false,
                }),
                None => Confirmed::No(NotConfirmed::NotNamed),
            },
        }
    }
}

fn of(at: &ObjectLocation) -> Hash {
    Sha256::digest(at.uri()).into()
}

impl With {
    /// Reads a digest and returns what it names, if it is proven.
    async fn names(
        &self,
        digest: &CarryingDigest,
        newer: Option<&ObjectLocation>,
    ) -> Result<Names, NotConfirmed> {
        // The semaphore is never closed.
        let _at_once = self.at_once.acquire().await;
        let region = &digest.chain.source_region;
        let ring = match self.keys.keys(region, self.since, self.now).await {
            Fact::Keys(ring) | Fact::PartialKeys(PartialKeys { ring, .. }) => ring,
            _ => return Err(NotConfirmed::KeysUnavailable),
        };
        let read = self.read(&digest.at).await?;
        if let Some(names) = judged(read.clone(), &digest.at, None, &ring) {
            return Ok(names);
        }
        if let Some(newer) = newer
            && let Ok(newer) = self.read(newer).await
            && let Ok(claim) = newer.claim
            && claim.previous() == Some(&digest.at)
            && let Some(signature) = claim.previous_signature
        {
            // Whatever keeps a signature: that it holds is the proof.
            let link = Link { location: digest.at.clone(), hash: None, signature: Some(signature) };
            if let Some(names) = judged(read, &digest.at, Some(&link), &ring) {
                return Ok(names);
            }
        }
        Err(NotConfirmed::DigestNotProven)
    }

    async fn read(&self, at: &ObjectLocation) -> Result<DigestRead, NotConfirmed> {
        match fetch_digest(self.source.as_ref(), at).await {
            DigestFetch::Read(read, ..) => Ok(*read),
            DigestFetch::Missing | DigestFetch::Unreadable(_) => Err(NotConfirmed::DigestUnread),
        }
    }
}

/// Returns what a digest names, if a signature proves it.
fn judged(
    read: DigestRead,
    at: &ObjectLocation,
    link: Option<&Link>,
    ring: &KeyRing,
) -> Option<Names> {
    let fingerprint = read.claim.as_ref().ok().map(|claim| claim.fingerprint.clone());
    let key = fingerprint.and_then(|fingerprint| ring.get(&fingerprint));
    let key = key.map_or(KeyLookup::NoneSuch, KeyLookup::Known);
    match judge_digest(read, at, link, &key).0 {
        Outcome::Valid(proven) => {
            Some(proven.digest.logs.iter().map(|log| (of(&log.location), log.hash)).collect())
        }
        Outcome::Invalid(_) | Outcome::Unverified(_) => None,
    }
}
