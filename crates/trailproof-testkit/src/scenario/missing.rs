//! Digests that were deleted: one, the newest, the oldest, runs of them.
use super::stage::digest;
use super::{Scenario, Stage};
use crate::trail::{Deed, TrailSpec};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("digest-missing", || Stage::done(Deed::DigestDeleted(digest(3))).verbose()),
    Scenario::new("digest-missing-quiet", || Stage::done(Deed::DigestDeleted(digest(3)))),
    Scenario::new("newest-digest-missing", || {
        Stage::done(Deed::NewestDigestsDeleted { chain: 0, count: 1 }).verbose()
    }),
    Scenario::new("oldest-digest-missing", || {
        Stage::done(Deed::OldestDigestsDeleted { chain: 0, count: 1 }).verbose()
    }),
    Scenario::new("run-of-digests-missing", || {
        Stage::done(Deed::RangeDeleted { chain: 0, from: 2, to: 5 }).verbose()
    }),
    Scenario::new("two-runs-of-digests-missing", || {
        Stage::of(TrailSpec::new().hours(12)).deeds(&[
            Deed::RangeDeleted { chain: 0, from: 2, to: 4 },
            Deed::RangeDeleted { chain: 0, from: 7, to: 9 },
        ])
    }),
    Scenario::new("every-other-digest-missing", || {
        Stage::plain().deeds(&[
            Deed::DigestDeleted(digest(1)),
            Deed::DigestDeleted(digest(3)),
            Deed::DigestDeleted(digest(5)),
        ])
    }),
    Scenario::new("chain-start-of-a-restart-missing", || {
        // The starting digest of the restart is number 3.
        Stage::of(TrailSpec::new().hours(6).pause(2, 4, 0))
            .deeds(&[Deed::DigestDeleted(digest(3))])
            .verbose()
    }),
    Scenario::new("all-digests-missing", || {
        Stage::done(Deed::RangeDeleted { chain: 0, from: 0, to: 7 }).verbose()
    }),
    Scenario::new("all-digests-missing-but-one", || {
        Stage::plain().deeds(&[
            Deed::RangeDeleted { chain: 0, from: 0, to: 3 },
            Deed::RangeDeleted { chain: 0, from: 4, to: 7 },
        ])
    }),
    Scenario::new("missing-digest-at-the-start", || {
        Stage::done(Deed::DigestDeleted(digest(2)))
            .times("2026-03-01T02:30:00Z", "2026-03-01T06:04:11Z")
            .verbose()
    }),
    Scenario::new("day-deleted", || {
        Stage::of(TrailSpec::new().time("2026-03-01T21:04:11Z", 6))
            .deeds(&[Deed::DayDeleted { time: 1_772_409_600 }])
            .verbose()
    }),
];
