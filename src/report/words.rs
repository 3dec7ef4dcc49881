//! The words for the codes and fields of events, in one place. Changing a word changes no record,
//! no attestation and nothing that a program reads.
//!
//! Everything that came from outside is escaped here.
use trailproof_core::bytes::content::Hash;
use trailproof_core::bytes::inflate::InflateFault;
use trailproof_core::codes::check::{Check, SkipReason, SkippedCheck};
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::finding::{Finding, Malformed, SignatureFault};
use trailproof_core::codes::fixity::CustodyFault;
use trailproof_core::codes::notice::Notice;
use trailproof_core::coverage::{Coverage, Uncovered};
use trailproof_core::record::{EvidencePlace, Follows, ReadVersions};
use trailproof_core::vocab::budget::{SHOWN, SHOWN_FAILURE};
use trailproof_core::vocab::location::{escape, excerpt};

/// Notice for a run whose caller asserts that the copy is complete.
pub(crate) const COMPLETE_COPY: &str = "The copy is asserted to be complete (`--complete-copy`): \
                                        objects absent from it count as removed.";

/// Returns where the evidence was delivered and read: `s3://BUCKET/PREFIX`, `s3://BUCKET as of
/// TIME`, or `evidence of s3://BUCKET, read from DIRECTORY`.
pub(crate) fn evidence(at: &EvidencePlace) -> String {
    let to = &at.delivered_to;
    let slash = if to.prefix.is_empty() { "" } else { "/" };
    let delivered = format!("s3://{}{slash}{}", to.bucket, to.prefix);
    if at.is_original() {
        return escape(&delivered).into_owned();
    }
    match at.versions() {
        Some(ReadVersions::AsOf(time)) => return format!("{} as of {time}", escape(&delivered)),
        Some(ReadVersions::Oldest) => {
            return format!("{}, the oldest versions of its objects", escape(&delivered));
        }
        None => {}
    }
    let read: Vec<&str> = at.read_from.iter().map(|from| from.place.as_str()).collect();
    escape(&format!("evidence of {delivered}, read from {}", read.join(" and "))).into_owned()
}

/// Describes the record that a run continues from: its hash, verdict, bucket, period and scope.
pub(crate) fn follows(before: &Follows) -> String {
    let hash = excerpt(&before.sha256, 64);
    let named = scope(&before.trails, &before.accounts, &before.regions);
    let of = named.unwrap_or_else(|| "everything in it".to_owned());
    escape(&format!(
        "the record with SHA-256 {hash} ({} for s3://{}, {} to {}: {of})",
        before.verdict.words(),
        before.bucket,
        before.period.start,
        before.period.end,
    ))
    .into_owned()
}

/// Describes what a scope names. Returns `None` if it names nothing, so that all is in scope.
pub(crate) fn scope(trails: &[String], accounts: &[String], regions: &[String]) -> Option<String> {
    let named: Vec<String> = [("trail", trails), ("account", accounts), ("region", regions)]
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(noun, names)| match names {
            [name] => format!("{noun} {name}"),
            names => format!("{noun}s {}", names.join(", ")),
        })
        .collect();
    (!named.is_empty()).then(|| named.join("; "))
}

/// Returns what is wrong with the custody log of a mirror.
pub(crate) fn custody_fault(fault: CustodyFault) -> &'static str {
    match fault {
        CustodyFault::CustodyMissing => "the mirror had a custody log, and it is not there",
        CustodyFault::CustodyCut => "entries at its end were removed",
        CustodyFault::CustodyBroken => "an entry was removed or changed",
        CustodyFault::CustodyUnreadable => {
            "a line is not an entry; a run may have been killed while it wrote it"
        }
    }
}

/// Returns why no digest covers a stretch of time.
pub(crate) fn uncovered(why: Uncovered) -> &'static str {
    match why {
        Uncovered::BeforeFirstDigest => "before the first digest of the chain",
        Uncovered::Gap => "logging was off, or digests are gone; a new chain begins afterwards",
        Uncovered::DigestsMissing => {
            "the digests of this time are missing; a later, proven digest leads to them"
        }
        Uncovered::Tail => "after the newest digest; the next one is overdue",
        Uncovered::Hole => "two linked digests do not cover it",
        Uncovered::Absent => "no digest at all",
    }
}

/// Meaning of pending time, which follows a newest digest of less than two hours of age.
pub(crate) const PENDING: &str =
    "after the newest digest; the next one is not due yet, which is normal";

/// Meaning of `not-joined`: a chain that does not continue from the previous record.
pub(crate) const NOT_JOINED: &str = "the newest digest that the previous record proves was not \
                                     found here, is not proven, or differs";

/// That the public keys are those that lie beside the evidence.
pub(crate) const KEYS_OF_MIRROR: &str =
    "public keys: those in the mirror itself (`--public-keys` was not given)";

/// Returns what a check covers.
pub(crate) fn check(check: Check) -> &'static str {
    match check {
        Check::DigestSignature => {
            "every digest, by a CloudTrail signature or by what its proven successor records"
        }
        Check::DigestLink => "every link from a proven digest to the previous one",
        Check::LogSha256 => {
            "every log file that a proven digest names: its SHA-256, and that no data follows it"
        }
        Check::LogEarlierRecord => {
            "unchanged log files, by the record of an earlier run that proves them, or by a hash \
             ledger"
        }
        Check::Coverage => {
            "the whole period of every chain, split into what is verified and what is not"
        }
        Check::Joined => "that every chain continues from the previous record",
        Check::UnlistedLogs => "log files that no verified digest names",
        Check::TrailStatus => "the latest delivery that CloudTrail reports",
        Check::ExpectedPlaces => "places outside the scope, which show what to expect within it",
        Check::OtherPlaces => {
            "other chains and unlisted log files outside the location, where the links of a chain lead"
        }
        Check::Restarts => {
            "the trail's home region, for whether trails that ended were started again"
        }
        Check::StoredContent => {
            "the content in the bucket of objects that it lists as the mirror's earlier runs read them"
        }
    }
}

/// Returns why a check was not made.
pub(crate) fn not_made(not_made: &SkippedCheck) -> String {
    let mut words = match (not_made.why, not_made.check) {
        (SkipReason::SwitchedOff, Check::UnlistedLogs) => "switched off by `--no-unlisted`",
        (SkipReason::SwitchedOff, _) => "switched off",
        (SkipReason::ServiceFailed, Check::TrailStatus) => {
            "AWS did not return the status of the trail"
        }
        (SkipReason::ServiceFailed, _) => "AWS did not answer",
        (SkipReason::TrailUnknown, _) => "DescribeTrails does not know the trail",
        (SkipReason::DeliversElsewhere, _) => "the trail delivers to another bucket or prefix now",
        (SkipReason::PastVersions, _) => "it is about now, and earlier versions were read",
        (SkipReason::CopyRead, Check::StoredContent) => "the mirror's copies were read",
        (SkipReason::CopyRead, _) => "a copy was read, which does not show the newest deliveries",
        (SkipReason::ListingUnread, _) => "a listing could not be read",
        (SkipReason::NoLastModified, _) => "the store does not report when objects were written",
        (SkipReason::OutsideLocation, _) => "it is outside the location that was named",
        (SkipReason::EarlierRecord, _) => {
            let number = excerpt(&not_made.detail, SHOWN);
            return format!(
                "{number} log files were not read again: the record of an earlier run proves them, \
                 and the store lists them unchanged"
            );
        }
    }
    .to_owned();
    if let Some(region) = &not_made.region {
        words += &format!(", in {region}");
    }
    if !not_made.detail.is_empty() {
        words += &format!(": {}", excerpt(&not_made.detail, SHOWN_FAILURE));
    }
    words
}

/// Returns what was expected and what was found.
pub(crate) fn expected_and_found(finding: &Finding) -> (String, String) {
    let hash = |hash: &Hash| format!("sha256 {}", hex::encode(hash));
    match finding {
        Finding::DigestMissing => (
            "a digest that a later, proven digest links to".to_owned(),
            "no such object".to_owned(),
        ),
        Finding::DigestMalformed(why) => ("a digest".to_owned(), malformed(why)),
        Finding::DigestMoved { recorded } => (
            "a digest delivered to this location".to_owned(),
            format!("a digest delivered to `{recorded}`"),
        ),
        Finding::DigestSignatureInvalid(fault) => {
            ("a signature by the key that the digest names".to_owned(), signature_fault(fault))
        }
        Finding::DigestKeyUnknown { fingerprint, .. } => (
            "a CloudTrail key for that region and time".to_owned(),
            format!("fingerprint `{}`", excerpt(fingerprint, SHOWN)),
        ),
        Finding::DigestLinkMismatch { expected, found }
        | Finding::LogHashMismatch { expected, found, cut_short: false } => {
            (hash(expected), hash(found))
        }
        Finding::LogHashMismatch { expected, found, cut_short: true } => {
            (hash(expected), format!("{}; the object ends early", hash(found)))
        }
        Finding::DigestOutOfOrder { end, successor_end } => (
            format!("an end before {successor_end}, the end of the digest that links to it"),
            format!("an end at {end}"),
        ),
        Finding::DigestDeliveredThenGone { delivered, newest } => (
            format!("a digest delivered at {delivered}, as GetTrailStatus reports"),
            newest.map_or_else(
                || "no digest at all".to_owned(),
                |at| format!("no digest written after {at}"),
            ),
        ),
        Finding::LogMissing => {
            ("the log file that a proven digest names".to_owned(), "no such object".to_owned())
        }
        Finding::LogMalformed(why) => ("one complete gzip member".to_owned(), malformed(why)),
        Finding::LogTrailingData { bytes } => (
            "one gzip member and nothing after it".to_owned(),
            format!("{bytes} bytes after it, which some readers take for log records"),
        ),
    }
}

fn signature_fault(fault: &SignatureFault) -> String {
    match fault {
        SignatureFault::Mismatch => "a signature that does not match the key".to_owned(),
        SignatureFault::OddHex => "an odd number of hex digits".to_owned(),
        SignatureFault::NotHex => "text that is not hex".to_owned(),
        SignatureFault::Absent => "none".to_owned(),
        SignatureFault::KeyUnreadable { fingerprint } => {
            format!("a key that cannot be read, fingerprint `{}`", excerpt(fingerprint, SHOWN))
        }
    }
}

fn malformed(why: &Malformed) -> String {
    match why {
        Malformed::Gzip(InflateFault::NotGzip) => "not gzip".to_owned(),
        Malformed::Gzip(InflateFault::Header) => "gzip header not understood".to_owned(),
        Malformed::Gzip(InflateFault::Crc) => "gzip checksum differs".to_owned(),
        Malformed::Gzip(InflateFault::Length) => "gzip length differs".to_owned(),
        Malformed::Gzip(InflateFault::Data | InflateFault::OverBudget) => {
            "gzip data corrupt".to_owned()
        }
        Malformed::CutShort => "gzip member cut short".to_owned(),
        Malformed::TrailingData { bytes } => format!("{bytes} bytes after the gzip member"),
        Malformed::Json => "not a digest in JSON".to_owned(),
        Malformed::FieldAbsent(field) => format!("field `{field}` absent"),
        Malformed::FieldInvalid { field, value } => {
            format!("field `{field}` holds `{}`", excerpt(value, SHOWN))
        }
        Malformed::BackfillTimeAbsent => "metadata without a backfill time".to_owned(),
    }
}

/// Returns what is known about a stretch of time with this coverage.
pub(super) fn coverage_means(coverage: Coverage) -> &'static str {
    match coverage {
        Coverage::Verified => "proven digests and all of their log files",
        Coverage::Contradicted => "the evidence contradicts a digest or log file",
        Coverage::Unverified => "a digest or log file could not be checked",
        Coverage::Pending => PENDING,
        Coverage::Uncovered(why) => uncovered(why),
    }
}

/// Returns what findings with this code have in common.
pub(super) fn finding_means(finding: &Finding) -> &'static str {
    match finding {
        Finding::DigestMissing => "a digest that a later, proven digest links to is missing",
        Finding::DigestMalformed(_) => "a digest does not have the form of a digest",
        Finding::DigestMoved { .. } => "a digest is not where it was delivered",
        Finding::DigestSignatureInvalid(_) => "a digest’s signature is invalid",
        Finding::DigestKeyUnknown { .. } => "a digest is signed by a key that is not CloudTrail’s",
        Finding::DigestLinkMismatch { .. } => "a digest is not the one that its successor records",
        Finding::DigestOutOfOrder { .. } => "a digest is not older than the one that links to it",
        Finding::DigestDeliveredThenGone { .. } => "the newest digest that was delivered is gone",
        Finding::LogMissing => "a log file that a proven digest names is missing",
        Finding::LogHashMismatch { .. } => "a log file is not what was delivered",
        Finding::LogMalformed(_) => "a log file is not one complete gzip member",
        Finding::LogTrailingData { .. } => "something was added to a log file",
    }
}

/// Returns why an object could not be read.
pub(super) fn failure_means(kind: ReadFailureKind) -> &'static str {
    match kind {
        ReadFailureKind::Denied => {
            "the store denied access; without permission to list, it answers the same for missing \
             objects"
        }
        ReadFailureKind::Archived => "in an archive and not restored",
        ReadFailureKind::KmsDenied => {
            "use of the key that encrypts it is denied, or the key is gone"
        }
        ReadFailureKind::Throttled => "the store throttled every attempt",
        ReadFailureKind::Network => "the connection failed on every attempt",
        ReadFailureKind::Timeout => "no answer arrived in time",
        ReadFailureKind::Truncated => "the answer broke off on every attempt",
        ReadFailureKind::ChangedWhileReading => "it was replaced while it was being read",
        ReadFailureKind::NoSuchBucket => "the bucket does not exist",
        ReadFailureKind::OverBudget => "larger than the limit",
        ReadFailureKind::KeysUnavailable => "the public keys could not be obtained",
        ReadFailureKind::NoSignature => "there is no signature to check",
        ReadFailureKind::NotCopied => "the mirror does not have it; the bucket may",
        ReadFailureKind::AbsentFromCopy => "the copy does not have it; the bucket may",
        ReadFailureKind::CopyDamaged => {
            "the mirror’s file changed after it was copied and verified; the bucket may be intact"
        }
        ReadFailureKind::NotFollowed => {
            "a link, a special file or a name that cannot be a key: not followed"
        }
        ReadFailureKind::VersionUnknown => {
            "no version from that time is left; whether it existed then is not known"
        }
        ReadFailureKind::DeliveredElsewhere => {
            "genuine evidence of another bucket or prefix, which proves nothing about this one"
        }
        ReadFailureKind::UnknownForm => {
            "genuine, with a field of a form that this version does not know"
        }
    }
}

/// Returns what a notice says about an object.
pub(super) fn notice_means(notice: Notice) -> &'static str {
    match notice {
        Notice::ChainStart => {
            "a chain starts here: logging or validation was switched on; nothing before it is \
             proven"
        }
        Notice::MetadataSignatureMissing => {
            "a digest is proven by its successor; its own metadata has no signature, as is usual \
             in a copy"
        }
        Notice::MetadataSignatureDiffers => {
            "a digest is proven by its successor; the signature in its own metadata is invalid"
        }
        Notice::StoredInflated => "an object is stored inflated; its content is proven",
        Notice::SeveralMembers => {
            "an object consists of several gzip members, where CloudTrail writes one; joined, they \
             are proven"
        }
        Notice::DigestUnlinked => "a digest is listed, but no chain reaches it",
        Notice::Anchor => "a digest outside the period that only anchors its chain",
        Notice::LifecycleLooksTheSame => {
            "nothing older is listed; a lifecycle rule that expires old objects looks the same"
        }
        Notice::DigestCopied => {
            "a digest is a copy of one that was delivered to another bucket or prefix; it proves \
             nothing here"
        }
    }
}
