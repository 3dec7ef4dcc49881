//! The result of a lookup, as the command gathers it.
use std::collections::BTreeSet;
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::codes::finding::Finding;
use trailproof_core::codes::lookup::{FileSkipped, LookupAnswer, LookupNotice};
use trailproof_core::record::EvidencePlace;
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{Period, Timestamp};

/// The result of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LookupReport {
    /// Where the evidence was delivered and read.
    pub(crate) place: EvidencePlace,
    /// The searched period.
    pub(crate) period: Period,
    /// The searched scope.
    pub(crate) scope: LookupScope,
    /// Whether period and scope come from the names of the files.
    pub(crate) from_names: bool,
    /// Whether the copy is asserted to be complete.
    pub(crate) complete_copy: bool,
    /// Where the public keys come from that prove the digests.
    pub(crate) key_sources: BTreeSet<String>,
    /// What was searched.
    pub(crate) searched: Searched,
    /// The files, in the order in which they were looked up.
    pub(crate) files: Vec<FileReport>,
    /// The files that were not looked up.
    pub(crate) skipped: Vec<SkippedFile>,
    /// The verdict: the most severe of the files.
    pub(crate) verdict: Verdict,
}

/// What a lookup was limited to. Empty lists mean everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LookupScope {
    pub(crate) trails: Vec<String>,
    pub(crate) accounts: Vec<String>,
    pub(crate) regions: Vec<String>,
}

/// What was searched, and what could not be searched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Searched {
    /// Number of chains.
    pub(crate) chains: u64,
    /// Seconds of chain time.
    pub(crate) total: i64,
    /// Seconds of chain time that proven digests cover.
    pub(crate) searched: i64,
    /// Standard digests that are not proven.
    pub(crate) digests_not_proven: u64,
    /// Backfill digests that are not proven.
    pub(crate) backfill_not_proven: u64,
    /// Places of which it is open what was delivered there.
    pub(crate) places_in_doubt: u64,
    /// Listings that could not be read.
    pub(crate) listings_unread: u64,
}

impl Searched {
    /// Returns whether everything was searched. An unproven digest may name any file.
    pub(crate) fn is_complete(&self) -> bool {
        self.total > 0
            && self.searched >= self.total
            && self.digests_not_proven == 0
            && self.backfill_not_proven == 0
            && self.places_in_doubt == 0
            && self.listings_unread == 0
    }
}

/// The answer for one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileReport {
    /// The path as it was given, or below the directory that was given; `-` for standard input.
    pub(crate) file: String,
    /// The answer.
    pub(crate) answer: LookupAnswer,
    /// What was noticed.
    pub(crate) notices: Vec<LookupNotice>,
    /// SHA-256 of the file's content, inflated and unpacked.
    pub(crate) hash: Hash,
    /// Number of bytes after the gzip member.
    pub(crate) trailing: Option<u64>,
    /// The content that the digests name for the file's name, if the file has different content.
    pub(crate) expected: Option<Hash>,
    /// Where a digest names the file.
    pub(crate) matches: Vec<LookupMatch>,
}

/// A file as a proven digest names it, or a proven digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LookupMatch {
    /// Location to which it was delivered.
    pub(crate) at: ObjectLocation,
    /// SHA-256 of its inflated content.
    pub(crate) hash: Hash,
    /// Location of the digest that names it.
    pub(crate) digest: ObjectLocation,
    /// Start of the interval in which it was delivered.
    pub(crate) start: Timestamp,
    /// End of that interval.
    pub(crate) end: Timestamp,
    /// Fingerprint of the key that the digest names as its own.
    pub(crate) fingerprint: String,
    /// The object that is at that location now.
    pub(crate) now: ObjectNow,
}

/// The object that is now at a location of delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ObjectNow {
    /// It is what was delivered.
    Valid,
    /// It contradicts the digest.
    Invalid(Finding),
    /// It could not be read.
    Unverified(ReadFailure),
    /// It was not read.
    NotRead,
}

/// A file that was not looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SkippedFile {
    pub(crate) file: String,
    pub(crate) why: FileSkipped,
}
