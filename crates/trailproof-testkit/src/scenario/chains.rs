//! Whole chains: restarts, key rotation, changes of location, signed loops.
use super::stage::digest;
use super::{Scenario, Stage};
use crate::server::{Fault, FaultPlan, Matcher, Operation, Schedule};
use crate::trail::{Deed, LogPlan, LogSizes, TrailSpec};

fn spec() -> TrailSpec {
    TrailSpec::new().hours(6)
}

/// The last digest before the restart ends at 03:04:11; the starting digest covers 02:24:11 to
/// 03:24:11.
fn overlap() -> Stage {
    Stage::of(spec().pause(3, 3, 1200)).verbose()
}

fn new_bucket() -> Stage {
    Stage::of(spec().relocated(3, "newer-trail-logs", "eu-west-1", None)).verbose()
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("midnight-within", || {
        Stage::of(TrailSpec::new().time("2026-03-01T21:04:11Z", 6)).verbose()
    }),
    Scenario::new("empty-digests", || {
        Stage::of(spec().empty_hours([1, 2, 4]).plain_slashes()).verbose()
    }),
    Scenario::new("no-log-file-at-all", || {
        Stage::of(spec().logs(LogPlan::Constant(0), LogSizes::Small)).verbose()
    }),
    Scenario::new("many-log-files-in-one-minute", || {
        Stage::of(TrailSpec::new().hours(2).logs(LogPlan::Constant(30), LogSizes::Small)).verbose()
    }),
    Scenario::new("realistic-log-files", || {
        Stage::of(TrailSpec::new().hours(3).logs(LogPlan::Mean(6.0), LogSizes::Realistic)).verbose()
    }),
    Scenario::new("restart", || Stage::of(spec().pause(2, 4, 0)).verbose()),
    Scenario::new("restart-quiet", || Stage::of(spec().pause(2, 4, 0))),
    Scenario::new("restart-with-start-in-the-gap", || {
        Stage::of(spec().pause(2, 4, 0)).times("2026-03-01T02:30:00Z", "2026-03-01T06:04:11Z")
    }),
    Scenario::new("restart-with-end-in-the-gap", || {
        Stage::of(spec().pause(2, 4, 0))
            .times("2026-03-01T00:00:00Z", "2026-03-01T02:30:00Z")
            .verbose()
    }),
    Scenario::new("several-restarts", || {
        Stage::of(TrailSpec::new().hours(12).pause(2, 4, 0).pause(6, 7, 300).pause(9, 11, 60))
            .verbose()
    }),
    Scenario::new("restart-within-the-hour", overlap),
    Scenario::new("restart-within-the-hour-and-start-in-the-overlap", || {
        overlap().times("2026-03-01T02:30:00Z", "2026-03-01T06:04:11Z")
    }),
    Scenario::new("stopped-for-good", || Stage::of(spec().stopped(4)).verbose()),
    Scenario::new("key-rotation", || Stage::of(spec().rotation(3)).verbose()),
    Scenario::new("key-rotation-by-time", || {
        Stage::of(TrailSpec::new().hours(24 * 30).logs(LogPlan::Constant(0), LogSizes::Small))
            .times("2026-03-08T00:00:00Z", "2026-03-14T00:00:00Z")
    }),
    Scenario::new("changed-bucket", new_bucket),
    Scenario::new("changed-bucket-with-start-before", || {
        new_bucket().times("2026-03-01T02:30:00Z", "2026-03-01T06:04:11Z")
    }),
    Scenario::new("changed-bucket-named-by-the-caller", || {
        new_bucket().set("--s3-bucket", "newer-trail-logs")
    }),
    Scenario::new("changed-bucket-old-one-named-by-the-caller", || {
        new_bucket().set("--s3-bucket", "example-trail-logs")
    }),
    Scenario::new("changed-bucket-and-back", || {
        Stage::of(spec().relocated(2, "newer-trail-logs", "eu-west-1", None).relocated(
            4,
            "example-trail-logs",
            "us-east-1",
            None,
        ))
        .verbose()
    }),
    Scenario::new("changed-bucket-with-a-missing-digest-in-the-old-one", || {
        new_bucket().deeds(&[Deed::DigestDeleted(digest(2))])
    }),
    Scenario::new("changed-bucket-with-the-link-s-digest-missing", || {
        new_bucket().deeds(&[Deed::DigestDeleted(digest(3))])
    }),
    Scenario::new("changed-bucket-and-the-old-one-is-gone", || {
        new_bucket().world(|world| {
            world.buckets.remove("example-trail-logs");
        })
    }),
    Scenario::new("changed-bucket-and-the-old-one-may-not-be-listed", || {
        new_bucket().faults(|_| {
            [Operation::ListObjects, Operation::ListObjectsV2].into_iter().fold(
                FaultPlan::new(),
                |plan, operation| {
                    let matcher = Matcher::operation(operation).bucket("example-trail-logs");
                    plan.with(matcher, Schedule::always(Fault::AccessDenied))
                },
            )
        })
    }),
    Scenario::new("changed-prefix", || {
        Stage::of(spec().relocated(3, "example-trail-logs", "us-east-1", Some("audit"))).verbose()
    }),
    Scenario::new("changed-prefix-with-a-missing-digest-under-the-old-one", || {
        Stage::of(spec().relocated(3, "example-trail-logs", "us-east-1", Some("audit")))
            .deeds(&[Deed::DigestDeleted(digest(2))])
            .verbose()
    }),
    Scenario::new("changed-bucket-and-prefix", || {
        Stage::of(spec().prefix("old").relocated(3, "newer-trail-logs", "us-west-2", Some("new")))
            .verbose()
    }),
    Scenario::new("prefix", || Stage::of(spec().prefix("audit/trail")).verbose()),
    Scenario::new("prefix-named-by-the-caller", || {
        Stage::of(spec().prefix("audit/trail"))
            .set("--s3-bucket", "example-trail-logs")
            .set("--s3-prefix", "audit/trail")
            .verbose()
    }),
    Scenario::new("prefix-with-a-slash-at-its-end", || {
        Stage::of(spec().prefix("audit"))
            .set("--s3-bucket", "example-trail-logs")
            .set("--s3-prefix", "audit/")
    }),
    Scenario::new("loop-of-signed-digests", || {
        Stage::done(Deed::DigestLoop { at: digest(3), to: 5 }).endless_for_aws()
    }),
    Scenario::new("signed-digest-that-links-to-itself", || {
        Stage::done(Deed::DigestLoop { at: digest(3), to: 3 }).endless_for_aws()
    }),
];
