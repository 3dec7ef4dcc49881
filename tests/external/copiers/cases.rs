//! The cases that are copied: one trail per deed, and one without a deed.
use super::*;

/// The number of standard digests in the chain, including the starting one.
const STANDARD: usize = 6;

/// A trail below its own prefix, with at most one deed applied.
pub(super) struct Case {
    pub(super) prefix: String,
    pub(super) deed: Option<Deed>,
    pub(super) trail: BuiltTrail,
    pub(super) keys: PathBuf,
}

/// Returns every deed that is possible and that a copier can copy: applied to the newest digest, to
/// one in the middle and to a backfill digest.
pub(super) fn deeds() -> Vec<Deed> {
    let at = |index| DigestAt { chain: 0, index };
    let log = |index| LogAt { digest: at(index), log: 0 };
    let (middle, newest, late) = (STANDARD - 3, STANDARD - 1, STANDARD);
    let mut deeds = Vec::new();
    for index in [middle, newest, late] {
        let other = if index == middle { middle - 1 } else { middle };
        deeds.extend([
            Deed::DigestDeleted(at(index)),
            Deed::DigestByteFlipped(at(index)),
            Deed::DigestForged(at(index)),
            Deed::DigestForgedKnownFingerprint(at(index)),
            Deed::DigestMoved { from: at(other), to: at(index) },
            Deed::DigestSwapped { one: at(index), other: at(other) },
            Deed::DigestMetadataMissing(at(index)),
            Deed::DigestSignatureFlipped(at(index)),
            Deed::DigestStoredInflated(at(index)),
            Deed::DigestArchived(at(index)),
            Deed::DigestTrailingData(at(index)),
            Deed::LogDeleted(log(index)),
            Deed::LogContentChanged(log(index)),
        ]);
    }
    for index in [middle, newest] {
        deeds.extend([
            Deed::DigestNotGzip(at(index)),
            Deed::DigestNotJson(at(index)),
            Deed::DigestTruncatedGzip(at(index)),
            Deed::DigestSecondMember(at(index)),
            Deed::DigestInSeveralMembers(at(index)),
            Deed::DigestWithoutLogFiles(at(index)),
            Deed::DigestSignatureOddHex(at(index)),
            Deed::DigestSignatureNonHex(at(index)),
            Deed::DigestLoop { at: at(index), to: newest },
            Deed::DigestKeyRemoved(at(index)),
            Deed::PublicKeyFingerprintWrong(at(index)),
            Deed::PublicKeySpki(at(index)),
            Deed::LogArchived(log(index)),
            Deed::LogAdded(at(index)),
        ]);
    }
    deeds.extend([
        Deed::BackfillTimestampMissing(at(late)),
        Deed::NewestDigestsDeleted { chain: 0, count: 2 },
        Deed::OldestDigestsDeleted { chain: 0, count: 2 },
        Deed::RangeDeleted { chain: 0, from: 2, to: 4 },
        Deed::DayDeleted { time: Timestamp::parse(START).unwrap().unix() },
        Deed::DigestBomb(at(middle)),
        Deed::DeepJsonDigest(at(middle)),
        Deed::LogByteFlippedInGzip(log(middle)),
        Deed::LogTruncated(log(middle)),
        Deed::LogTrailerMissing(log(middle)),
        Deed::LogSecondMemberAppended(log(middle)),
        Deed::LogTrailingGarbage(log(middle)),
        Deed::LogInSeveralMembers(log(middle)),
        Deed::LogReplacedByOtherLog { at: log(middle), by: log(middle + 1) },
        Deed::LogStoredInflated(log(middle)),
        Deed::LogEmptied(log(middle)),
        Deed::LogBomb(log(middle)),
    ]);
    for hostile in [Hostile::Control, Hostile::DotDot, Hostile::Script, Hostile::Terminal] {
        deeds.extend([
            Deed::HostileDigest(at(middle), hostile),
            Deed::HostileKey(at(middle), hostile),
        ]);
    }
    for decoy in [
        Decoy::WrongDateFolder,
        Decoy::FarFutureInEarlyFolder,
        Decoy::ExtraSuffix,
        Decoy::WrongExtension,
        Decoy::LongerTrailName,
        Decoy::FarFuture,
    ] {
        deeds.push(Deed::DecoyKey(at(middle), decoy));
    }
    deeds
}

pub(super) fn case(number: usize, deed: Option<Deed>) -> Option<Case> {
    let prefix = format!("case-{number:03}");
    let mut trail = TrailSpec::new()
        .seed(9)
        .bucket(BUCKET, "us-east-1")
        .prefix(&prefix)
        .time(START, u32::try_from(STANDARD - 1).unwrap())
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .backfill(1, 1, 3)
        .backfill(2, 1, 4)
        .linked_backfills()
        .build();
    if let Some(deed) = deed {
        trail.apply(deed).ok()?;
    }
    let keys = scratch("keys").join(format!("{prefix}.json"));
    fs::write(&keys, all_keys(&trail)).unwrap();
    Some(Case { prefix, deed, trail, keys })
}
