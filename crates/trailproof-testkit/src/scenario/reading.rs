//! Objects that cannot be read, permanently or temporarily.
use super::stage::{digest, log};
use super::{Scenario, Stage};
use crate::server::{AccessRules, Fault, FaultPlan, Matcher, Operation, Schedule};
use crate::trail::Deed;

fn digest_fault(schedule: Schedule) -> Stage {
    Stage::plain()
        .faults(|stage| FaultPlan::new().with(Matcher::get(&stage.digest_key(3)), schedule))
        .verbose()
}

fn log_fault(schedule: Schedule) -> Stage {
    Stage::plain()
        .faults(|stage| FaultPlan::new().with(Matcher::get(&stage.log_key(3, 0)), schedule))
        .verbose()
}

fn every_read(schedule: &Schedule) -> Stage {
    Stage::plain()
        .faults(|_| {
            FaultPlan::new().with(Matcher::operation(Operation::GetObject), schedule.clone())
        })
        .verbose()
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("digest-denied", || digest_fault(Schedule::always(Fault::AccessDenied))),
    Scenario::new("log-denied", || log_fault(Schedule::always(Fault::AccessDenied))),
    Scenario::new("log-denied-and-another-missing", || {
        log_fault(Schedule::always(Fault::AccessDenied)).deeds(&[Deed::LogDeleted(log(2, 0))])
    }),
    Scenario::new("log-missing-where-listing-is-not-granted", || {
        Stage::plain().deeds(&[Deed::LogDeleted(log(3, 0))]).faults(|stage| {
            // As S3 responds for absent keys without `s3:ListBucket` on that prefix.
            let matcher = Matcher::get(&stage.log_key(3, 0));
            FaultPlan::new().with(matcher, Schedule::always(Fault::AccessDenied))
        })
    }),
    Scenario::new("logs-denied", || {
        Stage::plain().access(AccessRules {
            denied_get_prefixes: vec!["AWSLogs/111122223333/CloudTrail/".to_owned()],
            ..AccessRules::default()
        })
    }),
    Scenario::new("log-key-of-kms-denied", || log_fault(Schedule::always(Fault::KmsDenied))),
    Scenario::new("log-key-of-kms-disabled", || log_fault(Schedule::always(Fault::KmsDisabled))),
    Scenario::new("digest-archived", || Stage::done(Deed::DigestArchived(digest(3))).verbose()),
    Scenario::new("log-archived", || Stage::done(Deed::LogArchived(log(3, 0))).verbose()),
    Scenario::new("digest-throttled-to-the-end", || {
        digest_fault(Schedule::always(Fault::SlowDown))
    }),
    Scenario::new("log-throttled-to-the-end", || log_fault(Schedule::always(Fault::SlowDown))),
    Scenario::new("log-with-an-error-of-the-store-to-the-end", || {
        log_fault(Schedule::always(Fault::InternalError))
    }),
    Scenario::new("digest-reset-to-the-end", || digest_fault(Schedule::always(Fault::Reset))),
    Scenario::new("log-reset-to-the-end", || log_fault(Schedule::always(Fault::Reset))),
    Scenario::new("log-hung-up-to-the-end", || log_fault(Schedule::always(Fault::HangUp))),
    Scenario::new("digest-body-cut-to-the-end", || {
        digest_fault(Schedule::always(Fault::BodyCut { after: 100 }))
    }),
    Scenario::new("log-body-cut-to-the-end", || {
        log_fault(Schedule::always(Fault::BodyCut { after: 100 }))
    }),
    Scenario::new("log-body-cut-once", || {
        log_fault(Schedule::first(1, Fault::BodyCut { after: 100 }))
    }),
    Scenario::new("log-bit-flipped-in-transit-once", || {
        log_fault(Schedule::first(1, Fault::BitFlipped { at: 200 }))
    }),
    Scenario::new("log-said-to-be-gone-once", || log_fault(Schedule::first(1, Fault::NoSuchKey))),
    Scenario::new("log-bucket-said-to-be-gone", || {
        log_fault(Schedule::always(Fault::NoSuchBucket))
    }),
    Scenario::new("log-not-found-without-a-reason", || {
        log_fault(Schedule::always(Fault::NotFoundWithoutBody))
    }),
    Scenario::new("log-answered-by-a-proxy", || {
        log_fault(Schedule::always(Fault::Answer {
            status: 200,
            content_type: "text/html".to_owned(),
            body: "<html>Please log in</html>".to_owned(),
        }))
    }),
    Scenario::new("digest-metadata-in-other-case", || {
        digest_fault(Schedule::always(Fault::MetadataInOtherCase))
    }),
    Scenario::new("log-token-expired", || log_fault(Schedule::always(Fault::ExpiredToken))),
    Scenario::new("every-read-throttled-at-first", || {
        Stage::plain().faults(|stage| {
            let plan = FaultPlan::new();
            [stage.digest_key(4), stage.log_key(3, 0), stage.log_key(2, 1)]
                .iter()
                .fold(plan, |plan, key| {
                    plan.with(Matcher::get(key), Schedule::first(1, Fault::SlowDown))
                })
        })
    }),
    Scenario::new("every-read-reset-at-first", || {
        every_read(&Schedule::first(1, Fault::ConnectionClose))
    }),
    Scenario::new("reads-reset-at-first", || {
        Stage::plain()
            .faults(|stage| {
                let plan = FaultPlan::new();
                [stage.digest_key(4), stage.log_key(3, 0)].iter().fold(plan, |plan, key| {
                    plan.with(Matcher::get(key), Schedule::first(1, Fault::Reset))
                })
            })
            .verbose()
    }),
];
