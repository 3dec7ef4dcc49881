//! Mistakes of the caller, and requests that AWS rejects before anything is validated.
use super::{Scenario, Stage};
use crate::server::{Fault, FaultPlan, Matcher, Operation, Schedule};
use strum::IntoEnumIterator;

const BUCKET: &str = "example-trail-logs";

fn refused(operations: &[Operation], fault: &Fault) -> Stage {
    Stage::plain().faults(|_| {
        operations.iter().fold(FaultPlan::new(), |plan, &operation| {
            plan.with(Matcher::operation(operation), Schedule::always(fault.clone()))
        })
    })
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("arn-that-is-none", || Stage::plain().set("--trail-arn", "foo")),
    Scenario::new("arn-of-another-service", || {
        Stage::plain().set("--trail-arn", "arn:aws:s3:us-east-1:111122223333:trail/x")
    }),
    Scenario::new("arn-of-a-folder-of-trails", || {
        Stage::plain()
            .set(
                "--trail-arn",
                "arn:aws:cloudtrail:us-east-1:111122223333:trail/a/management-events",
            )
            .set("--s3-bucket", BUCKET)
    }),
    Scenario::new("arn-with-terminal-escapes", || {
        Stage::plain().set("--trail-arn", "arn\u{1b}[2J")
    }),
    Scenario::new("start-time-that-is-none", || Stage::plain().set("--start-time", "yesterday")),
    Scenario::new("end-time-that-is-none", || Stage::plain().set("--end-time", "2026-13-01")),
    Scenario::new("start-after-end", || {
        Stage::plain().times("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z")
    }),
    Scenario::new("no-such-trail", || {
        Stage::plain()
            .set("--trail-arn", "arn:aws:cloudtrail:us-east-1:111122223333:trail/other-trail")
    }),
    Scenario::new("no-such-bucket", || Stage::plain().set("--s3-bucket", "no-such-bucket")),
    Scenario::new("trail-s-bucket-is-gone", || Stage::plain().world(|world| world.buckets.clear())),
    Scenario::new("no-credentials", || {
        Stage::plain().env("AWS_ACCESS_KEY_ID", None).env("AWS_SECRET_ACCESS_KEY", None)
    }),
    Scenario::new("no-credentials-with-bucket", || {
        Stage::plain()
            .env("AWS_ACCESS_KEY_ID", None)
            .env("AWS_SECRET_ACCESS_KEY", None)
            .set("--s3-bucket", BUCKET)
    }),
    Scenario::new("no-region", || Stage::plain().env("AWS_DEFAULT_REGION", None)),
    Scenario::new("unknown-profile", || Stage::plain().set("--profile", "nobody")),
    Scenario::new("unknown-profile-in-the-environment", || {
        Stage::plain().env("AWS_PROFILE", Some("nobody"))
    }),
    Scenario::new("prefix-without-bucket", || Stage::plain().set("--s3-prefix", "audit")),
    Scenario::new("no-trail-arn", || Stage::plain().without("--trail-arn")),
    Scenario::new("no-start-time", || Stage::plain().without("--start-time")),
    Scenario::new("unknown-option", || Stage::plain().set("--s3-buckets", BUCKET)),
    Scenario::new("option-without-its-value", || {
        Stage::plain().without("--end-time").flag("--end-time")
    }),
    Scenario::new("account-that-is-none", || Stage::plain().set("--account-id", "12345")),
    Scenario::new("region-that-is-none", || Stage::plain().set("--region", "not_a_region")),
    Scenario::new("trails-denied", || refused(&[Operation::DescribeTrails], &Fault::AccessDenied)),
    Scenario::new("listing-denied", || {
        refused(&[Operation::ListObjects, Operation::ListObjectsV2], &Fault::AccessDenied)
    }),
    Scenario::new("listing-throttled-to-the-end", || {
        refused(&[Operation::ListObjects, Operation::ListObjectsV2], &Fault::SlowDown)
    }),
    Scenario::new("bucket-location-denied", || {
        refused(&[Operation::GetBucketLocation], &Fault::AccessDenied)
    }),
    Scenario::new("bucket-location-and-head-denied", || {
        refused(&[Operation::GetBucketLocation, Operation::HeadBucket], &Fault::AccessDenied)
    }),
    Scenario::new("everything-denied", || refused_everywhere(&Fault::AccessDenied)),
    Scenario::new("token-expired", || refused_everywhere(&Fault::ExpiredToken)),
];

fn refused_everywhere(fault: &Fault) -> Stage {
    refused(&Operation::iter().collect::<Vec<_>>(), fault)
}
