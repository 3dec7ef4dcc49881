//! Periods that end within the hour of a backfill digest, and backfill digests that only others
//! prove.
use super::*;
use trailproof_testkit::trail::DigestAt;

const START: &str = "2026-03-01T00:04:11Z";

fn spec() -> TrailSpec {
    TrailSpec::new().seed(7).time(START, 8).logs(LogPlan::Constant(2), LogSizes::Small)
}

/// Returns the period from the trail's start to within the hour of its backfill digest.
fn ends_within(trail: &BuiltTrail) -> Period {
    let backfill = trail.chains[0].backfills()[0].clone();
    Period::new(trail.whole().from, backfill.end - 1_800)
}

#[test]
fn a_valid_backfill_digest_is_known_wherever_the_period_ends() {
    let trail = spec().backfill(4, 6, 2).build();
    let period = ends_within(&trail);
    let events = run(&trail, &period);
    check(&trail, &period, &events).unwrap();
    assert_eq!(summary(&events).verdict, Verdict::Proven);
}

#[test]
fn an_unreadable_backfill_digest_in_the_last_hour_forbids_proven() {
    let mut trail = spec().backfill(4, 6, 2).build();
    let period = ends_within(&trail);
    let index = trail.chains[0].standard;
    trail.apply(Deed::DigestNotGzip(DigestAt { chain: 0, index })).unwrap();
    let events = run(&trail, &period);
    assert_ne!(summary(&events).verdict, Verdict::Proven);
}

/// A digest that a proven digest records is proven, even if its own signature was changed.
#[test]
fn a_backfill_digest_is_proven_by_the_one_that_links_to_it() {
    let trail = spec().backfill(5, 1, 2).backfill(4, 1, 8).linked_backfills().build();
    let index = trail.chains[0].standard;
    for index in [index, index + 1] {
        let mut changed = trail.clone();
        changed.apply(Deed::DigestSignatureFlipped(DigestAt { chain: 0, index })).unwrap();
        let period = covered(&changed);
        let events = run(&changed, &period);
        check(&changed, &period, &events).unwrap();
    }
}
