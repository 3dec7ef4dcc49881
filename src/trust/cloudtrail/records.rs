//! From the SDK's types to trailproof's records.
use crate::trust::{KeyRecord, TrailRecord, TrailStatusRecord};
use aws_sdk_cloudtrail::operation::get_trail_status::GetTrailStatusOutput;
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{PublicKey, Trail};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::time::Timestamp;

/// Converts a key; `None` if it has no fingerprint or no value, or is larger than a key can be: no
/// digest could name it, or it could not be used.
pub(super) fn key(key: PublicKey) -> Option<KeyRecord> {
    let der = key.value?.into_inner();
    (der.len() <= budget::PUBLIC_KEY).then_some(KeyRecord {
        fingerprint: key.fingerprint?,
        der,
        valid_from: key.validity_start_time.map(at),
        valid_to: key.validity_end_time.map(at),
    })
}

/// Converts a trail; `None` if it has no ARN.
pub(super) fn trail(trail: Trail) -> Option<TrailRecord> {
    Some(TrailRecord {
        arn: trail.trail_arn?,
        bucket: trail.s3_bucket_name.unwrap_or_default(),
        prefix: trail.s3_key_prefix.filter(|prefix| !prefix.is_empty()),
        organization: trail.is_organization_trail.unwrap_or_default(),
        multi_region: trail.is_multi_region_trail.unwrap_or_default(),
        validates: trail.log_file_validation_enabled,
    })
}

/// Converts what GetTrailStatus returns about digests.
pub(super) fn status(status: GetTrailStatusOutput) -> TrailStatusRecord {
    TrailStatusRecord {
        is_logging: status.is_logging.unwrap_or_default(),
        latest_digest_delivery: status.latest_digest_delivery_time.map(at),
        latest_digest_error: status
            .latest_digest_delivery_error
            .filter(|text| !text.is_empty())
            .map(shortened),
    }
}

/// Cuts a text of the service, which becomes part of records, to the budget.
fn shortened(mut words: String) -> String {
    words.truncate(words.floor_char_boundary(budget::DETAIL));
    words
}

/// Returns the second that `time` lies in, without its fraction.
fn at(time: DateTime) -> Timestamp {
    Timestamp::from_unix(time.secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudtrail::primitives::Blob;

    #[test]
    fn an_unusable_key_is_skipped() {
        let usable = || PublicKey::builder().value(Blob::new([1, 2])).fingerprint("f");
        assert!(key(usable().build()).is_some());
        assert!(key(PublicKey::builder().fingerprint("f").build()).is_none());
        assert!(key(PublicKey::builder().value(Blob::new([1])).build()).is_none());
        let vast = vec![0; budget::PUBLIC_KEY + 1];
        assert!(key(usable().value(Blob::new(vast)).build()).is_none());
    }

    #[test]
    fn absent_and_empty_are_the_same() {
        let empty = Trail::builder().trail_arn("arn").s3_key_prefix("").build();
        assert_eq!(trail(empty).unwrap().prefix, None);
        let quiet = GetTrailStatusOutput::builder().latest_digest_delivery_error("").build();
        assert_eq!(status(quiet), TrailStatusRecord::default());
    }
}
