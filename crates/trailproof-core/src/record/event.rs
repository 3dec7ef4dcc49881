//! The events of a `verify` run.
use super::exception::{AcceptedExceptions, ExceptionIndex, ExceptionsJudged};
use super::place::EvidencePlace;
use super::place_doubt::{PlaceInDoubt, PlacesAnswered};
use super::stored_as::StoredAs;
use super::summary::{ChainSummary, RunSummary};
use crate::bytes::content::Hash;
use crate::codes::check::SkippedCheck;
use crate::codes::failure::ReadFailure;
use crate::codes::finding::{Finding, Outcome};
use crate::codes::notice::Notice;
use crate::codes::unlisted::UnlistedReason;
use crate::digest::judge::Proofs;
use crate::log_file::LogProof;
use crate::trail_event::{ExplainingEvent, KnownEnd};
use crate::verdict::Verdict;
use crate::vocab::chain_id::ChainId;
use crate::vocab::ids::Region;
use crate::vocab::key_layout::DigestKind;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::{Period, Timestamp};
use std::collections::BTreeMap;
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
    /// Always the first event.
    RunStarted(Box<RunStart>),
    /// The bucket was listed: the scope of what the run is about to verify.
    BucketListed {
        /// Number of chains.
        chains: u64,
        /// Number of digests in the listing, including those that only anchor a walk.
        digests: u64,
        /// Trails that are present and that the scope leaves out.
        left_out: Vec<String>,
    },
    /// A listing could not be read, so that chains may be missing.
    ListingUnread {
        /// The folder.
        folder: String,
        /// The reason.
        why: ReadFailure,
    },
    /// Everything up to the next `ChainFinished` is about this chain.
    ChainStarted {
        /// The chain.
        chain: ChainId,
    },
    /// A public key that proves digests. Recorded once in a run, before the first digest that one
    /// of its signatures proves.
    PublicKey(PublicKeyUsed),
    /// One digest of the current chain was judged.
    DigestJudged(DigestJudged),
    /// One log file was judged. Follows its digest, in the order of the digest's list.
    LogJudged(LogJudged),
    /// A proven digest names a log file that was searched for. Its `LogJudged` follows.
    LogNamed(LogNamed),
    /// The current chain continues the one in the preceding record, or does not.
    SeamJudged(SeamJudged),
    /// The chain was walked to its end.
    ChainFinished(ChainSummary),
    /// What CloudTrail itself reports about the current chain's delivery.
    TrailStatus {
        /// The chain.
        chain: ChainId,
        /// Whether the trail is logging now.
        is_logging: bool,
        /// When the newest digest was delivered.
        latest_digest_delivery: Option<Timestamp>,
        /// Why the newest attempt failed, in S3's own text.
        latest_digest_error: Option<String>,
        /// The finding, if the bucket contradicts the status.
        finding: Option<Finding>,
    },
    /// A verified event explains a stretch that no digest covers, or explains why a chain ended
    /// before the period; the stretch then begins at that end.
    GapExplained {
        /// The chain with the gap.
        chain: ChainId,
        /// Start of the stretch.
        from: Timestamp,
        /// End of the stretch.
        to: Timestamp,
        /// The event.
        event: ExplainingEvent,
    },
    /// A log file in verified time that no verified digest names.
    LogUnlisted {
        /// Location of the log file.
        at: ObjectLocation,
        /// When it was last written, if the listing states that.
        last_modified: Option<Timestamp>,
        /// Why it may be there.
        reason: UnlistedReason,
    },
    /// An object that no verified digest names has the content of a log file that one names under a
    /// different key. Has no effect on the verdict.
    CopyOf {
        /// Location of the object.
        at: ObjectLocation,
        /// SHA-256 of its inflated content.
        hash: Hash,
    },
    /// A folder holds log files of the period, and no digest of any trail covers their account and
    /// region.
    LogsWithoutDigests {
        /// The folder.
        folder: String,
        /// Why they may be there.
        reason: UnlistedReason,
    },
    /// A place that was named or is expected is absent, or what is there could not be judged.
    PlaceInDoubt(PlaceInDoubt),
    /// How every place that was found is accounted for. Recorded once, before the last event.
    PlacesAnswered(PlacesAnswered),
    /// A check was not performed.
    CheckNotPerformed(SkippedCheck),
    /// What the accepted exceptions of the run amount to. Recorded once, before the last event, if
    /// the run has any.
    ExceptionsJudged(ExceptionsJudged),
    /// Always the last event; if it is missing, the stream was cut short.
    RunFinished(RunSummary),
}

impl RunEvent {
    /// Returns the event without the values that a store may return differently each time: request
    /// ids and numbers of attempts. Returns `None` if the event has none of these.
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

/// The subject of a run, and the program that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStart {
    /// The program that made the run.
    pub tool: Tool,
    /// Where the evidence was delivered, and where it was read.
    pub place: EvidencePlace,
    /// The period to verify.
    pub period: Period,
    /// Whether the period was cut short because its end is in the future.
    pub end_was_future: bool,
    /// The earliest end of a chain's newest digest for which the time after it is pending: two
    /// hours before the run, by the later of the machine's and the store's clock. `None` if the
    /// period ended before that, so that none of its digests is still to come.
    pub tail_allowed_from: Option<Timestamp>,
    /// Trails to verify, by name or ARN; empty means all.
    pub trails: Vec<String>,
    /// Accounts to verify; empty means all.
    pub accounts: Vec<String>,
    /// Source regions to verify; empty means all.
    pub regions: Vec<String>,
    /// The organization whose folder alone is searched, or an empty text for only the accounts
    /// outside of any organization's folder; `None` means all.
    pub organization: Option<String>,
    /// Accounts that the user expects; `None` if not given.
    pub expected_accounts: Option<Vec<String>>,
    /// Names of expected accounts, by account, as Organizations or the user gave them. They are shown
    /// beside the account; nothing is decided by them.
    pub account_names: BTreeMap<String, String>,
    /// Source regions that the user expects; `None` if not given.
    pub expected_regions: Option<Vec<String>>,
    /// What the user stated about chains that ended before the period.
    pub known_ends: Vec<KnownEnd>,
    /// The exceptions that somebody reviewed and accepted; `None` if none were given.
    pub accepted: Option<AcceptedExceptions>,
    /// Whether log files that no verified digest names are searched for.
    pub unlisted: bool,
    /// Whether the user asserts that the copy is complete: what is absent from it is then absent
    /// from the bucket. False if no copy is read.
    pub complete_copy: bool,
    /// The preceding record that the run continues.
    pub follows: Option<Follows>,
}

/// The preceding record that a run continues, and its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follows {
    /// SHA-256 of its lines, in hex.
    pub sha256: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// The bucket to which its evidence was delivered.
    pub bucket: String,
    /// Its period.
    pub period: Period,
    /// Trails that it verified; empty means all.
    pub trails: Vec<String>,
    /// Accounts that it verified; empty means all.
    pub accounts: Vec<String>,
    /// Source regions that it verified; empty means all.
    pub regions: Vec<String>,
}

/// The program that made a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its version.
    pub version: String,
    /// The commit that it was built from, if it is known.
    pub build: Option<String>,
    /// What else is known of the build.
    pub built: Option<BuildIdentity>,
}

impl RunStart {
    /// Returns the index of the accepted exceptions; `None` if the run was given none.
    pub fn exception_index(&self) -> Option<ExceptionIndex> {
        let bucket = &self.place.delivered_to.bucket;
        self.accepted.as_ref().map(|exceptions| ExceptionIndex::new(exceptions, bucket))
    }
}

/// What a program was built from and with, except for the commit. Two builds that differ in nothing of
/// it write the same records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildIdentity {
    /// Time of the commit.
    pub committed: Option<Timestamp>,
    /// Whether the sources were those of the commit.
    pub tree: SourceTree,
    /// The target, such as `x86_64-unknown-linux-gnu`.
    pub target: String,
    /// Version of the compiler, such as `1.94.1`.
    pub rustc: String,
}

/// Whether the sources of a build were those of its commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum SourceTree {
    /// They were.
    Clean,
    /// They were changed, or there were other files among them.
    Modified,
    /// The builder stated the commit, and nobody compared.
    Stated,
}

impl SourceTree {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

impl Tool {
    /// Returns this program, with what `build.rs` found out about its build.
    pub fn this() -> Self {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let committed = option_env!("TRAILPROOF_BUILD_COMMITTED");
        let tree = option_env!("TRAILPROOF_BUILD_TREE").and_then(|code| code.parse().ok());
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: option_env!("TRAILPROOF_BUILD").map(str::to_owned),
            built: tree.map(|tree| BuildIdentity {
                committed: committed.and_then(|text| text.parse().ok()).map(Timestamp::from_unix),
                tree,
                target: text(option_env!("TRAILPROOF_BUILD_TARGET")),
                rustc: text(option_env!("TRAILPROOF_BUILD_RUSTC")),
            }),
        }
    }
}

/// The source of public keys that lie in the mirror that a run reads, and that were not named.
pub const KEYS_OF_MIRROR: &str = "public-keys.json of the mirror itself";

/// A public key that the run trusts, as it was obtained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKeyUsed {
    /// Region whose digests it signs.
    pub region: Region,
    /// Fingerprint from its record.
    pub fingerprint: String,
    /// Its bytes: PKCS#1 `RSAPublicKey` or SubjectPublicKeyInfo.
    pub der: Vec<u8>,
    /// Start of its validity, if its record states it.
    pub valid_from: Option<Timestamp>,
    /// End of its validity, if its record states it.
    pub valid_to: Option<Timestamp>,
    /// Its source: `ListPublicKeys`, [`KEYS_OF_MIRROR`], or the names of the files that were trusted.
    pub source: String,
}

/// What the store returned about an object besides its content, if the object was read completely.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectFacts {
    /// Number of bytes as stored. For a valid log file, the same as in its proof.
    pub stored: Option<u64>,
    /// SHA-256 of the inflated content if it is not the expected one, or if the object is not
    /// proven. Absent for a broken gzip member, because how much of it can be inflated is not a
    /// property of the object.
    pub found: Option<Hash>,
    /// ETag without quotes, if the store has one.
    pub etag: Option<String>,
    /// Version id, in a bucket with versions.
    pub version_id: Option<String>,
    /// How it is stored, if the store reports that.
    pub stored_as: Option<Box<StoredAs>>,
}

/// The judgement of one log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogJudged {
    /// Location to which it was delivered.
    pub at: ObjectLocation,
    /// SHA-256 of its inflated content, as its proven digest records it.
    pub expected: Hash,
    /// The judgement.
    pub outcome: Outcome<LogProof>,
    /// Whether it is missing and a lifecycle rule that expires old objects would look the same.
    pub lifecycle: bool,
    /// What the store returned about the object.
    pub seen: ObjectFacts,
}

/// The check that the newest digest that the preceding record proves of a chain is present, proven
/// and unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeamJudged {
    /// Location to which the digest was delivered.
    pub at: ObjectLocation,
    /// Its end.
    pub end: Timestamp,
    /// SHA-256 of its inflated bytes, according to the preceding record.
    pub expected: Hash,
    /// Whether the chain continues there.
    pub joined: bool,
    /// The finding, if the evidence contradicts it; also `None` if the digest's own line has the
    /// finding, or if the digest could not be read.
    pub finding: Option<Finding>,
}

/// A log file that was searched for, and the proven digest that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogNamed {
    /// Location to which it was delivered.
    pub at: ObjectLocation,
    /// SHA-256 of its inflated content.
    pub hash: Hash,
    /// Location of the digest.
    pub digest: ObjectLocation,
    /// Start of the interval in which it was delivered.
    pub start: Timestamp,
    /// End of that interval.
    pub end: Timestamp,
    /// Fingerprint of the key that the digest names as its own.
    pub fingerprint: String,
}

/// The judgement of one digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestJudged {
    /// Location to which it was delivered.
    pub at: ObjectLocation,
    /// Standard or backfill.
    pub kind: DigestKind,
    /// Its own end if it is proven, otherwise its key's.
    pub end: Timestamp,
    /// The judgement.
    pub outcome: Outcome<DigestProof>,
    /// Notices about it.
    pub notices: Vec<Notice>,
    /// Whether the judgement counts: that of a digest that only anchors the walk does not.
    pub counts: bool,
    /// What the store returned about the object.
    pub seen: ObjectFacts,
}

/// The facts that are recorded about a proven digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestProof {
    /// Start of its interval.
    pub start: Timestamp,
    /// SHA-256 of its inflated bytes.
    pub hash: Hash,
    /// The proofs that held.
    pub proofs: Proofs,
    /// Number of log files that it names.
    pub logs: u64,
    /// Fingerprint of the key that it names as its own.
    pub fingerprint: String,
    /// What it records about the previous digest; `None` in a starting digest.
    pub previous: Option<DigestLink>,
}

/// What a proven digest records about the previous one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestLink {
    /// Location to which that one was delivered.
    pub at: ObjectLocation,
    /// SHA-256 of its inflated bytes.
    pub hash: Option<Hash>,
    /// Its end, if its key is a digest's key.
    pub end: Option<Timestamp>,
}
