//! The subresources of a bucket: none is set except versioning.
use super::response::Response;
use super::route::Call;
use super::s3_error::S3Error;
use super::xml::Xml;
use crate::world::{Bucket, Version};

/// S3's errors for a subresource that was never set.
const NOT_SET: [(&str, &str, &str); 10] = [
    ("cors", "NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    (
        "encryption",
        "ServerSideEncryptionConfigurationNotFoundError",
        "The server side encryption configuration was not found",
    ),
    ("lifecycle", "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    (
        "object-lock",
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
    ),
    (
        "ownershipControls",
        "OwnershipControlsNotFoundError",
        "The bucket ownership controls were not found",
    ),
    ("policy", "NoSuchBucketPolicy", "The bucket policy does not exist"),
    (
        "publicAccessBlock",
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
    ),
    (
        "replication",
        "ReplicationConfigurationNotFoundError",
        "The replication configuration was not found",
    ),
    ("policyStatus", "NoSuchBucketPolicy", "The bucket policy does not exist"),
    ("tagging", "NoSuchTagSet", "The TagSet does not exist"),
];

/// The subresources that are empty, and not an error, if they were never set.
const EMPTY: [(&str, &str); 2] =
    [("logging", "BucketLoggingStatus"), ("notification", "NotificationConfiguration")];

/// Responds to a GET of a subresource of `bucket`.
pub(super) fn answer(bucket: &Bucket, call: &Call) -> Result<Response, S3Error> {
    if let (Some(body), "") = (bucket.settings.get(&call.page), call.key.as_str()) {
        let kind = if call.page == "policy" { "application/json" } else { "application/xml" };
        return Ok(Response::with_body(200, kind, body.clone()));
    }
    if call.page == "versioning" && call.key.is_empty() {
        return Ok(versioning(bucket));
    }
    let empty = EMPTY.iter().find(|(name, _)| *name == call.page && call.key.is_empty());
    if let Some((_, root)) = empty {
        let body = Xml::new().s3_root(root, |_| {});
        return Ok(Response::with_body(200, "application/xml", body));
    }
    let known = NOT_SET.iter().find(|(name, ..)| *name == call.page && call.key.is_empty());
    Err(known.map_or_else(
        || {
            S3Error::new(
                501,
                "NotImplemented",
                "A parameter you provided implies functionality that is not implemented",
            )
        },
        |(_, code, message)| S3Error::new(404, code, message).detail("BucketName", &call.bucket),
    ))
}

/// Returns the versioning state: a bucket is versioned if any object in it has a version id.
fn versioning(bucket: &Bucket) -> Response {
    let versioned = bucket.objects.values().flatten().any(is_versioned);
    let body = Xml::new().s3_root("VersioningConfiguration", |xml| {
        if versioned {
            xml.text("Status", "Enabled");
        }
    });
    Response::with_body(200, "application/xml", body)
}

/// Returns whether `version` was created while its bucket was versioned.
pub(super) fn is_versioned(version: &Version) -> bool {
    !matches!(version.version_id.as_str(), "" | "null")
}
