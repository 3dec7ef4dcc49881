//! Copies: absence from them is not a finding, changes are, and evidence of a different place is
//! reported as such.
use super::*;
use trailproof::source::layer::relocate::{Relocated, Relocation};
use trailproof_core::codes::notice::Notice;
use trailproof_core::record::DigestJudged;

/// Returns the source as a copy that may be incomplete, under the same name.
pub(super) fn as_copy(source: Arc<dyn ObjectSource>, bucket: &str) -> Arc<dyn ObjectSource> {
    let rule = Relocation {
        bucket: bucket.to_owned(),
        prefix: String::new(),
        source,
        to_bucket: bucket.to_owned(),
        to_prefix: String::new(),
        complete: false,
    };
    Arc::new(Relocated::new(vec![rule], None))
}

fn spec() -> TrailSpec {
    TrailSpec::new()
        .seed(21)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-03-01T00:04:11Z", 10)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .backfill(4, 1, 3)
        .linked_backfills()
}

#[test]
fn removed_objects_are_a_finding_only_in_the_store_of_record() {
    let trail = spec().build();
    let period = covered(&trail);
    let copy = period.clone().of_copy();
    let all: Vec<(String, String)> = trail
        .digests()
        .map(|(_, digest)| (digest.bucket.clone(), digest.key.clone()))
        .chain(trail.logs().map(|(_, log)| (log.bucket.clone(), log.key.clone())))
        .collect();
    // Every single object, and random sets of them.
    let mut sets: Vec<Vec<usize>> = (0..all.len()).map(|at| vec![at]).collect();
    let mut dice = Dice::new(3, "copies");
    for _ in 0..60 {
        let share = 1 + dice.below(19);
        sets.push((0..all.len()).filter(|_| dice.below(20) < share).collect());
    }
    let (mut accused, mut absent) = (0, 0);
    for set in sets {
        let mut changed = trail.clone();
        for at in &set {
            let (bucket, key) = &all[*at];
            changed.delete(bucket, key);
        }
        let events = run(&changed, &copy);
        assert_eq!(findings(&events), [], "{set:?}");
        check(&changed, &copy, &events).unwrap_or_else(|why| panic!("{set:?}: {why}"));
        assert_ne!(summary(&events).verdict, Verdict::Contradicted, "{set:?}");
        absent += events.iter().filter(|event| is_absent(event)).count();
        let events = run(&changed, &period);
        check(&changed, &period, &events).unwrap_or_else(|why| panic!("{set:?}: {why}"));
        accused += usize::from(summary(&events).verdict == Verdict::Contradicted);
    }
    assert!(accused > 60 && absent > 100, "{accused} {absent}");
}

fn is_absent(event: &RunEvent) -> bool {
    let absent = ReadFailureKind::AbsentFromCopy;
    match event {
        RunEvent::LogJudged(LogJudged { outcome: Outcome::Unverified(why), .. }) => {
            why.kind == absent
        }
        RunEvent::DigestJudged(DigestJudged { outcome: Outcome::Unverified(why), .. }) => {
            why.kind == absent
        }
        _ => false,
    }
}

/// Bytes changed in a copy contradict a signature wherever they are.
#[test]
fn every_deed_over_a_copy_matches_the_model() {
    let trail = spec().pause(6, 7, 0).build();
    let period = covered(&trail).of_copy();
    let mut dice = Dice::new(8, "copied deeds");
    let (mut applied, mut contradicted) = (0, 0);
    for round in 0..150 {
        let mut changed = trail.clone();
        let deeds: Vec<Deed> = (0..=round % 4).map(|_| changed.random_deed(&mut dice)).collect();
        if deeds.iter().any(|deed| matches!(deed, Deed::LogBomb(_) | Deed::DigestBomb(_))) {
            continue;
        }
        if deeds.iter().filter(|deed| changed.apply(**deed).is_ok()).count() == 0 {
            continue;
        }
        applied += 1;
        let events = run(&changed, &period);
        contradicted += usize::from(summary(&events).verdict == Verdict::Contradicted);
        check(&changed, &period, &events).unwrap_or_else(|why| panic!("{deeds:?}: {why}"));
    }
    assert!(applied > 80 && contradicted > 40, "{applied} {contradicted}");
}

fn copied(events: &[RunEvent]) -> Vec<&DigestJudged> {
    let reported = events.iter().filter_map(|event| match event {
        RunEvent::DigestJudged(judged) => Some(judged),
        _ => None,
    });
    reported.filter(|judged| judged.notices.contains(&Notice::DigestCopied)).collect()
}

/// A bucket with its own trail and the replica of a different bucket's trail: no digest of either
/// is a finding, the own trail is proven, and the other is not proven here.
#[test]
fn evidence_of_a_different_bucket_is_a_copy_and_not_a_finding() {
    let mut trail = spec().build();
    let period = covered(&trail);
    let own = trail.chains[0].digests[0].bucket.clone();
    let other = spec().seed(22).accounts(&["999988887777"]).bucket("other-bucket", "us-east-1");
    let other = other.build();
    for (key, versions) in &other.world.buckets["other-bucket"].objects {
        trail.put(&own, key, versions.last().unwrap().clone());
    }
    for (region, keys) in &other.world.public_keys {
        let known = trail.world.public_keys.entry(region.clone()).or_default();
        let new: Vec<_> = keys
            .iter()
            .filter(|key| !known.iter().any(|one| one.fingerprint == key.fingerprint))
            .cloned()
            .collect();
        known.extend(new);
    }
    let events = run(&trail, &period);
    assert_eq!(findings(&events), []);
    assert_eq!(summary(&events).verdict, Verdict::NotProven);
    assert!(copied(&events).len() >= 20, "{}", copied(&events).len());
    let of_other = |event: &&RunEvent| matches!(event, RunEvent::ChainFinished(chain) if chain.chain.account.as_str() == "999988887777");
    for event in events.iter().filter(of_other) {
        let RunEvent::ChainFinished(chain) = event else { continue };
        assert!(chain.segments.iter().all(|one| one.coverage == Coverage::Unverified));
        assert!(chain.counts.unverified() > 0 && chain.counts.findings() == 0);
    }
    let whole = 2 * (period.to - period.from);
    assert_eq!(summary(&events).coverage.verified, whole, "the own trail is proven");
    // Alone, the copies are not proven either, however recent the newest of them is.
    let scope = Scope { accounts: vec!["999988887777".parse().unwrap()], ..Scope::default() };
    let late = period.clone().now(period.to);
    let events = run_in(scope, &trail, &late, WorldSource::new(&trail.world), 2);
    assert_eq!(summary(&events).verdict, Verdict::NotProven);
    assert_eq!(summary(&events).coverage.verified, 0);
}

/// A second copy of the same digests below a different prefix changes nothing about the first.
#[test]
fn copies_beside_originals_have_no_effect() {
    let mut trail = spec().build();
    let period = covered(&trail);
    let expected = run(&trail, &period);
    assert_eq!(summary(&expected).verdict, Verdict::Proven);
    let digests: Vec<(String, String)> =
        trail.digests().map(|(_, digest)| (digest.bucket.clone(), digest.key.clone())).collect();
    for prefix in ["0", "zz"] {
        for (bucket, key) in &digests {
            let version = trail.current(bucket, key).unwrap().clone();
            trail.put(bucket, &format!("{prefix}/{key}"), version);
        }
    }
    let events = run(&trail, &period);
    assert_eq!(findings(&events), []);
    assert!(copied(&events).len() >= 40);
    assert!(copied(&events).iter().all(|judged| !judged.counts));
    let (expected, found) = (summary(&expected), summary(&events));
    assert_eq!((&expected.counts, &expected.coverage), (&found.counts, &found.coverage));
    assert_eq!(found.verdict, Verdict::Proven);
    // Once changed, such a copy is no longer a copy.
    let (bucket, key) = &digests[5];
    let at = format!("zz/{key}");
    let mut forged = trail.current(bucket, &at).unwrap().clone();
    forged.metadata.insert("signature".to_owned(), "00".repeat(256));
    trail.put(bucket, &at, forged);
    let events = run(&trail, &period);
    assert_eq!(findings(&events), [(at, "digest-moved")]);
}

/// A lifecycle rule expires by the day of creation, and a log file can be a day older than its
/// digest.
#[test]
fn a_log_file_of_the_oldest_day_may_have_expired() {
    let trail = TrailSpec::new()
        .seed(5)
        .time("2026-03-01T20:04:11Z", 30)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .build();
    let midnight = 1_772_409_600 + 86_400;
    assert_eq!(Timestamp::from_unix(midnight).to_string(), "2026-03-03T00:00:00Z");
    let first = 1_772_409_600;
    // Everything that was created on the first day is gone.
    let old: Vec<(String, String)> = trail
        .digests()
        .filter(|(_, digest)| digest.end < first)
        .map(|(_, digest)| (digest.bucket.clone(), digest.key.clone()))
        .chain(
            trail
                .logs()
                .filter(|(_, log)| log.key.contains("/2026/03/01/"))
                .map(|(_, log)| (log.bucket.clone(), log.key.clone())),
        )
        .collect();
    let mut expired = trail.clone();
    for (bucket, key) in &old {
        expired.delete(bucket, key);
    }
    let period = covered(&trail);
    let lifecycle = |trail: &BuiltTrail, period: &Period| {
        let events = run(trail, period);
        let reported = events.iter().filter_map(|event| match event {
            RunEvent::LogJudged(LogJudged { outcome: Outcome::Invalid(_), lifecycle, .. }) => {
                Some(*lifecycle)
            }
            _ => None,
        });
        reported.collect::<Vec<bool>>()
    };
    let reported = lifecycle(&expired, &period);
    assert!(!reported.is_empty() && reported.iter().all(|looks| *looks), "{reported:?}");
    // In the middle of the evidence, or beside older digests, a missing object does not look like
    // the effect of a rule.
    let (_, log) = trail.logs().find(|(_, log)| log.key.contains("/2026/03/02/")).unwrap();
    let mut removed = trail.clone();
    removed.delete(&log.bucket, &log.key);
    assert_eq!(lifecycle(&removed, &period), [false]);
    let later = Period::new(period.from + 6 * 3_600, period.to);
    let (_, digest) = trail.digests().find(|(_, digest)| digest.end > later.from + 3_600).unwrap();
    let log = digest.logs.first().unwrap();
    let mut removed = trail.clone();
    removed.delete(&log.bucket, &log.key);
    assert_eq!(lifecycle(&removed, &later), [false]);
}
