//! Random deeds, for property tests.
use super::built::{BuiltTrail, DigestKind};
use super::deed::{Decoy, Deed, DigestAt, Hostile, LogAt};
use super::dice::Dice;

impl BuiltTrail {
    /// Chooses a random deed, for property tests. Its target exists in the trail as built, though
    /// an earlier deed may have removed it.
    pub fn random_deed(&self, dice: &mut Dice) -> Deed {
        let below = |dice: &mut Dice, end: usize| {
            usize::try_from(dice.below(u32::try_from(end).unwrap_or(u32::MAX))).unwrap_or(0)
        };
        let chain = below(dice, self.chains.len());
        let built = self.chains.get(chain);
        let (all, standard) = built.map_or((0, 0), |built| (built.digests.len(), built.standard));
        let (index, other, few) = (below(dice, all), below(dice, all), 1 + below(dice, 4));
        let (at, other) = (DigestAt { chain, index }, DigestAt { chain, index: other });
        let digest = |at: DigestAt| self.chains.get(at.chain)?.digests.get(at.index);
        let logs = |at: DigestAt| digest(at).map_or(0, |digest| digest.logs.len());
        let log = LogAt { digest: at, log: below(dice, logs(at)) };
        let by = LogAt { digest: other, log: below(dice, logs(other)) };
        let backfill = digest(at).is_some_and(|digest| digest.kind == DigestKind::Backfill);
        let hostile = match dice.below(6) {
            0 => Hostile::Control,
            1 => Hostile::DotDot,
            2 => Hostile::Script,
            3 => Hostile::Terminal,
            4 => Hostile::Bidirectional,
            _ => Hostile::Megabyte,
        };
        let decoy = match dice.below(7) {
            0 => Decoy::WrongDateFolder,
            1 => Decoy::FarFutureInEarlyFolder,
            2 => Decoy::ExtraSuffix,
            3 => Decoy::WrongExtension,
            4 => Decoy::NestedFolder,
            5 => Decoy::LongerTrailName,
            _ => Decoy::FarFuture,
        };
        let from = below(dice, standard);
        let time = digest(at).map_or(0, |digest| digest.end);
        match dice.below(48) {
            0 | 1 => Deed::DigestDeleted(at),
            2 => Deed::DigestByteFlipped(at),
            3 => Deed::DigestForged(at),
            4 => Deed::DigestForgedKnownFingerprint(at),
            5 => Deed::DigestMoved { from: at, to: other },
            6 => Deed::DigestSwapped { one: at, other },
            7 => Deed::DigestNotGzip(at),
            8 => Deed::DigestNotJson(at),
            9 => Deed::DigestTruncatedGzip(at),
            10 => Deed::DigestTrailingData(at),
            11 => Deed::DigestSecondMember(at),
            12 => Deed::DigestWithoutLogFiles(at),
            13 | 14 => Deed::DigestMetadataMissing(at),
            15 => Deed::DigestSignatureOddHex(at),
            16 => Deed::DigestSignatureNonHex(at),
            17 => Deed::DigestSignatureFlipped(at),
            18 => Deed::DigestStoredInflated(at),
            19 => Deed::DigestArchived(at),
            20 if backfill => Deed::BackfillTimestampMissing(at),
            20 | 21 => Deed::DigestLoop { at, to: other.index.max(index) },
            22 => Deed::DigestKeyRemoved(at),
            23 => Deed::PublicKeyFingerprintWrong(at),
            24 => Deed::PublicKeySpki(at),
            25 => Deed::NewestDigestsDeleted { chain, count: few },
            26 => Deed::OldestDigestsDeleted { chain, count: few },
            27 => Deed::RangeDeleted { chain, from, to: (from + few).min(standard) },
            28 => Deed::DayDeleted { time },
            29 => Deed::DigestBomb(at),
            30 => Deed::DeepJsonDigest(at),
            31 => Deed::HostileDigest(at, hostile),
            32 => Deed::HostileKey(at, hostile),
            33 => Deed::DecoyKey(at, decoy),
            34 => Deed::LogDeleted(log),
            35 => Deed::LogContentChanged(log),
            36 => Deed::LogByteFlippedInGzip(log),
            37 => Deed::LogTruncated(log),
            38 => Deed::LogTrailerMissing(log),
            39 => Deed::LogSecondMemberAppended(log),
            40 => Deed::LogTrailingGarbage(log),
            41 => Deed::LogReplacedByOtherLog { at: log, by },
            42 => Deed::LogStoredInflated(log),
            43 => Deed::LogEmptied(log),
            44 => Deed::LogArchived(log),
            45 => Deed::LogInSeveralMembers(log),
            46 => Deed::DigestInSeveralMembers(at),
            _ => Deed::LogAdded(at),
        }
    }
}
