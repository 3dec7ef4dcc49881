//! What a response of S3 means, as a pure table.
//!
//! The code in the body decides, and the status only if there is no code: 404 is used for keys,
//! buckets and versions alike, and 403 also for archives and KMS keys. Only one row reports that an
//! object does not exist.
use crate::source::ReadError;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};

/// The requests that trailproof makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// ListObjectsV2.
    List,
    /// ListObjectVersions.
    ListVersions,
    /// GetObject.
    Get,
    /// GetObject with a version id.
    GetVersion,
    /// HeadBucket, whose responses have no body and so no code.
    HeadBucket,
    /// GetBucketLocation.
    GetBucketLocation,
    /// GetBucketVersioning.
    GetVersioning,
    /// PutObject, of an object that does not exist yet.
    Create,
}

/// A response that is an error.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// The requested operation.
    pub operation: Operation,
    /// The HTTP status.
    pub status: u16,
    /// `Code` in the body, if it is S3's XML.
    pub code: Option<&'a str>,
    /// `Message` in the body.
    pub message: Option<&'a str>,
}

/// How a request got no response, or a response did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Nothing came for too long.
    Silent,
    /// Connecting failed, or the connection was reset.
    Connection,
    /// The body ended before its declared length.
    Short,
    /// The response cannot be understood.
    Senseless,
}

/// Returns what `refusal` means for the requested object or page.
pub fn refusal(refusal: Refusal<'_>) -> ReadError {
    let code = refusal.code.unwrap_or_default();
    let message = refusal.message.unwrap_or_default();
    if refusal.operation == Operation::Get && refusal.status == 404 && code == "NoSuchKey" {
        return ReadError::Missing;
    }
    if refusal.operation == Operation::GetVersion && is_no_version(refusal.status, code, message) {
        return ReadError::Missing;
    }
    let kind = kind(refusal.status, code, message);
    ReadError::Failure(ReadFailure::new(kind, detail(refusal, kind)))
}

/// Returns whether the response shows that no content has the requested version id: there is no
/// such version, it is a delete marker, or no version can have such an id.
fn is_no_version(status: u16, code: &str, message: &str) -> bool {
    match (status, code) {
        (404, "NoSuchVersion" | "NoSuchKey") | (405, "MethodNotAllowed") => true,
        (400, "InvalidArgument") => message.to_ascii_lowercase().contains("version id"),
        _ => false,
    }
}

/// Returns what a request without a usable response means.
pub fn broken(how: Broken, words: impl Into<String>) -> ReadFailure {
    let kind = match how {
        Broken::Silent => ReadFailureKind::Timeout,
        Broken::Connection | Broken::Senseless => ReadFailureKind::Network,
        Broken::Short => ReadFailureKind::Truncated,
    };
    ReadFailure::new(kind, words)
}

fn kind(status: u16, code: &str, message: &str) -> ReadFailureKind {
    use ReadFailureKind as Kind;
    match code {
        // A bucket with an invalid name cannot exist.
        "NoSuchBucket" | "InvalidBucketName" => return Kind::NoSuchBucket,
        "InvalidObjectState" => return Kind::Archived,
        "PreconditionFailed" | "InvalidRange" => return Kind::ChangedWhileReading,
        "SlowDown" | "ServiceUnavailable" | "RequestLimitExceeded" | "BandwidthLimitExceeded" => {
            return Kind::Throttled;
        }
        "InternalError" | "RequestTimeout" => return Kind::Network,
        _ => {}
    }
    // Before KMS: `KMS.ThrottlingException` is about the number of requests, not about permission.
    if code.contains("Throttl") || code.starts_with("TooManyRequests") {
        return Kind::Throttled;
    }
    if code.starts_with("KMS.") || speaks_of_encryption(status, message) {
        return Kind::KmsDenied;
    }
    match code {
        "AccessDenied"
        | "AccessForbidden"
        | "AccountProblem"
        | "AllAccessDisabled"
        | "AuthorizationHeaderMalformed"
        | "ExpiredToken"
        | "InvalidAccessKeyId"
        | "InvalidSecurity"
        | "InvalidToken"
        | "NotSignedUp"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "SignatureDoesNotMatch"
        | "TokenRefreshRequired" => return Kind::Denied,
        _ => {}
    }
    match status {
        401 | 403 => Kind::Denied,
        412 | 416 => Kind::ChangedWhileReading,
        429 | 503 => Kind::Throttled,
        // A 404 without S3's code comes from proxies and wrong endpoints, and is not evidence. The
        // same holds for the rest (5xx, redirects that lead nowhere, 2xx that is not a valid
        // response).
        _ => Kind::Network,
    }
}

/// Returns whether the message is about encryption. S3 reports refusals of KMS, and objects
/// encrypted with customer-provided keys, only by message.
fn speaks_of_encryption(status: u16, message: &str) -> bool {
    matches!(status, 400 | 403)
        && [
            "kms:Decrypt",
            "kms:GenerateDataKey",
            "customer master key",
            "ciphertext refers to",
            "KMS key",
            "using a form of Server Side Encryption",
        ]
        .iter()
        .any(|words| message.contains(words))
}

fn detail(refusal: Refusal<'_>, kind: ReadFailureKind) -> String {
    let said = match (refusal.code, refusal.message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, Some(message)) => format!("HTTP status {}: {message}", refusal.status),
        (None, None) => format!("HTTP status {} without S3's reason", refusal.status),
    };
    let hint = match refusal.code {
        Some("RequestTimeTooSkewed") => " (set this machine's clock)",
        _ if refusal.operation == Operation::Get
            && kind == ReadFailureKind::Denied
            && matches!(refusal.code, None | Some("AccessDenied")) =>
        {
            " (where s3:ListBucket is not granted, S3 answers so for absent keys too)"
        }
        _ if kind == ReadFailureKind::Denied => match refusal.operation {
            Operation::GetVersion => " (versions need s3:GetObjectVersion)",
            Operation::Create => " (writing needs s3:PutObject)",
            Operation::ListVersions => " (listing versions needs s3:ListBucketVersions)",
            _ => "",
        },
        _ => "",
    };
    said + hint
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
