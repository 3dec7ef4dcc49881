//! Skips log files that a record proves and that the listing shows unchanged.
//!
//! The digest that names a log file is always read and proven again, whatever the record contains.
//! A log file is skipped if the record proves it at the same location with the same hash, and the
//! store lists it with the size, the ETag and the time of writing that it had then.
use crate::source::{ListRequest, Listed, ObjectSource, Pages};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::finding::Outcome;
use trailproof_core::log_file::LogProof;
use trailproof_core::record::{LogJudged, ObjectFacts, StoredAs};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// Maximum number of folders whose listings are kept. Each chain is in one day's folder at a time,
/// and about a hundred chains run at once.
const FOLDERS_KEPT: usize = 256;

/// Number of objects in a folder above which its listing is not used and all of its log files are
/// read: a day of one account and region with a log file every second.
const LISTED: usize = 86_400;

/// Maximum number of objects in all kept listings, at about 170 bytes each.
const LISTED_IN_ALL: usize = 200_000;

/// A name for location, hash, size and ETag together: half a SHA-256, so that a record of millions
/// fits into memory and collisions cannot be constructed.
type Name = [u8; 16];

/// The facts about a proven log file that are not part of its name.
#[derive(Debug)]
struct Fact {
    inflated: u64,
    stored_inflated: bool,
    several_members: bool,
    version_id: Option<Box<str>>,
    /// How it is stored, without its times. Most log files share one value.
    stored_as: Option<Arc<StoredAs>>,
    retain_until: Option<Timestamp>,
    last_modified: Option<Timestamp>,
}

/// Size, ETag and Last-Modified of the objects in one folder, by the rest of their keys.
type Listing = HashMap<Box<str>, (u64, Box<str>, Option<Timestamp>)>;

/// A listing that is made once, on first use; `None` if it cannot be used.
type Kept = Arc<OnceCell<Option<Listing>>>;

/// The log files that a record proves, with the listings that show whether they are unchanged.
#[derive(Debug, Default)]
pub struct ProvenLogs {
    facts: HashMap<Name, Fact>,
    /// Folders in which the record proves a log file.
    folders: HashSet<Name>,
    /// The values of how they are stored.
    stored_as: HashSet<Arc<StoredAs>>,
    listings: Mutex<Listings>,
    skipped: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Listings {
    kept: BTreeMap<ObjectLocation, Kept>,
    /// Folders in the order in which they were first requested.
    order: VecDeque<ObjectLocation>,
}

impl ProvenLogs {
    /// Adds a log file of a record. It is ignored if it was not proven or has no ETag.
    pub fn take(&mut self, judged: &LogJudged) {
        let (Outcome::Valid(proof), Some(etag)) = (&judged.outcome, &judged.seen.etag) else {
            return;
        };
        let name = name(&judged.at, &judged.expected, proof.stored, etag);
        let (stored_as, retain_until) = self.shared(judged.seen.stored_as.as_deref());
        let fact = Fact {
            inflated: proof.inflated,
            stored_inflated: proof.stored_inflated,
            several_members: proof.several_members,
            version_id: judged.seen.version_id.as_deref().map(Box::from),
            stored_as,
            retain_until,
            last_modified: judged.seen.stored_as.as_ref().and_then(|it| it.last_modified),
        };
        self.facts.insert(name, fact);
        if let Some((folder, _)) = split(&judged.at) {
            self.folders.insert(folder_name(&folder));
        }
    }

    /// Returns how a log file is stored, without its times and shared with others, and until when it
    /// is locked.
    fn shared(
        &mut self,
        stored_as: Option<&StoredAs>,
    ) -> (Option<Arc<StoredAs>>, Option<Timestamp>) {
        let Some(stored_as) = stored_as else { return (None, None) };
        let plain = StoredAs { retain_until: None, last_modified: None, ..stored_as.clone() };
        let shared = match self.stored_as.get(&plain) {
            Some(known) => Arc::clone(known),
            None => {
                let new = Arc::new(plain);
                self.stored_as.insert(Arc::clone(&new));
                new
            }
        };
        (Some(shared), stored_as.retain_until)
    }

    /// Returns the number of known log files.
    pub fn count(&self) -> usize {
        self.facts.len()
    }

    /// Returns the counter of log files that were not read.
    pub fn skipped(&self) -> &Arc<AtomicU64> {
        &self.skipped
    }

    /// Returns how the log file at `at` was proven, if the record proves it with this hash and the
    /// listing shows it unchanged.
    pub(crate) async fn unchanged(
        &self,
        source: &dyn ObjectSource,
        at: &ObjectLocation,
        expected: &Hash,
    ) -> Option<(LogProof, ObjectFacts)> {
        let (folder, rest) = split(at)?;
        if !self.folders.contains(&folder_name(&folder)) {
            return None;
        }
        let kept = self.kept(&folder);
        let listing = kept.get_or_init(|| list(source, &folder)).await.as_ref()?;
        let (size, etag, last_modified) = listing.get(rest)?;
        let fact = self.facts.get(&name(at, expected, *size, etag))?;
        // Not every store makes ETags of contents, and none writes an object without a new time.
        if fact.last_modified.zip(*last_modified).is_some_and(|(then, now)| then != now) {
            return None;
        }
        self.skipped.fetch_add(1, Ordering::Relaxed);
        let proof = LogProof {
            stored: *size,
            inflated: fact.inflated,
            stored_inflated: fact.stored_inflated,
            several_members: fact.several_members,
        };
        let seen = ObjectFacts {
            stored: Some(*size),
            found: None,
            etag: Some(etag.to_string()),
            version_id: fact.version_id.as_deref().map(str::to_owned),
            stored_as: fact.stored_as.as_deref().map(|plain| {
                let (retain_until, last_modified) = (fact.retain_until, *last_modified);
                Box::new(StoredAs { retain_until, last_modified, ..plain.clone() })
            }),
        };
        Some((proof, seen))
    }

    /// Returns the slot of a folder's listing, and evicts the oldest listings to make room for it.
    fn kept(&self, folder: &ObjectLocation) -> Kept {
        let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        let Listings { kept, order } = &mut *listings;
        if let Some(there) = kept.get(folder) {
            return Arc::clone(there);
        }
        let size = |kept: &Kept| kept.get().and_then(Option::as_ref).map_or(0, HashMap::len);
        let mut all: usize = kept.values().map(size).sum();
        while order.len() >= FOLDERS_KEPT || all > LISTED_IN_ALL {
            let Some(oldest) = order.pop_front().and_then(|oldest| kept.remove(&oldest)) else {
                break;
            };
            all -= size(&oldest).min(all);
        }
        order.push_back(folder.clone());
        Arc::clone(kept.entry(folder.clone()).or_default())
    }
}

/// Splits a key into its folder and the rest.
fn split(at: &ObjectLocation) -> Option<(ObjectLocation, &str)> {
    let end = at.key.rfind('/')? + 1;
    let (folder, rest) = at.key.split_at_checked(end)?;
    Some((ObjectLocation::new(at.bucket.as_str(), folder), rest))
}

fn name(at: &ObjectLocation, expected: &Hash, size: u64, etag: &str) -> Name {
    let mut hash = Sha256::new();
    // Lengths precede texts, so that no two locations have the same encoding.
    for text in [at.bucket.as_str(), at.key.as_str(), etag] {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    hash.update(expected);
    hash.update(size.to_le_bytes());
    half(hash)
}

fn folder_name(folder: &ObjectLocation) -> Name {
    let mut hash = Sha256::new();
    hash.update(folder.bucket.len().to_le_bytes());
    hash.update(&folder.bucket);
    hash.update(&folder.key);
    half(hash)
}

fn half(hash: Sha256) -> Name {
    let mut name = Name::default();
    name.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    name
}

/// Lists a folder. Returns `None` if that fails or has too many objects; its log files are then
/// read.
async fn list(source: &dyn ObjectSource, folder: &ObjectLocation) -> Option<Listing> {
    let mut pages = Pages::new(source, ListRequest::all(&folder.bucket, &folder.key));
    let mut listing = Listing::new();
    while let Some(page) = pages.next().await.ok()? {
        for Listed { key, size, etag, last_modified, .. } in page.objects {
            if let (Some(rest), Some(etag)) = (key.strip_prefix(&folder.key), etag) {
                listing.insert(rest.into(), (size, etag.into(), last_modified));
            }
        }
        if listing.len() > LISTED {
            return None;
        }
    }
    Some(listing)
}
