//! Looks for the version that proves an object whose oldest version does not.
//!
//! An object with a predictable name can have been planted before CloudTrail wrote its own, once or a
//! thousand times. Versions are read directly, oldest first: a log file is held against the hash that
//! its proven digest records, a digest against its own signature and the hash that its successor
//! records. Only a version that fits is shown to the engine, which alone decides.
use crate::source::fetch::{DigestFetch, fetch_digest, fetch_log_once};
use crate::source::layer::overlay::{VersionsView, versions_of};
use crate::source::many::{few_in_order, in_order};
use crate::source::version::{ListedVersion, VersionSource};
use crate::source::{
    BoxFuture, ListPage, ListRequest, ObjectReader, ObjectSource, ReadError, ReadFrom,
};
use crate::trust::KeyService;
use crate::trust::key_book::KeyBook;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::finding::Outcome;
use trailproof_core::compat::judge::DigestRead;
use trailproof_core::digest::document::Link;
use trailproof_core::digest::judge::{KeyLookup, judge_digest};
use trailproof_core::log_file::check_log;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::key_layout::DigestKey;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{DAY, Timestamp};
use trailproof_core::walk::facts::{Fact, PartialKeys};

/// Versions of one object that are read at once.
const AT_ONCE: usize = 32;

/// Versions that one object may show to the engine one after the other, each for a run of its own. The
/// hash of a log file and the signature of a digest decide with the first; only digests without a
/// signature take several.
pub(super) const SHOWN: usize = 16;

/// How many versions are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TryVersions {
    /// Of each object.
    pub(crate) of_object: usize,
}

impl Default for TryVersions {
    fn default() -> Self {
        Self { of_object: budget::VERSIONS_TRIED }
    }
}

/// How far the versions of an object were tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tried {
    /// Versions that were read.
    pub(crate) versions: usize,
    /// Whether none is left that could prove the object.
    pub(crate) all: bool,
}

/// Why an object does not prove, as far as the search needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wrong<'a> {
    pub(super) at: &'a ObjectLocation,
    /// Hash that a proven digest records of it: of the content of a log file, or of a digest.
    pub(super) expected: Option<&'a Hash>,
    /// Whether the version that is shown could not be read, so that it may prove the object.
    pub(super) unread: bool,
}

/// What the bytes of a version show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// They are the object.
    Yes,
    /// Only the digest after it can prove them.
    Perhaps,
    No,
}

/// The search over one view of versions.
pub(super) struct Trying<'v> {
    view: &'v Arc<VersionsView>,
    keys: KeyBook,
    since: Timestamp,
    now: Timestamp,
    limit: TryVersions,
    /// Versions and bytes that may still be read, of all objects together.
    versions_left: AtomicU64,
    bytes_left: AtomicU64,
    objects: BTreeMap<ObjectLocation, Candidates>,
}

/// The versions of one object.
#[derive(Debug, Default)]
struct Candidates {
    /// Those with content, the oldest first.
    versions: Vec<ListedVersion>,
    /// The first that was not read yet.
    next: usize,
    /// The first that could not be read, so that it may prove the object; 0 is the oldest.
    unread: Option<usize>,
    /// Those that only the digest after it can prove, the newest first.
    perhaps: Vec<usize>,
    /// The one that is shown instead of the oldest.
    shown: Option<usize>,
    /// Versions that were shown.
    shows: usize,
    /// Whether the search ended before the last version.
    cut: bool,
}

impl<'v> Trying<'v> {
    /// Prepares the search. `since` is the time from which on the digests were signed.
    pub(super) fn new(
        view: &'v Arc<VersionsView>,
        keys: &Arc<dyn KeyService>,
        (since, now): (Timestamp, Timestamp),
        limit: TryVersions,
    ) -> Self {
        let of_run = u64::try_from(limit.of_object).unwrap_or(u64::MAX).saturating_mul(10);
        Self {
            view,
            keys: KeyBook::new(Arc::clone(keys), now),
            since: since.plus(-2 * DAY),
            now: now.max(since),
            limit,
            versions_left: AtomicU64::new(of_run),
            bytes_left: AtomicU64::new(of_run.saturating_mul(budget::VERSION_TRIED_BYTES)),
            objects: BTreeMap::new(),
        }
    }

    /// Shows of each of these objects the next version that fits. Returns whether the view changed.
    pub(super) async fn advance(&mut self, wrong: &[Wrong<'_>]) -> bool {
        let wrong = wrong.get(..wrong.len().min(budget::COPIES_READ)).unwrap_or_default();
        let below = self.view.below();
        let new = wrong.iter().filter(|it| !self.objects.contains_key(it.at));
        let listed = in_order(new.map(|it| -> BoxFuture<'_, _> {
            Box::pin(async move { (it.at, versions_of(below.as_ref(), it.at).await) })
        }))
        .await;
        for (at, versions) in listed {
            let mut candidates = Candidates { next: 1, ..Candidates::default() };
            match versions {
                Ok(versions) => {
                    let contents = versions.into_iter().rev().filter(|it| it.content.is_some());
                    candidates.versions = contents.collect();
                }
                Err(_) => candidates.cut = true,
            }
            self.objects.insert(at.clone(), candidates);
        }
        let mut taken = Vec::new();
        for it in wrong {
            if let Some(candidates) = self.objects.remove(it.at) {
                taken.push((*it, candidates));
            }
        }
        let this = &*self;
        let searched = in_order(taken.into_iter().map(|(it, candidates)| -> BoxFuture<'_, _> {
            Box::pin(async move { (it.at, this.search(it, candidates).await) })
        }))
        .await;
        let mut changed = false;
        for (at, (candidates, found)) in searched {
            changed |= found;
            self.objects.insert(at.clone(), candidates);
        }
        changed
    }

    /// Returns how far the versions of each object were tried.
    pub(super) fn tried(self) -> BTreeMap<ObjectLocation, Tried> {
        let tried = self.objects.into_iter().map(|(at, it)| {
            let versions = it.next.min(it.versions.len());
            (at, Tried { versions, all: !it.cut && versions == it.versions.len() })
        });
        tried.collect()
    }

    /// Shows the next version that fits, or else the one that could not be read, or else the oldest.
    /// Returns whether that is a different one than before.
    async fn search(&self, wrong: Wrong<'_>, mut of: Candidates) -> (Candidates, bool) {
        let before = of.shown;
        if wrong.unread {
            of.unread = of.unread.or(Some(of.shown.unwrap_or(0)));
        }
        let mut found = None;
        while found.is_none() && !of.cut && of.next < of.versions.len() {
            found = self.next_that_fits(wrong, &mut of).await;
        }
        if found.is_none() {
            found = of.perhaps.pop();
        }
        if found.is_some() && of.shows == SHOWN {
            of.cut = true;
            found = None;
        }
        of.shows += usize::from(found.is_some());
        let shown = found.or(of.unread).filter(|at| *at > 0);
        match shown.and_then(|at| of.versions.get(at)) {
            Some(version) => self.view.prefer(wrong.at, &version.version_id),
            None => self.view.prefer_none(wrong.at),
        }
        of.shown = shown;
        (of, shown != before)
    }

    /// Reads the next versions, as many at once as are allowed, and returns the first that fits.
    async fn next_that_fits(&self, wrong: Wrong<'_>, of: &mut Candidates) -> Option<usize> {
        let mut end = of.next;
        while let Some(version) = of.versions.get(end)
            && end - of.next < AT_ONCE
            && end < self.limit.of_object
            && self.may_read(version)
        {
            end += 1;
        }
        let read = of.versions.get(of.next..end).unwrap_or_default();
        if read.is_empty() {
            of.cut = true;
            return None;
        }
        let fits = few_in_order(
            read.iter().map(|version| -> BoxFuture<'_, Result<Fit, ReadFailure>> {
                Box::pin(self.fits(wrong, version))
            }),
            AT_ONCE,
        )
        .await;
        for (at, fits) in (of.next..end).zip(fits) {
            of.next = at + 1;
            match fits {
                Ok(Fit::Yes) => return Some(at),
                Ok(Fit::Perhaps) if of.perhaps.len() > SHOWN => of.cut = true,
                Ok(Fit::Perhaps) => of.perhaps.insert(0, at),
                Ok(Fit::No) => {}
                Err(_) => of.unread = of.unread.or(Some(at)),
            }
        }
        None
    }

    fn may_read(&self, version: &ListedVersion) -> bool {
        let size = version.content.as_ref().map_or(0, |content| content.size);
        spend(&self.versions_left, 1) && spend(&self.bytes_left, size)
    }

    /// Returns whether a version may prove the object.
    async fn fits(&self, wrong: Wrong<'_>, version: &ListedVersion) -> Result<Fit, ReadFailure> {
        let (at, below) = (wrong.at, self.view.below());
        let one = OneVersion { below: Arc::clone(below), id: version.version_id.clone() };
        let Some(digest) = DigestKey::parse(&at.key) else {
            let Some(expected) = wrong.expected else { return Ok(Fit::No) };
            // One reading is not enough to give a version up: a byte may be lost in transit.
            for _ in 0..2 {
                match fetch_log_once(&one, at).await {
                    Ok(content) => {
                        // What a small object inflates to is paid for by the next versions.
                        let _ = spend(&self.bytes_left, content.inflated);
                        if matches!(check_log(expected, &content), Outcome::Valid(_)) {
                            return Ok(Fit::Yes);
                        }
                    }
                    Err(why) => return unread(why),
                }
            }
            return Ok(Fit::No);
        };
        let fetched = match fetch_digest(&one, at).await {
            DigestFetch::Read(read, ..) => *read,
            DigestFetch::Missing => return unread(ReadError::Missing),
            DigestFetch::Unreadable(why) => return unread(ReadError::Failure(why)),
        };
        let _ = spend(&self.bytes_left, fetched.content.inflated);
        let link = wrong.expected.map(|hash| Link {
            location: at.clone(),
            hash: Some(*hash),
            signature: None,
        });
        let is_here = fetched.claim.as_ref().is_ok_and(|claim| claim.location == *at);
        Ok(match self.proves(&digest, at, fetched, link.as_ref()).await? {
            true => Fit::Yes,
            // Copying loses the signature of a digest, and what its successor records may be known
            // only when it is its turn.
            false if is_here && wrong.expected.is_none() => Fit::Perhaps,
            false => Fit::No,
        })
    }

    /// Returns whether a digest has a signature that holds, or the hash that its successor records.
    async fn proves(
        &self,
        digest: &DigestKey,
        at: &ObjectLocation,
        read: DigestRead,
        link: Option<&Link>,
    ) -> Result<bool, ReadFailure> {
        let region = &digest.chain.source_region;
        let ring = match self.keys.keys(region, self.since, self.now).await {
            Fact::Keys(ring) | Fact::PartialKeys(PartialKeys { ring, .. }) => ring,
            Fact::KeysFailed(why) => return Err(why),
            _ => return Ok(false),
        };
        let fingerprint = read.claim.as_ref().ok().map(|claim| claim.fingerprint.clone());
        let key = fingerprint.and_then(|fingerprint| ring.get(&fingerprint));
        let key = key.map_or(KeyLookup::NoneSuch, KeyLookup::Known);
        Ok(matches!(judge_digest(read, at, link, &key).0, Outcome::Valid(_)))
    }
}

/// Returns what follows from a version that could not be read. One that is gone by now proves nothing.
fn unread(why: ReadError) -> Result<Fit, ReadFailure> {
    match why {
        ReadError::Missing => Ok(Fit::No),
        ReadError::Failure(why) => Err(why),
    }
}

/// Takes an amount of what is left, and returns whether there was enough.
fn spend(left: &AtomicU64, amount: u64) -> bool {
    let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        Some(left.saturating_sub(amount))
    });
    taken.is_ok_and(|before| before >= amount)
}

/// A source that shows one version of whatever is opened.
#[derive(Debug)]
struct OneVersion {
    below: Arc<dyn VersionSource>,
    id: String,
}

impl ObjectSource for OneVersion {
    fn list<'a>(
        &'a self,
        _request: &'a ListRequest,
    ) -> BoxFuture<'a, Result<ListPage, ReadFailure>> {
        let words = "a single version has no listing";
        Box::pin(async move { Err(ReadFailure::new(ReadFailureKind::NotCopied, words)) })
    }

    fn open<'a>(
        &'a self,
        at: &'a ObjectLocation,
        from: &'a ReadFrom,
    ) -> BoxFuture<'a, Result<Box<dyn ObjectReader>, ReadError>> {
        self.below.open_version(at, &self.id, from)
    }
}
