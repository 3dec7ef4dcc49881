//! Periods: on the second, in the middle of an hour, in other spellings, before and after the
//! trail.
use super::{Scenario, Stage};

fn between(start: &str, end: &str) -> Stage {
    Stage::plain().times(start, end).verbose()
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("whole-trail", || Stage::plain().verbose()),
    Scenario::new("whole-trail-quiet", Stage::plain),
    Scenario::new("start-on-a-digest-end", || {
        between("2026-03-01T02:04:11Z", "2026-03-01T06:04:11Z")
    }),
    Scenario::new("start-one-second-before-a-digest-end", || {
        between("2026-03-01T02:04:10Z", "2026-03-01T06:04:11Z")
    }),
    Scenario::new("start-one-second-after-a-digest-end", || {
        between("2026-03-01T02:04:12Z", "2026-03-01T06:04:11Z")
    }),
    Scenario::new("end-an-hour-before-a-digest-end", || {
        between("2026-03-01T00:00:00Z", "2026-03-01T03:04:11Z")
    }),
    Scenario::new("end-one-second-before-that", || {
        between("2026-03-01T00:00:00Z", "2026-03-01T03:04:10Z")
    }),
    Scenario::new("end-one-second-after-that", || {
        between("2026-03-01T00:00:00Z", "2026-03-01T03:04:12Z")
    }),
    Scenario::new("start-and-end-in-mid-hour", || {
        between("2026-03-01T01:30:00Z", "2026-03-01T03:30:00Z")
    }),
    Scenario::new("start-is-end", || between("2026-03-01T03:04:11Z", "2026-03-01T03:04:11Z")),
    Scenario::new("start-in-the-last-hour", || {
        between("2026-03-01T05:30:00Z", "2026-03-01T06:04:11Z")
    }),
    Scenario::new("no-end-time", || Stage::plain().without("--end-time")),
    Scenario::new("dates-without-times", || between("2026-03-01", "2026-03-02")),
    Scenario::new("times-without-a-zone", || between("2026-03-01 01:00", "2026-03-01T04:30:00")),
    Scenario::new("times-of-fractions", || {
        between("2026-03-01T01:04:11.500Z", "2026-03-01T04:04:11.999Z")
    }),
    Scenario::new("times-with-a-month-in-words", || {
        between("Mar 1 2026 01:00", "1 March 2026 05:00")
    }),
    Scenario::new("times-as-in-keys", || between("20260301T010000Z", "20260301T050000Z")),
    Scenario::new("times-with-an-offset", || {
        between("2026-03-01T03:00:00+02:00", "2026-03-01T05:00:00+02:00")
    }),
    Scenario::new("times-with-an-offset-of-zero", || {
        between("2026-03-01T03:00:00+00:00", "2026-03-01T05:00:00+00:00")
    }),
    Scenario::new("times-with-numbers-in-doubtful-order", || between("03/01/2026", "03/02/2026")),
    Scenario::new("period-before-the-trail", || {
        between("2026-02-25T00:00:00Z", "2026-02-26T00:00:00Z")
    }),
    Scenario::new("period-after-the-trail", || {
        between("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z")
    }),
    Scenario::new("period-without-keys", || {
        between("2025-03-01T00:00:00Z", "2025-03-02T00:00:00Z")
    }),
];
