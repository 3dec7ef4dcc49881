//! The division of a chain's period: each reason where it belongs, and exactly the period in total.
use super::*;
use crate::vocab::time::HOUR;
use proptest::prelude::*;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_unix(hour * HOUR)
}

fn period(from: i64, to: i64) -> Period {
    Period { start: at(from), end: at(to) }
}

fn proven(start: i64, chain_start: bool) -> Standing {
    Standing::Proven {
        start: at(start),
        end: at(start + 1),
        chain_start,
        coverage: Coverage::Verified,
    }
}

fn divided(period: Period, standings: &[Standing], older: bool) -> Vec<(i64, i64, &'static str)> {
    divided_with(period, standings, older, None)
}

fn divided_with(
    period: Period,
    standings: &[Standing],
    older: bool,
    tail_allowed_from: Option<i64>,
) -> Vec<(i64, i64, &'static str)> {
    let mut builder = CoverageBuilder::new(period, tail_allowed_from.map(at));
    standings.iter().for_each(|standing| builder.take(*standing));
    let hours = |at: Timestamp| at.unix() / HOUR;
    let segments = builder.finish(older);
    segments.iter().map(|s| (hours(s.from), hours(s.to), s.coverage.code())).collect()
}

#[test]
fn a_clean_chain_is_one_stretch() {
    let standings = [proven(3, false), proven(2, false), proven(1, false), proven(0, false)];
    assert_eq!(divided(period(1, 4), &standings, true), [(1, 4, "verified")]);
}

#[test]
fn every_reason_covers_the_right_stretch() {
    let standings = [
        proven(10, false),
        Standing::Missing { end: at(10) },
        proven(7, false),
        Standing::Unproven { end: at(7), coverage: Coverage::Contradicted },
        proven(4, true),
        proven(1, true),
    ];
    let division = [
        (0, 2, "before-first-digest"),
        (2, 5, "gap"),
        (5, 7, "contradicted"),
        (7, 8, "verified"),
        (8, 10, "digests-missing"),
        (10, 11, "verified"),
        (11, 13, "tail"),
    ];
    assert_eq!(divided(period(0, 13), &standings, false), division);
    assert_eq!(divided(period(0, 13), &standings, true)[0], (0, 5, "gap"));
    let hole = [proven(5, false), proven(2, false)];
    assert_eq!(divided(period(2, 6), &hole, true)[1], (3, 5, "hole"));
    assert_eq!(divided(period(0, 9), &[], false), [(0, 9, "tail")]);
}

/// The time after the newest digest is pending according to that digest's age: if it is proven, in
/// the period or before it; never if it is not proven or if there is no digest.
#[test]
fn a_tail_is_pending_while_the_newest_digest_is_recent() {
    let unproven = Standing::Unproven { end: at(9), coverage: Coverage::Unverified };
    for (allowed, standings, division) in [
        (Some(9), vec![proven(8, false)], vec![(8, 9, "verified"), (9, 10, "pending")]),
        (Some(10), vec![proven(8, false)], vec![(8, 9, "verified"), (9, 10, "tail")]),
        (None, vec![proven(8, false)], vec![(8, 9, "verified"), (9, 10, "tail")]),
        // A chain that starts with its newest digest is still going on.
        (Some(8), vec![proven(8, true)], vec![(8, 9, "gap"), (9, 10, "pending")]),
        // Before the period.
        (Some(6), vec![proven(6, false)], vec![(8, 10, "pending")]),
        (Some(8), vec![proven(6, false)], vec![(8, 10, "tail")]),
        // Only the newest digest counts, and only if it is proven.
        (Some(7), vec![unproven, proven(7, false)], vec![(8, 9, "unverified"), (9, 10, "tail")]),
        (Some(0), vec![], vec![(8, 10, "tail")]),
    ] {
        let divided = divided_with(period(8, 10), &standings, true, allowed);
        assert_eq!(divided, division, "{allowed:?} {standings:?}");
    }
}

#[test]
fn an_old_period_has_no_pending_time() {
    let period = period(0, 10);
    assert_eq!(tail_allowed_from(period, at(10)), Some(at(8)));
    assert_eq!(tail_allowed_from(period, at(12)), None);
    assert_eq!(tail_allowed_from(period, at(12).plus(-1)), Some(at(10).plus(-1)));
}

fn standing() -> impl Strategy<Value = Standing> {
    let coverage = prop_oneof![
        Just(Coverage::Verified),
        Just(Coverage::Contradicted),
        Just(Coverage::Unverified)
    ];
    prop_oneof![
        (0..40_i64, 0..4_i64, any::<bool>(), coverage).prop_map(
            |(start, length, chain_start, coverage)| Standing::Proven {
                start: at(start),
                end: at(start + length),
                chain_start,
                coverage
            }
        ),
        (0..40_i64).prop_map(|end| Standing::Missing { end: at(end) }),
        (0..40_i64)
            .prop_map(|end| Standing::Unproven { end: at(end), coverage: Coverage::Unverified }),
    ]
}

#[test]
fn a_period_is_complete_once_its_start_is_reached() {
    let mut builder = CoverageBuilder::new(period(8, 10), None);
    assert!(!builder.is_complete());
    builder.take(proven(9, false));
    assert!(!builder.is_complete());
    builder.take(proven(8, false));
    assert!(builder.is_complete());
}

#[test]
fn every_coverage_code_parses_back() {
    assert_eq!(Coverage::all().count(), Coverage::COUNT - 1 + Uncovered::COUNT);
    for coverage in Coverage::all() {
        assert_eq!(Coverage::from_code(coverage.code()), Some(coverage));
    }
    assert_eq!(Coverage::from_code("uncovered"), None);
    assert_eq!(Uncovered::Gap.code(), "gap");
}

proptest! {
    #[test]
    fn the_division_adds_up_to_the_period(
        standings in prop::collection::vec(standing(), 0..20),
        from in 0..30_i64,
        length in 0..12_i64,
        older: bool,
        young: bool,
    ) {
        let period = period(from, from + length);
        let mut builder = CoverageBuilder::new(period, young.then(|| period.end.plus(-TAIL_ALLOWANCE)));
        standings.iter().for_each(|standing| builder.take(*standing));
        let mut expected = period.start;
        let mut seconds = 0;
        for segment in builder.finish(older) {
            seconds += segment.seconds();
            prop_assert_eq!(segment.from, expected);
            prop_assert!(segment.to > segment.from);
            expected = segment.to;
        }
        prop_assert_eq!(expected, period.end);
        prop_assert_eq!(seconds, length * HOUR);
    }
}
