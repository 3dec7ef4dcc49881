//! Advice about findings.
use super::Advice;
use trailproof_core::codes::finding::FindingCode;

/// What to do about anything that is gone or changed, in the order in which it matters.
const PRESERVE: &str = "Preserve the bucket first: suspend lifecycle rules, and deny writes and \
                        deletes with a bucket policy.";
const VERSIONS: &str = "Look for earlier versions: `aws s3api list-object-versions --bucket BUCKET \
                        --prefix KEY`. If versioning was on, the delivered object is still there.";
const COPY_FIRST: &str = "If a copy was read, verify the original bucket first: the copy may have \
                          lost or changed the object on the way.";
const WHO: &str = "Find out who did it: S3 data events in a second trail, S3 server access logs, and \
                   the verified log files of the time shortly before the object was last modified.";

pub(super) fn finding(code: FindingCode) -> Advice {
    match code {
        FindingCode::DigestMissing => Advice {
            means: "A digest that a later, proven digest links to is not in the bucket. CloudTrail \
                    signed that link, so the digest was delivered. Without it, the log files of its \
                    hour are not proven; that time is reported as `digests-missing`.",
            causes: &[
                "A lifecycle rule expires old objects, and the period begins where it expired them.",
                "Somebody cleaned up `CloudTrail-Digest` folders, which many tools advise to leave \
                 out of copies.",
                "The run read a copy that is not complete, with `--complete-copy`.",
            ],
            check: &[
                "Is it the oldest digest that is listed? Then look at the lifecycle rules of the \
                 bucket: `aws s3api get-bucket-lifecycle-configuration --bucket BUCKET`.",
                "Are only digests missing, or the log files of the same hour too?",
            ],
            act: &[PRESERVE, VERSIONS, COPY_FIRST, WHO],
        },
        FindingCode::DigestMalformed => Advice {
            means: "An object with the key of a digest does not have the form of a digest: it is not \
                    gzip, not JSON, or lacks a field. CloudTrail does not deliver such objects.",
            causes: &["A copier or an editor changed the file.", "A damaged disk, in a copy."],
            check: &[
                "When was the object last modified, and by whom? CloudTrail delivers a digest within \
                 two hours of its end.",
            ],
            act: &[PRESERVE, COPY_FIRST, VERSIONS, WHO],
        },
        FindingCode::DigestMoved => Advice {
            means: "A digest names a location of delivery that differs from the one where it is, in \
                    account, region, trail or time, or no signature of it holds anywhere.",
            causes: &[
                "Objects were copied within the bucket, under other names.",
                "The run read a copy of a different bucket than `--bucket` says.",
            ],
            check: &[
                "Which location does the digest name? The report shows it as what was found.",
                "Is the digest of that location still there?",
            ],
            act: &[
                "If this is a copy of the bucket that the digest names, verify it as one, with \
                 `--bucket BUCKET`.",
                PRESERVE,
                VERSIONS,
            ],
        },
        FindingCode::DigestSignatureInvalid => Advice {
            means: "None of the proofs of a digest holds: neither the signature in its own metadata, \
                    nor the signature or hash that its proven successor records.",
            causes: &[
                "The object was written again by a tool that changed its bytes.",
                "A damaged disk, in a copy.",
            ],
            check: &[
                "When was it last modified? A digest that CloudTrail delivered is not modified \
                 afterwards.",
                "Does a copy or an earlier version of it verify?",
            ],
            act: &[PRESERVE, COPY_FIRST, VERSIONS, WHO],
        },
        FindingCode::DigestKeyUnknown => Advice {
            means: "The digest names a public key that is not among CloudTrail’s keys for that region \
                    and time, although those keys were obtained. Whoever signed it was not CloudTrail.",
            causes: &[
                "`--public-keys` names a file that has keys of that time, but not all of them.",
            ],
            check: &[
                "What does `trailproof keys check FILE` say about the region and the time?",
                "Does AWS return the key? `aws cloudtrail list-public-keys --region REGION \
                 --start-time TIME --end-time TIME`.",
            ],
            act: &[
                "If keys came from a file, fetch them again with `trailproof keys fetch` and verify \
                 again.",
                PRESERVE,
                VERSIONS,
                WHO,
            ],
        },
        FindingCode::DigestLinkMismatch => Advice {
            means: "A proven digest records a hash or signature of its predecessor, and the object \
                    there has a different one. It was replaced after its successor was made.",
            causes: &[
                "The object was written again by a tool that changed its bytes, such as one that \
                 compresses anew.",
            ],
            check: &["Is there an earlier version with the recorded hash?"],
            act: &[PRESERVE, VERSIONS, COPY_FIRST, WHO],
        },
        FindingCode::DigestOutOfOrder => Advice {
            means: "A digest is not older than the proven digest that links to it. CloudTrail links \
                    back in time only.",
            causes: &["Objects were copied over each other under wrong names."],
            check: &["Which key does the successor link to, and is that object what it was?"],
            act: &[PRESERVE, VERSIONS, WHO],
        },
        FindingCode::DigestDeliveredThenGone => Advice {
            means: "GetTrailStatus reports a digest delivery that is newer than any digest in the \
                    bucket. The newest digests were deleted after their delivery.",
            causes: &[
                "The trail was just moved to this bucket, and its last delivery went to the old one.",
                "A lifecycle rule with a very short expiration.",
            ],
            check: &[
                "To which bucket and prefix does the trail deliver? `aws cloudtrail describe-trails`.",
                "Is versioning on? A delete marker shows when and by whom the object was deleted.",
            ],
            act: &[PRESERVE, VERSIONS, WHO],
        },
        FindingCode::LogMissing => Advice {
            means: "A proven digest names a log file that is not in the bucket. CloudTrail delivered \
                    it, and its events are missing from the evidence.",
            causes: &[
                "A lifecycle rule expires old objects: some log files are a day older than their \
                 digest.",
                "Somebody moved log files to a different folder or bucket.",
                "The run read a copy that is not complete, with `--complete-copy`.",
            ],
            check: &[
                "Is it at the beginning of the period? Then look at the lifecycle rules of the bucket.",
                "Is the file elsewhere? `trailproof lookup FILE --in LOCATION` finds it by name and \
                 content.",
                "Does `aws cloudtrail lookup-events` still have the events? It reaches back 90 days.",
            ],
            act: &[PRESERVE, VERSIONS, COPY_FIRST, WHO],
        },
        FindingCode::LogHashMismatch => Advice {
            means: "The content of a log file is not what the proven digest records. Its events \
                    cannot be relied on.",
            causes: &[
                "A pipeline removed or redacted records and wrote the file back.",
                "An editor added a line end or a byte order mark, in a copy.",
                "A damaged disk, in a copy.",
            ],
            check: &[
                "When was the object last modified? The digest’s interval shows when it was delivered.",
                "`trailproof lookup FILE --in LOCATION` names harmless changes of form.",
            ],
            act: &[
                PRESERVE,
                VERSIONS,
                "Compare the surviving version with the object record by record, by `eventID`.",
                COPY_FIRST,
                WHO,
            ],
        },
        FindingCode::LogMalformed => Advice {
            means: "A log file is not one complete gzip member: it is broken, or it ends early. What \
                    can be inflated of it is not what was delivered.",
            causes: &["A copy that was interrupted.", "A damaged disk, in a copy."],
            check: &["Does the object have the size that a copy or an earlier version has?"],
            act: &[COPY_FIRST, PRESERVE, VERSIONS, WHO],
        },
        FindingCode::LogTrailingData => Advice {
            means: "Bytes follow the gzip member of a log file. What CloudTrail delivered is intact, \
                    but some readers join what follows and show events that CloudTrail never \
                    delivered.",
            causes: &["A tool joined files, or padded them to blocks."],
            check: &["What is behind the member? `gzip -dc FILE` shows what such readers see."],
            act: &[
                PRESERVE,
                VERSIONS,
                "Until then, use only the records up to the end of the first member.",
                WHO,
            ],
        },
    }
}
