//! A run in which every value from outside is hostile.
use super::*;
use trailproof_core::codes::check::{Check, SkipReason, SkippedCheck};

/// Returns a run in which every value from outside is hostile.
pub(crate) fn hostile() -> Vec<RunEvent> {
    let evil = MARKS.concat();
    let long = format!("{evil}{}", "k".repeat(1_000 - evil.len()));
    let place = ObjectLocation::new(format!("bucket{evil}"), long.clone());
    let mut builder = RunBuilder::new(&format!("s3://{evil}/]]>&amp;--><!--"), 3);
    builder.events.push(RunEvent::BucketListed {
        chains: 1,
        digests: 1,
        left_out: vec![evil.clone(), "x".repeat(300)],
    });
    let failure = ReadFailure::new(ReadFailureKind::Denied, format!("{evil} {}", "d".repeat(900)));
    builder.events.push(RunEvent::ListingUnread { folder: long.clone(), why: failure.clone() });
    let judged = |finding| {
        RunEvent::DigestJudged(DigestJudged {
            at: place.clone(),
            kind: DigestKind::Standard,
            end: at(HOUR),
            outcome: finding,
            notices: vec![Notice::LifecycleLooksTheSame],
            counts: true,
            seen: ObjectFacts::default(),
        })
    };
    let log = |outcome| {
        RunEvent::LogJudged(LogJudged {
            at: place.clone(),
            expected: [1; 32],
            outcome,
            lifecycle: true,
            seen: ObjectFacts::default(),
        })
    };
    let field = Malformed::FieldInvalid { field: "digestS3Object", value: long.clone() };
    let reported = vec![
        judged(Outcome::Invalid(Finding::DigestMalformed(field))),
        judged(Outcome::Invalid(Finding::DigestMoved { recorded: place.clone() })),
        judged(Outcome::Invalid(Finding::DigestKeyUnknown {
            fingerprint: long.clone(),
            none_between: None,
        })),
        judged(Outcome::Unverified(failure.clone())),
        log(Outcome::Invalid(Finding::LogHashMismatch {
            expected: [1; 32],
            found: [2; 32],
            cut_short: true,
        })),
        log(Outcome::Unverified(failure.clone())),
        RunEvent::PublicKey(PublicKeyUsed {
            region: "us-east-1".parse().unwrap(),
            fingerprint: long.clone(),
            der: vec![1; 300],
            valid_from: None,
            valid_to: None,
            source: long.clone(),
        }),
        RunEvent::TrailStatus {
            chain: chain(7, "us-east-1"),
            is_logging: false,
            latest_digest_delivery: None,
            latest_digest_error: Some(long.clone()),
            finding: Some(Finding::DigestDeliveredThenGone { delivered: at(HOUR), newest: None }),
        },
    ];
    let gap = Coverage::Uncovered(Uncovered::Gap);
    let ends = [
        (5, Coverage::Uncovered(Uncovered::BeforeFirstDigest)),
        (20, Coverage::Verified),
        (21, Coverage::Contradicted),
        (30, gap),
        (40, Coverage::Verified),
        (42, Coverage::Unverified),
        (44, Coverage::Uncovered(Uncovered::DigestsMissing)),
        (60, Coverage::Verified),
        (62, Coverage::Uncovered(Uncovered::Hole)),
        (70, Coverage::Verified),
        (72, Coverage::Uncovered(Uncovered::Tail)),
    ];
    let counts = Counts {
        digests: Tally { valid: 60, invalid: 3, unverified: 1 },
        logs: Tally { valid: 100, invalid: 1, unverified: 1 },
        chain_findings: 1,
        stored_bytes: 1_000,
        inflated_bytes: 9_000,
        ..Counts::default()
    };
    let id = chain(7, "us-east-1");
    builder.chain(id.clone(), reported, &ends, counts);
    builder.events.push(RunEvent::GapExplained {
        chain: id,
        from: at(21 * HOUR),
        to: at(30 * HOUR),
        event: ExplainingEvent {
            time: at(22 * HOUR),
            name: evil.clone(),
            id: long.clone(),
            principal: long.clone(),
            address: evil.clone(),
            log: place.clone(),
        },
    });
    builder.events.push(RunEvent::LogUnlisted {
        at: place,
        last_modified: None,
        reason: UnlistedReason::None,
    });
    builder
        .events
        .push(RunEvent::LogsWithoutDigests { folder: long.clone(), reason: UnlistedReason::None });
    builder.events.push(RunEvent::CheckNotPerformed(SkippedCheck {
        check: Check::TrailStatus,
        why: SkipReason::ServiceFailed,
        region: None,
        detail: long,
    }));
    builder.summary.unlisted = 1;
    builder.summary.listings_unread = 1;
    builder.finish(Verdict::Contradicted)
}
