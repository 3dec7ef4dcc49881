//! The events of a `verify` run.
use super::place::EvidencePlace;
use super::summary::{ChainSummary, RunSummary};
use crate::bytes::content::Hash;
use crate::codes::check::NotMade;
use crate::codes::failure::ReadFailure;
use crate::codes::finding::{Finding, Outcome};
use crate::codes::notice::Notice;
use crate::codes::unlisted::UnlistedReason;
use crate::digest::judge::Proofs;
use crate::log_file::LogProof;
use crate::trail_event::{ExplainingEvent, KnownEnd};
use crate::verdict::Verdict;
use crate::vocab::chain_id::ChainId;
use crate::vocab::ids::{AccountId, Region};
use crate::vocab::key_layout::DigestKind;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::{Period, Timestamp};
use strum::{EnumDiscriminants, EnumIter, EnumString, IntoStaticStr};

/// One fact about a `verify` run, in canonical order.
#[derive(Clone, Debug, PartialEq, Eq, EnumDiscriminants)]
#[strum_discriminants(
    name(RunEventName),
    derive(PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr),
    strum(serialize_all = "kebab-case"),
    doc = "The name of an event on its line; never renamed once released."
)]
pub enum RunEvent {
    /// First event, always.
    RunStarted(Box<RunStart>),
    /// The bucket was listed: what the run is going to look at.
    BucketListed {
        /// Chains.
        chains: u64,
        /// Digests in the listing, those that only anchor a walk included.
        digests: u64,
        /// Trails that lie here and that the scope leaves out.
        left_out: Vec<String>,
    },
    /// A listing could not be read, so that chains may be missing.
    ListingUnread {
        /// The folder.
        folder: String,
        /// Why.
        why: ReadFailure,
    },
    /// What follows is about this chain, up to its `ChainFinished`.
    ChainStarted {
        /// The chain.
        chain: ChainId,
    },
    /// A public key by which digests are believed. Comes once in a run, before the first digest
    /// that a signature of it proves.
    PublicKey(PublicKeyTold),
    /// One digest of the present chain was judged.
    DigestJudged(DigestJudged),
    /// One log file was judged. Follows its digest, in the digest's own order.
    LogJudged(LogJudged),
    /// A proven digest names a log file that was looked for. Its `LogJudged` follows.
    LogNamed(LogNamed),
    /// The present chain joins on to the record before it, or does not.
    SeamJudged(SeamJudged),
    /// The chain was walked to its end.
    ChainFinished(ChainSummary),
    /// What CloudTrail itself says of the present chain's delivery.
    TrailStatus {
        /// The chain.
        chain: ChainId,
        /// Whether the trail is logging now.
        is_logging: bool,
        /// When the newest digest was delivered.
        latest_digest_delivery: Option<Timestamp>,
        /// Why the newest attempt failed, in S3's words.
        latest_digest_error: Option<String>,
        /// That the bucket contradicts it.
        finding: Option<Finding>,
    },
    /// A verified event explains a stretch that no digest covers, or why a chain that ended before
    /// the period did: the stretch then begins with that end.
    GapExplained {
        /// The chain with the gap.
        chain: ChainId,
        /// Start of the stretch.
        from: Timestamp,
        /// End of it.
        to: Timestamp,
        /// The event.
        event: ExplainingEvent,
    },
    /// A log file lies in verified time and no verified digest names it.
    LogUnlisted {
        /// Where it lies.
        at: ObjectLocation,
        /// When it was put there last, where the listing has that.
        last_modified: Option<Timestamp>,
        /// Why it may lie there.
        reason: UnlistedReason,
    },
    /// An object that no verified digest names has the content of a log file that one names under
    /// another key. Weighs nothing.
    CopyOf {
        /// Where it lies.
        at: ObjectLocation,
        /// SHA-256 of its inflated content.
        hash: Hash,
    },
    /// A folder holds log files of the period, and no digest of any trail covers their account and
    /// region.
    LogsWithoutDigests {
        /// The folder.
        folder: String,
        /// Why they may lie there.
        reason: UnlistedReason,
    },
    /// A place that was named or is to be expected is not there, or what is there could not be
    /// judged.
    PlaceInDoubt(PlaceInDoubt),
    /// How every place that was found is answered for. Comes once, before the last event.
    PlacesAnswered(PlacesAnswered),
    /// A check was not made.
    CheckNotPerformed(NotMade),
    /// Last event, always; its absence means that the stream was cut.
    RunFinished(RunSummary),
}

impl RunEvent {
    /// The event without what a store answers differently each time: request ids, and how often it
    /// was asked. `None` where the event has nothing of the kind.
    pub fn reproducible(&self) -> Option<Self> {
        let mut event = match self {
            Self::ListingUnread { .. } => self.clone(),
            Self::DigestJudged(DigestJudged { outcome: Outcome::Unverified(_), .. }) => {
                self.clone()
            }
            Self::LogJudged(LogJudged { outcome: Outcome::Unverified(_), .. }) => self.clone(),
            _ => return None,
        };
        if let Self::ListingUnread { why, .. }
        | Self::DigestJudged(DigestJudged { outcome: Outcome::Unverified(why), .. })
        | Self::LogJudged(LogJudged { outcome: Outcome::Unverified(why), .. }) = &mut event
        {
            why.request_id = None;
            why.attempts = 0;
        }
        Some(event)
    }
}

/// A place that a run has to answer for and cannot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlaceInDoubt {
    /// Why.
    pub why: PlaceDoubt,
    /// The folder, where the place is one that was found.
    pub folder: Option<String>,
    /// How many folders below it are meant, where it is not the folder itself.
    pub folders: Option<u64>,
    /// Account that was named or expected.
    pub account: Option<AccountId>,
    /// Region that was named or expected.
    pub region: Option<Region>,
    /// Trail that was named, by name or ARN.
    pub trail: Option<String>,
}

impl PlaceInDoubt {
    /// A doubt about a chain.
    pub fn chain(why: PlaceDoubt, chain: &ChainId) -> Self {
        Self {
            why,
            folder: None,
            folders: None,
            account: Some(chain.account.clone()),
            region: Some(chain.source_region.clone()),
            trail: Some(chain.trail.to_string()),
        }
    }

    /// A doubt about a folder.
    pub fn folder(why: PlaceDoubt, folder: impl Into<String>) -> Self {
        Self {
            why,
            folder: Some(folder.into()),
            folders: None,
            account: None,
            region: None,
            trail: None,
        }
    }
}

/// Why a place is in doubt.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum PlaceDoubt {
    /// An account, region or trail that the caller named has no chain with evidence in the period.
    NamedNotFound,
    /// An account or region that the caller said to expect has none.
    ExpectedNotFound,
    /// A folder of digests holds objects, and none of their keys is a digest's.
    DigestsUnreadable,
    /// A budget ended the search before these folders were looked into.
    NotLookedAt,
    /// A chain ended before the period, and nothing that is verified says why.
    EndedUnexplained,
}

impl PlaceDoubt {
    /// Stable code for machines; never renamed once released. It parses as the reason.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// Whether nothing of the place is there, so that its whole period is uncovered.
    pub fn is_absence(self) -> bool {
        matches!(self, Self::NamedNotFound | Self::ExpectedNotFound)
    }
}

/// The account of the places that were found: each is an account's folders in one region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlacesAnswered {
    /// Places in which any object lies.
    pub found: u64,
    /// Those in which a chain has digests of the period.
    pub covered: u64,
    /// Those that hold no object of the period, and no chain that ended.
    pub empty: u64,
    /// Those that hold no object of the period, and a chain that ended before it.
    pub ended: u64,
    /// Those that are reported in doubt or could not be listed.
    pub doubtful: u64,
    /// Those in which only trails that the scope leaves out have digests.
    pub left_out: u64,
}

impl PlacesAnswered {
    /// Whether every place that was found has exactly one answer.
    pub fn adds_up(&self) -> bool {
        let answers =
            [self.covered, self.empty, self.ended, self.doubtful, self.left_out].into_iter();
        answers.fold(0_u64, u64::saturating_add) == self.found
    }
}

/// What a run is about, and what made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStart {
    /// What made the run.
    pub tool: Tool,
    /// Where the evidence was delivered, and where it was read.
    pub place: EvidencePlace,
    /// The period that is judged.
    pub period: Period,
    /// Whether the period was cut short because its end lies in the future.
    pub end_was_future: bool,
    /// From when on the newest digest of a chain must end for what follows it to be pending: two
    /// hours before the run, by the later of the machine's and the store's clock. `None` where the
    /// period ended before, so that nothing of it is still to come.
    pub tail_allowed_from: Option<Timestamp>,
    /// Trails that alone are looked at, by name or ARN; none named means all.
    pub trails: Vec<String>,
    /// Accounts that alone are looked at; none named means all.
    pub accounts: Vec<String>,
    /// Source regions that alone are looked at; none named means all.
    pub regions: Vec<String>,
    /// The organization whose folder alone is looked into, or an empty text where only accounts
    /// outside of any organization's folder are; `None` means all.
    pub organization: Option<String>,
    /// Accounts that the caller said to expect; `None` where nothing was said.
    pub expected_accounts: Option<Vec<String>>,
    /// Source regions that the caller said to expect; `None` where nothing was said.
    pub expected_regions: Option<Vec<String>>,
    /// What the caller stated of chains that ended before the period.
    pub known_ends: Vec<KnownEnd>,
    /// Whether log files that no verified digest names are searched for.
    pub unlisted: bool,
    /// Whether the caller asserts that the copy that is read is complete: what is absent from it
    /// is then absent from the bucket. False where no copy is read.
    pub complete_copy: bool,
    /// The record that the run joins on to.
    pub follows: Option<Follows>,
}

/// The record that a run joins on to, and what it was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follows {
    /// SHA-256 of its lines, in hex.
    pub sha256: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// The bucket that its evidence was delivered to.
    pub bucket: String,
    /// Its period.
    pub period: Period,
    /// Trails that alone it looked at.
    pub trails: Vec<String>,
    /// Accounts that alone it looked at.
    pub accounts: Vec<String>,
    /// Source regions that alone it looked at.
    pub regions: Vec<String>,
}

/// The program that made a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its version.
    pub version: String,
    /// What it was built from, where whoever built it said so.
    pub build: Option<String>,
}

impl Tool {
    /// This program. `TRAILPROOF_BUILD`, set when it is compiled, names the commit.
    pub fn this() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: option_env!("TRAILPROOF_BUILD").map(str::to_owned),
        }
    }
}

/// A public key that the run believes, as it was obtained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKeyTold {
    /// Region whose digests it signs.
    pub region: Region,
    /// Fingerprint that its record bears.
    pub fingerprint: String,
    /// Its bytes: PKCS#1 `RSAPublicKey` or SubjectPublicKeyInfo.
    pub der: Vec<u8>,
    /// Start of its validity, where its record tells it.
    pub valid_from: Option<Timestamp>,
    /// End of its validity, where its record tells it.
    pub valid_to: Option<Timestamp>,
    /// Where it was had from: `ListPublicKeys`, or the names of the files that were believed.
    pub source: String,
}

/// What the store showed of an object beside its content, where it was read whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Bytes as stored. Of a valid log file the same as its proof tells.
    pub stored: Option<u64>,
    /// SHA-256 of the inflated content where it is not the expected one, or the object is not
    /// proven. Absent for a broken gzip member, of which how much comes out is not the object's.
    pub found: Option<Hash>,
    /// ETag without quotes, where the store has one.
    pub etag: Option<String>,
    /// Version id, in a bucket with versions.
    pub version_id: Option<String>,
}

/// How one log file was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogJudged {
    /// Where it was delivered.
    pub at: ObjectLocation,
    /// SHA-256 of its inflated content, as its proven digest records it.
    pub expected: Hash,
    /// The judgement.
    pub outcome: Outcome<LogProof>,
    /// Whether it is missing where a lifecycle rule that expires old objects would look the same.
    pub lifecycle: bool,
    /// What was seen of the object.
    pub seen: Seen,
}

/// Whether the newest digest that the record before proves of a chain is there, proven, and the
/// same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeamJudged {
    /// Where the digest was delivered.
    pub at: ObjectLocation,
    /// Its end.
    pub end: Timestamp,
    /// SHA-256 of its inflated bytes, as the record before has it.
    pub expected: Hash,
    /// Whether it is so.
    pub joined: bool,
    /// What the evidence contradicts; `None` too where the digest's own line tells it, or where it
    /// could not be read.
    pub finding: Option<Finding>,
}

/// A log file that was looked for, and the proven digest that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogNamed {
    /// Where it was delivered.
    pub at: ObjectLocation,
    /// SHA-256 of its inflated content.
    pub hash: Hash,
    /// The digest.
    pub digest: ObjectLocation,
    /// Start of the interval in which it was delivered.
    pub start: Timestamp,
    /// End of it.
    pub end: Timestamp,
    /// Fingerprint of the key that the digest names as its own.
    pub fingerprint: String,
}

/// How one digest was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestJudged {
    /// Where it was delivered.
    pub at: ObjectLocation,
    /// Standard or backfill.
    pub kind: DigestKind,
    /// Its end: its own where it is proven, else its key's.
    pub end: Timestamp,
    /// The judgement.
    pub outcome: Outcome<DigestProof>,
    /// What is worth knowing beside it.
    pub notices: Vec<Notice>,
    /// Whether the judgement counts: a digest that only anchors the walk does not.
    pub counts: bool,
    /// What was seen of the object.
    pub seen: Seen,
}

/// What is told of a proven digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestProof {
    /// Start of its interval.
    pub start: Timestamp,
    /// SHA-256 of its inflated bytes.
    pub hash: Hash,
    /// The proofs that held.
    pub proofs: Proofs,
    /// How many log files it names.
    pub logs: u64,
    /// Fingerprint of the key that it names as its own.
    pub fingerprint: String,
    /// What it records of the digest before it; `None` in a starting digest.
    pub previous: Option<DigestLink>,
}

/// What a proven digest records of the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestLink {
    /// Where that was delivered.
    pub at: ObjectLocation,
    /// SHA-256 of its inflated bytes.
    pub hash: Option<Hash>,
    /// Its end, where its key is a digest's.
    pub end: Option<Timestamp>,
}
