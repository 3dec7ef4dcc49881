//! Deeds: what an attacker, a lifecycle rule or a bad copy does.
use super::built::{BuiltDigest, BuiltTrail, ChainId};
use strum::{EnumDiscriminants, EnumIter};

/// A digest by the index of its chain and its own index there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestAt {
    /// Index in [`BuiltTrail::chains`].
    pub chain: usize,
    /// Index in [`super::BuiltChain::digests`].
    pub index: usize,
}

/// A log file by the digest that names it and its own index there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogAt {
    /// The digest.
    pub digest: DigestAt,
    /// Index in [`BuiltDigest::logs`].
    pub log: usize,
}

/// A key that is almost a digest's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoy {
    /// The right name in the folder of the next day.
    WrongDateFolder,
    /// An end time a century later, in the folder of the digest's day, where it sorts last.
    FarFutureInEarlyFolder,
    /// The right key, followed by `.bak`.
    ExtraSuffix,
    /// The right key without `.gz`.
    WrongExtension,
    /// The right name one folder deeper.
    NestedFolder,
    /// The key of a trail whose name begins with this trail's and is longer. It is a digest's key.
    LongerTrailName,
    /// An end time a century later, in the folder of that day. It is a digest's key.
    FarFuture,
}

/// Text that must not reach a terminal, a page, a path or a budget unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hostile {
    /// Control characters, including line breaks.
    Control,
    /// `..` between slashes.
    DotDot,
    /// A `<script>` element.
    Script,
    /// Escape sequences that clear a terminal and set its title.
    Terminal,
    /// A right-to-left override.
    Bidirectional,
    /// More than a megabyte of one letter.
    Megabyte,
}

impl Hostile {
    /// Returns the text.
    pub fn text(self) -> String {
        match self {
            Self::Control => "a\u{1}b\tc\r\nd\u{7f}e\u{85}f".to_owned(),
            Self::DotDot => "../../../../etc/passwd/..".to_owned(),
            Self::Script => "<script>alert('x')</script>&amp;\"".to_owned(),
            Self::Terminal => "\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}[31m".to_owned(),
            Self::Bidirectional => "\u{202e}zg.nosj.x\u{200b}".to_owned(),
            Self::Megabyte => "A".repeat((1 << 20) + 1),
        }
    }
}

/// A change to a built trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumDiscriminants)]
#[strum_discriminants(
    name(DeedKind),
    derive(EnumIter, PartialOrd, Ord),
    doc = "A deed without its target."
)]
pub enum Deed {
    /// The digest is deleted.
    DigestDeleted(DigestAt),
    /// One byte of the content changes; the gzip is whole, the metadata is unchanged.
    DigestByteFlipped(DigestAt),
    /// One log file is left out, and the digest is signed by a key that is not AWS's, under that
    /// key's own fingerprint.
    DigestForged(DigestAt),
    /// Like `DigestForged`, but the digest names the fingerprint of AWS's key.
    DigestForgedKnownFingerprint(DigestAt),
    /// The object of digest `from` is copied over that of `to`.
    DigestMoved {
        /// The source; it also remains where it is.
        from: DigestAt,
        /// What it replaces.
        to: DigestAt,
    },
    /// The objects of two digests, possibly of two trails, are swapped.
    DigestSwapped {
        /// One of the digests.
        one: DigestAt,
        /// The other digest.
        other: DigestAt,
    },
    /// The object is plain text.
    DigestNotGzip(DigestAt),
    /// The object is whole gzip of something that is not JSON.
    DigestNotJson(DigestAt),
    /// The object ends in the middle of the deflate stream.
    DigestTruncatedGzip(DigestAt),
    /// Bytes that are not gzip follow the member.
    DigestTrailingData(DigestAt),
    /// A second member follows the first.
    DigestSecondMember(DigestAt),
    /// The object holds the digest in several members.
    DigestInSeveralMembers(DigestAt),
    /// AWS itself signed a digest without `logFiles`; its successors link to it.
    DigestWithoutLogFiles(DigestAt),
    /// The object has no metadata, as after a plain copy.
    DigestMetadataMissing(DigestAt),
    /// The signature in the metadata has an odd number of digits.
    DigestSignatureOddHex(DigestAt),
    /// The signature in the metadata is not hexadecimal.
    DigestSignatureNonHex(DigestAt),
    /// The signature in the metadata differs in one digit.
    DigestSignatureFlipped(DigestAt),
    /// The object is stored inflated.
    DigestStoredInflated(DigestAt),
    /// The object is archived.
    DigestArchived(DigestAt),
    /// The backfill digest has no `backfill-generation-timestamp`.
    BackfillTimestampMissing(DigestAt),
    /// AWS's own key signed a digest that links to a newer one, or to itself.
    DigestLoop {
        /// The digest whose link leads forward.
        at: DigestAt,
        /// Index of the digest in the same chain that it links to.
        to: usize,
    },
    /// ListPublicKeys does not return the key that signed the digest.
    DigestKeyRemoved(DigestAt),
    /// ListPublicKeys returns the key that signed the digest under a wrong fingerprint.
    PublicKeyFingerprintWrong(DigestAt),
    /// ListPublicKeys returns the key that signed the digest in the other encoding, under the
    /// fingerprint that the digest names. For keys whose fingerprint is that of their
    /// SubjectPublicKeyInfo use [`super::TrailSpec::spki_keys`].
    PublicKeySpki(DigestAt),
    /// The newest digests of a chain are deleted.
    NewestDigestsDeleted {
        /// The chain, by index.
        chain: usize,
        /// Number of digests.
        count: usize,
    },
    /// The oldest digests of a chain are deleted.
    OldestDigestsDeleted {
        /// The chain, by index.
        chain: usize,
        /// Number of digests.
        count: usize,
    },
    /// Digests `from` up to but not including `to` of a chain are deleted.
    RangeDeleted {
        /// The chain, by index.
        chain: usize,
        /// Index of the first.
        from: usize,
        /// Index after that of the last.
        to: usize,
    },
    /// Every object in a folder of the day of this time, in all buckets, is deleted.
    DayDeleted {
        /// A time on that day.
        time: i64,
    },
    /// The digest is a small object that inflates to a gigabyte.
    DigestBomb(DigestAt),
    /// The digest is JSON with a hundred thousand levels of nesting.
    DeepJsonDigest(DigestAt),
    /// The digest's fields hold hostile text; the metadata is unchanged.
    HostileDigest(DigestAt, Hostile),
    /// An object whose key holds hostile text appears in the digest's folder.
    HostileKey(DigestAt, Hostile),
    /// A key that is almost the digest's appears, with a forged digest.
    DecoyKey(DigestAt, Decoy),
    /// The log file is deleted.
    LogDeleted(LogAt),
    /// One byte of the content changes; the gzip is whole.
    LogContentChanged(LogAt),
    /// One byte in the middle of the object changes.
    LogByteFlippedInGzip(LogAt),
    /// The object ends in the middle of the deflate stream.
    LogTruncated(LogAt),
    /// The object ends before the checksum and length.
    LogTrailerMissing(LogAt),
    /// A second member, with one more event, follows the first.
    LogSecondMemberAppended(LogAt),
    /// Bytes that are not gzip follow the member.
    LogTrailingGarbage(LogAt),
    /// The object holds the log file in several members.
    LogInSeveralMembers(LogAt),
    /// The object of a different log file replaces this one.
    LogReplacedByOtherLog {
        /// The log file that is replaced.
        at: LogAt,
        /// The log file whose object replaces it.
        by: LogAt,
    },
    /// The object is stored inflated.
    LogStoredInflated(LogAt),
    /// The object is empty.
    LogEmptied(LogAt),
    /// The object is archived.
    LogArchived(LogAt),
    /// The log file is a small object that inflates to a gigabyte.
    LogBomb(LogAt),
    /// A log file that no digest names appears in the middle of the digest's hour.
    LogAdded(DigestAt),
}

/// The deed's target does not exist, or the deed would change nothing there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchTarget;

impl std::fmt::Display for NoSuchTarget {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the deed has no such target")
    }
}

impl std::error::Error for NoSuchTarget {}

impl BuiltTrail {
    /// Applies `deed`. Nothing changes if it has no target.
    pub fn apply(&mut self, deed: Deed) -> Result<(), NoSuchTarget> {
        match deed {
            Deed::DayDeleted { time } => self.delete_day(time),
            Deed::NewestDigestsDeleted { chain, count } => {
                let standard = self.chains.get(chain).ok_or(NoSuchTarget)?.standard;
                self.delete_range(chain, standard.saturating_sub(count), standard)
            }
            Deed::OldestDigestsDeleted { chain, count } => self.delete_range(chain, 0, count),
            Deed::RangeDeleted { chain, from, to } => self.delete_range(chain, from, to),
            Deed::DigestKeyRemoved(at) => self.remove_key(at),
            Deed::PublicKeyFingerprintWrong(at) => self.misname_key(at),
            Deed::PublicKeySpki(at) => self.recode_key(at),
            Deed::DigestWithoutLogFiles(at) => self.sign_without_log_files(at),
            Deed::DigestLoop { at, to } => self.sign_loop(at, to),
            Deed::DigestSwapped { one, other } => self.swap_digests(one, other),
            Deed::DigestMoved { from, to } => self.move_digest(from, to),
            Deed::HostileKey(at, hostile) => self.plant_hostile_key(at, hostile),
            Deed::DecoyKey(at, decoy) => self.plant_decoy(at, decoy),
            Deed::LogAdded(at) => self.add_log(at),
            other => self.apply_to_log(other).unwrap_or_else(|| self.apply_to_digest(other)),
        }
    }

    /// Applies several deeds and stops at the first error.
    pub fn apply_all(&mut self, deeds: &[Deed]) -> Result<(), NoSuchTarget> {
        deeds.iter().try_for_each(|&deed| self.apply(deed))
    }

    pub(super) fn target(&self, at: DigestAt) -> Result<(ChainId, BuiltDigest), NoSuchTarget> {
        let chain = self.chains.get(at.chain).ok_or(NoSuchTarget)?;
        let digest = chain.digests.get(at.index).ok_or(NoSuchTarget)?;
        Ok((chain.id.clone(), digest.clone()))
    }
}
