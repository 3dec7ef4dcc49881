//! The edges of periods, and stores that list slowly.
use super::*;
use crate::support::worlds::{EmptyFirst, WorldKeys, WorldSource};
use std::sync::Arc;
use trailproof::source::ObjectSource;
use trailproof::verify::plan::VerifyPlan;
use trailproof::verify::run::verify;
use trailproof_core::record::RunEvent;
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::time::{Period, Timestamp};

fn at(text: &str) -> i64 {
    Timestamp::parse(text).unwrap().unix()
}

/// Returns the unlisted objects, the folders without digests, and the verdict.
fn run(
    trail: &BuiltTrail,
    source: Arc<dyn ObjectSource>,
    from: i64,
    to: i64,
) -> (BTreeSet<String>, usize, Verdict) {
    let plan = VerifyPlan::new(
        &bucket(trail),
        Period { start: Timestamp::from_unix(from), end: Timestamp::from_unix(to) },
        Timestamp::from_unix(trail.whole().now),
    );
    let keys = Arc::new(WorldKeys(Arc::new(trail.world.clone())));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (mut keys_told, mut without) = (BTreeSet::new(), 0);
    let summary = runtime.block_on(verify(&plan, source, keys, &mut |event| match event {
        RunEvent::LogUnlisted { at, .. } => {
            keys_told.insert(at.key.clone());
        }
        RunEvent::LogsWithoutDigests { .. } => without += 1,
        _ => {}
    }));
    (keys_told, without, summary.verdict)
}

fn world(trail: &BuiltTrail) -> Arc<dyn ObjectSource> {
    Arc::new(WorldSource::new(&trail.world))
}

/// File names at intervals of five minutes around midnight, where one period ends and the next
/// begins.
#[test]
fn two_adjoining_periods_leave_no_stretch_unsearched() {
    let clean = spec("main-trail", 60).backfill(22, 1, 5).backfill(23, 1, 30).build();
    let (from, to) = (clean.whole().from, clean.whole().to);
    for edge in ["2026-03-02T00:00:00Z", "2026-03-02T00:04:11Z", "2026-03-02T00:30:00Z"].map(at) {
        let both = |trail: &BuiltTrail| {
            let (one, ..) = run(trail, world(trail), from, edge);
            let (other, ..) = run(trail, world(trail), edge, to);
            one.into_iter().chain(other).collect::<BTreeSet<_>>()
        };
        assert_eq!(both(&clean), BTreeSet::new(), "nothing was added");
        let mut added = clean.clone();
        let name = bucket(&clean);
        let mut keys = BTreeSet::new();
        for step in -18..18 {
            let time = Timestamp::from_unix(at("2026-03-02T00:00:00Z") + step * 300);
            let minute = time.key();
            let key = format!(
                "AWSLogs/111122223333/CloudTrail/us-east-1/{}/\
                 111122223333_CloudTrail_us-east-1_{}Z_AddedAddedAdded0.json.gz",
                time.date_folder(),
                &minute[..13],
            );
            added.put(&name, &key, object(key.as_bytes()));
            keys.insert(key);
        }
        assert_eq!(both(&added), keys, "{edge}");
    }
}

/// A log file that was delivered late is named by a backfill digest of the hour in which it was
/// made, which may end after the period.
#[test]
fn a_log_file_named_by_a_later_digest_is_not_unlisted() {
    let mut spec = spec("main-trail", 40);
    for hour in 3..38 {
        spec = spec.backfill(hour, 1, 5);
    }
    let trail = spec.build();
    let from = trail.whole().from;
    for minutes in (0..240).step_by(7) {
        let start = from + 3_600 * 20 + minutes * 60;
        let (unlisted, _, verdict) = run(&trail, world(&trail), start, start + 3_600 * 4);
        assert_eq!((unlisted, verdict), (BTreeSet::new(), Verdict::Proven), "{minutes}");
    }
}

/// A place without digests is in doubt if it contains log files of the period. Log files of other
/// times, and objects that no reader takes for data, do not put it in doubt.
#[test]
fn only_log_files_of_the_period_put_a_place_in_doubt() {
    let clean = one(40);
    let name = bucket(&clean);
    let (from, to) = (at("2026-03-01T04:00:00Z"), at("2026-03-02T00:00:00Z"));
    let other =
        |day: &str, name: &str| format!("AWSLogs/444455556666/CloudTrail/eu-west-1/{day}/{name}");
    let named =
        |time: &str| format!("444455556666_CloudTrail_eu-west-1_{time}_Abcdefghijklmnop.json.gz");
    for (key, body, expected) in [
        (other("2026/03/01", &named("20260301T1200Z")), "x", 1),
        (other("2026/03/01", &named("20260301T2355Z")), "x", 1),
        (other("2026/03/01", "x.json.gz"), "x", 1),
        (other("2026/03/01", &named("20260301T0300Z")), "x", 0),
        (other("2026/03/02", &named("20260302T0000Z")), "x", 0),
        (other("2026/02/28", &named("20260228T0300Z")), "x", 0),
        (other("2026/03/01", ""), "", 0),
        (other("2026/03/01", ".DS_Store"), "x", 0),
    ] {
        let mut trail = clean.clone();
        trail.put(&name, &key, object(body.as_bytes()));
        let (_, without, verdict) = run(&trail, world(&trail), from, to);
        let proven = if expected == 0 { Verdict::Proven } else { Verdict::NotProven };
        assert_eq!((without, verdict), (expected, proven), "{key}");
    }
}

#[test]
fn an_empty_page_with_a_continuation_does_not_end_a_search() {
    let clean = one(12);
    let name = bucket(&clean);
    let (from, to) = (clean.whole().from, clean.whole().to);
    let slow = |trail: &BuiltTrail| -> Arc<dyn ObjectSource> {
        Arc::new(EmptyFirst(WorldSource::new(&trail.world)))
    };
    assert_eq!(run(&clean, slow(&clean), from, to).2, Verdict::Proven);
    let mut added = clean.clone();
    let key = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/3/01/x.json.gz".to_owned();
    added.put(&name, &key, object(b"x"));
    added.put(&name, "AWSLogs/444455556666/CloudTrail/eu-west-1/2026/03/01/x", object(b"x"));
    let (unlisted, without, verdict) = run(&added, slow(&added), from, to);
    assert_eq!((unlisted, without, verdict), (BTreeSet::from([key]), 1, Verdict::NotProven));
}
