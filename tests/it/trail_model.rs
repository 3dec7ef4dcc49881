//! Checks the trail builder's model against deeds with a known outcome.
use std::collections::BTreeSet;
use trailproof_testkit::trail::dice::Dice;
use trailproof_testkit::trail::expectation::State;
use trailproof_testkit::trail::{
    BuiltTrail, Decoy, Deed, DigestAt, Hostile, LogAt, LogPlan, LogSizes, TrailSpec, Verdict,
};

const AT: DigestAt = DigestAt { chain: 0, index: 5 };
const AFTER: DigestAt = DigestAt { chain: 0, index: 6 };
const NEWEST: DigestAt = DigestAt { chain: 0, index: 24 };
const LOG: LogAt = LogAt { digest: AT, log: 1 };
const OTHER: LogAt = LogAt { digest: DigestAt { chain: 0, index: 7 }, log: 0 };

fn codes(trail: &BuiltTrail) -> (String, BTreeSet<Verdict>) {
    let expected = trail.expected_for_verify(&trail.whole());
    let codes: BTreeSet<_> = expected.required.iter().flat_map(|one| one.codes.clone()).collect();
    (codes.into_iter().collect::<Vec<_>>().join(" "), expected.verdicts)
}

/// Applies deeds to a day of one chain. Each row has the codes that must be found, the one verdict,
/// and whether the hour of `AT` can still be verified.
#[test]
fn the_model_knows_what_each_deed_yields() {
    use Verdict::{Contradicted, NotProven, Proven};
    let untouched = TrailSpec::new().build();
    let changed =
        "digest-key-unknown digest-link-mismatch digest-malformed digest-signature-invalid";
    let malformed = "digest-link-mismatch digest-malformed";
    let moved = "digest-key-unknown digest-link-mismatch digest-moved digest-out-of-order \
                 digest-signature-invalid";
    let unsigned_code = "digest-malformed digest-signature-invalid";
    let looped = "digest-link-mismatch digest-out-of-order";
    let broken = "log-hash-mismatch log-malformed";
    let unsigned = [Deed::DigestArchived(AFTER), Deed::DigestMetadataMissing(AT)];
    let table: &[(&[Deed], &str, Verdict, bool)] = &[
        (&[], "", Proven, true),
        (&[Deed::DigestDeleted(AT)], "digest-missing", Contradicted, false),
        (&[Deed::DigestDeleted(NEWEST)], "", NotProven, true),
        (&[Deed::NewestDigestsDeleted { chain: 0, count: 9 }], "", NotProven, true),
        (
            &[Deed::OldestDigestsDeleted { chain: 0, count: 4 }],
            "digest-missing",
            Contradicted,
            true,
        ),
        (&[Deed::RangeDeleted { chain: 0, from: 3, to: 9 }], "digest-missing", Contradicted, false),
        (&[Deed::DigestByteFlipped(AT)], changed, Contradicted, false),
        (&[Deed::DigestForged(AT)], changed, Contradicted, false),
        (&[Deed::DigestForgedKnownFingerprint(AT)], changed, Contradicted, false),
        (&[Deed::DigestMoved { from: NEWEST, to: AT }], moved, Contradicted, false),
        (&[Deed::DigestNotGzip(AT)], malformed, Contradicted, false),
        (&[Deed::DigestNotJson(AT)], malformed, Contradicted, false),
        (&[Deed::DigestTruncatedGzip(AT)], malformed, Contradicted, false),
        (&[Deed::DigestWithoutLogFiles(AT)], "digest-malformed", Contradicted, false),
        (&[Deed::DigestLoop { at: AT, to: 9 }], looped, Contradicted, true),
        (&[Deed::DigestLoop { at: AT, to: 5 }], looped, Contradicted, true),
        (&[Deed::DigestMetadataMissing(AT)], "", Proven, true),
        (&[Deed::DigestMetadataMissing(NEWEST)], "", NotProven, false),
        (&[Deed::DigestSignatureFlipped(AT)], "", Proven, true),
        (&[Deed::DigestSignatureFlipped(NEWEST)], unsigned_code, Contradicted, true),
        (&[Deed::DigestSignatureOddHex(AT)], "", Proven, true),
        (&[Deed::DigestSignatureNonHex(AT)], "", Proven, true),
        (&[Deed::DigestStoredInflated(AT)], "", Proven, true),
        (&[Deed::DigestArchived(AT)], "", NotProven, false),
        // Without its successor, a digest needs its own signature.
        (&unsigned, "", NotProven, false),
        (&[Deed::LogDeleted(LOG)], "log-missing", Contradicted, false),
        (&[Deed::LogContentChanged(LOG)], "log-hash-mismatch", Contradicted, false),
        (&[Deed::LogTruncated(LOG)], broken, Contradicted, false),
        (&[Deed::LogEmptied(LOG)], broken, Contradicted, false),
        (&[Deed::LogTrailerMissing(LOG)], "log-malformed", Contradicted, false),
        (&[Deed::LogSecondMemberAppended(LOG)], "log-trailing-data", Contradicted, false),
        (&[Deed::LogInSeveralMembers(LOG)], "", Proven, true),
        (&[Deed::DigestInSeveralMembers(AT)], "", Proven, true),
        (&[Deed::LogTrailingGarbage(LOG)], "log-trailing-data", Contradicted, false),
        (
            &[Deed::LogReplacedByOtherLog { at: LOG, by: OTHER }],
            "log-hash-mismatch",
            Contradicted,
            false,
        ),
        (&[Deed::LogStoredInflated(LOG)], "", Proven, true),
        (&[Deed::LogArchived(LOG)], "", NotProven, false),
        (&[Deed::LogAdded(AT)], "", NotProven, true),
        (&[Deed::DecoyKey(AT, Decoy::WrongDateFolder)], "", Proven, true),
        (&[Deed::DecoyKey(AT, Decoy::FarFutureInEarlyFolder)], "", Proven, true),
        (&[Deed::DecoyKey(AT, Decoy::ExtraSuffix)], "", Proven, true),
        (&[Deed::HostileKey(AT, Hostile::Script)], "", Proven, true),
    ];
    for (deeds, required, verdict, verifiable) in table {
        let mut trail = untouched.clone();
        trail.apply_all(deeds).unwrap();
        let (found, verdicts) = codes(&trail);
        assert_eq!(found, *required, "{deeds:?}");
        assert_eq!(verdicts, BTreeSet::from([*verdict]), "{deeds:?}");
        let expected = trail.expected_for_verify(&trail.whole());
        // Deeds on the newest digest do not affect the hour of `AT`, so the hour of the newest
        // digest is checked.
        let newest = matches!(deeds.first(), Some(Deed::DigestMetadataMissing(NEWEST)));
        let hour = &trail.chains[0].digests[if newest { 24 } else { 5 }];
        let id = &trail.chains[0].id;
        let hour = expected.check_not_too_much_verified(id, &[(hour.start, hour.end)]);
        assert_eq!(hour.is_ok(), *verifiable, "{deeds:?}");
    }
}

/// A removed key takes away only what nothing else proves: nothing if newer digests hold the
/// hashes.
#[test]
fn a_chain_without_its_key_is_not_proven() {
    let untouched = TrailSpec::new().rotation(12).build();
    let mut trail = untouched.clone();
    trail.apply(Deed::DigestKeyRemoved(NEWEST)).unwrap();
    assert_eq!(codes(&trail), ("digest-key-unknown".to_owned(), [Verdict::Contradicted].into()));
    let mut trail = untouched;
    trail.apply(Deed::DigestKeyRemoved(AT)).unwrap();
    assert_eq!(codes(&trail), (String::new(), [Verdict::Proven].into()));
}

/// Time without digests is never proven, however well it is explained, and a starting digest proves
/// nothing about its own hour.
#[test]
fn pauses_are_uncovered_up_to_the_end_of_the_starting_digest() {
    let trail = TrailSpec::new().pause(8, 10, 600).build();
    let expected = trail.expected_for_verify(&trail.whole());
    let digests = trail.chains[0].standard();
    assert_eq!(expected.chains[0].not_verified, [(digests[8].end, digests[9].end)]);
    assert_eq!(expected.verdicts, [Verdict::NotProven].into());
    // The tail may be late, but only at the time of the run.
    let trail = TrailSpec::new().build();
    let (from, to) = trail.span();
    let verdicts = |later: i64, now: i64| {
        let mut period = trail.whole();
        (period.from, period.to, period.now) = (from, to + later, now);
        trail.expected_for_verify(&period).verdicts
    };
    assert_eq!(verdicts(3600, to + 3600), [Verdict::Proven].into());
    assert_eq!(verdicts(3600, to + 86_400), [Verdict::NotProven].into());
}

/// A lost backfill digest shows in its log files, which nothing names, or in the link to it.
#[test]
fn backfill_digests_do_not_vanish_unnoticed() {
    let lone = TrailSpec::new().backfill(2, 2, 5);
    let linked = lone.clone().backfill(4, 1, 6).linked_backfills();
    for (spec, verdict) in [(lone, Verdict::NotProven), (linked, Verdict::Contradicted)] {
        let mut trail = spec.build();
        assert_eq!(codes(&trail).1, [Verdict::Proven].into());
        let backfill = DigestAt { chain: 0, index: trail.chains[0].standard };
        trail.apply(Deed::DigestDeleted(backfill)).unwrap();
        let expected = trail.expected_for_verify(&trail.whole());
        assert_eq!((expected.unlisted.len(), expected.verdicts), (2, [verdict].into()));
    }
}

/// The check accepts what the model predicts and nothing else.
#[test]
fn the_check_rejects_too_much_and_too_little() {
    let mut trail = TrailSpec::new().build();
    trail.apply(Deed::LogDeleted(LOG)).unwrap();
    let expected = trail.expected_for_verify(&trail.whole());
    let key = trail.chains[0].digests[5].logs[1].key.as_str();
    let missing = (key, "log-missing");
    expected.check(Verdict::Contradicted, [missing]).unwrap();
    expected.check(Verdict::Contradicted, []).unwrap_err();
    expected.check(Verdict::Contradicted, [(key, "log-hash-mismatch")]).unwrap_err();
    expected.check(Verdict::NotProven, [missing]).unwrap_err();
    expected.check(Verdict::Contradicted, [missing, ("other", "log-missing")]).unwrap_err();
    expected.check_unlisted([key]).unwrap_err();

    let (id, period) = (&trail.chains[0].id, trail.whole());
    let tampered = &trail.chains[0].digests[5];
    let (before, after) = ((period.from, tampered.start), (tampered.end, period.to));
    let verified = |segments: &[(i64, i64)]| expected.check_verified(id, segments);
    verified(&[before, after]).unwrap();
    verified(&[before, (after.0, after.0 + 1_800), (after.0 + 1_800, after.1)]).unwrap();
    verified(&[(period.from, period.to)]).unwrap_err();
    verified(&[before]).unwrap_err();
    verified(&[before, (after.0 + 1, after.1)]).unwrap_err();
    verified(&[]).unwrap_err();
}

/// Random deeds change something or report that they cannot. The model stays consistent, and time
/// whose digest is gone is never verified.
#[test]
fn random_deeds_keep_the_model_consistent() {
    let untouched = TrailSpec::new()
        .accounts(&["111122223333", "444455556666"])
        .regions(&["us-east-1", "eu-west-1"])
        .own_phases()
        .hours(16)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .pause(8, 10, 1043)
        .rotation(5)
        .backfill(2, 2, 30)
        .backfill(6, 1, 31)
        .linked_backfills()
        .relocated(14, "second-bucket", "eu-west-1", None)
        .build();
    let period = untouched.whole();
    let state = |trail: &BuiltTrail| {
        (format!("{:?}", trail.world.buckets), format!("{:?}", trail.world.public_keys))
    };
    let mut done = 0;
    for seed in 0..300 {
        let mut dice = Dice::new(seed, "deeds");
        let mut trail = untouched.clone();
        for _ in 0..=dice.below(3) {
            let deed = trail.random_deed(&mut dice);
            // Bombs have their own test: creating hundreds of them takes minutes.
            if matches!(deed, Deed::DigestBomb(_) | Deed::LogBomb(_)) {
                continue;
            }
            let before = state(&trail);
            let changed = trail.apply(deed).is_ok();
            assert_eq!(changed, before != state(&trail), "{deed:?}");
            done += usize::from(changed);
        }
        let expected = trail.expected_for_verify(&period);
        assert!(!expected.verdicts.is_empty());
        for one in &expected.required {
            let mut pairs =
                one.keys.iter().flat_map(|key| one.codes.iter().map(|c| (key.clone(), *c)));
            assert!(pairs.all(|pair| expected.permitted.contains(&pair)), "{one:?}");
        }
        assert!(expected.unlisted.is_subset(&expected.maybe_unlisted));
        for (modelled, chain) in expected.chains.iter().zip(&trail.chains) {
            assert!(
                modelled.digests.iter().chain(&modelled.logs).all(|one| !one.allowed.is_empty())
            );
            for (digest, object) in chain.standard().iter().zip(&modelled.digests) {
                let gone = trail.current(&digest.bucket, &digest.key).is_none();
                let (from, to) = (digest.start.max(period.from), digest.end.min(period.to));
                if gone && from < to {
                    assert!(!object.allowed.contains(&State::Valid));
                    expected.check_not_too_much_verified(&modelled.id, &[(from, to)]).unwrap_err();
                    assert!(!expected.verdicts.contains(&Verdict::Proven));
                }
            }
        }
    }
    assert!(done > 300, "too few deeds had a target: {done}");
}

/// A body that inflates to a gigabyte is abandoned early, by the model too.
#[test]
fn bombs_are_small_and_beyond_budgets() {
    let mut trail = TrailSpec::new().hours(8).build();
    let deep = DigestAt { chain: 0, index: 3 };
    let deeds = [Deed::DigestBomb(AT), Deed::LogBomb(OTHER), Deed::DeepJsonDigest(deep)];
    trail.apply_all(&deeds).unwrap();
    let digest = &trail.chains[0].digests[5];
    assert!(trail.current(&digest.bucket, &digest.key).unwrap().body.len() < 2 << 20);
    let expected = trail.expected_for_verify(&trail.whole());
    for index in [3, 5] {
        let allowed = &expected.chains[0].digests[index].allowed;
        assert!(allowed.contains(&State::Unverified) && !allowed.contains(&State::Valid));
    }
}

/// The digest after the period proves the last one in the period. If that digest's own signature
/// does not prove it, a verifier may look further or not.
#[test]
fn the_period_depends_on_the_digest_after_it() {
    let untouched = TrailSpec::new().build();
    let mut period = untouched.whole();
    period.to = untouched.chains[0].digests[5].end;
    let allowed = |deeds: &[Deed]| {
        let mut trail = untouched.clone();
        trail.apply_all(deeds).unwrap();
        let expected = trail.expected_for_verify(&period);
        (expected.chains[0].digests[5].allowed.clone(), expected.verdicts)
    };
    let bare = [Deed::DigestMetadataMissing(AT), Deed::DigestMetadataMissing(AFTER)];
    assert_eq!(allowed(&bare[..1]), ([State::Valid].into(), [Verdict::Proven].into()));
    assert_eq!(allowed(&bare).0, [State::Valid, State::Unverified].into());
    // If the last digest of the period is deleted, the one after it still shows that it is missing.
    let gone = allowed(&[Deed::DigestDeleted(AT)]);
    let missing = [State::Invalid("digest-missing")].into();
    assert_eq!(gone, (missing, [Verdict::Contradicted].into()));
}
