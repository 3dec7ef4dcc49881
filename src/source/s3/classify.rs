//! What an answer of S3 means, as a pure table.
//!
//! The code in the body decides, and the status only where there is none: 404 is said of keys,
//! buckets and versions alike, and 403 of archives and keys of KMS too. Only one row says that an
//! object is gone.
use crate::source::ReadError;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};

/// The requests that are made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// ListObjectsV2.
    List,
    /// GetObject.
    Get,
    /// HeadBucket, whose answers have no body and so no code.
    HeadBucket,
    /// GetBucketLocation.
    GetBucketLocation,
}

/// An answer that is not the one asked for.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// What was asked.
    pub operation: Operation,
    /// HTTP status.
    pub status: u16,
    /// `Code` of the body, where it is S3's XML.
    pub code: Option<&'a str>,
    /// `Message` of the body.
    pub message: Option<&'a str>,
}

/// How a request came to no answer, or an answer to no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Nothing came for too long.
    Silent,
    /// Connecting failed, or the connection was reset.
    Connection,
    /// The body ended before its length.
    Short,
    /// What came cannot be understood.
    Senseless,
}

/// What `refusal` means for the object or page that was asked for.
pub fn refusal(refusal: Refusal<'_>) -> ReadError {
    let code = refusal.code.unwrap_or_default();
    let message = refusal.message.unwrap_or_default();
    if refusal.operation == Operation::Get && refusal.status == 404 && code == "NoSuchKey" {
        return ReadError::Missing;
    }
    let kind = kind(refusal.status, code, message);
    ReadError::Failure(ReadFailure::new(kind, detail(refusal, kind)))
}

/// What a request that came to no answer means.
pub fn broken(how: Broken, words: impl Into<String>) -> ReadFailure {
    let kind = match how {
        Broken::Silent => ReadFailureKind::Timeout,
        Broken::Connection | Broken::Senseless => ReadFailureKind::Network,
        Broken::Short => ReadFailureKind::Truncated,
    };
    ReadFailure::new(kind, words)
}

/// The service's code and message in the detail of a failure, for callers that word it their own
/// way; `None` where no service spoke.
pub fn code_and_message(failure: &ReadFailure) -> Option<(&str, &str)> {
    let (code, message) = failure.detail.split_once(": ")?;
    let is_code = !code.is_empty()
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'));
    is_code.then_some((code, message))
}

fn kind(status: u16, code: &str, message: &str) -> ReadFailureKind {
    use ReadFailureKind as Kind;
    match code {
        // A bucket whose name is not allowed cannot be there either.
        "NoSuchBucket" | "InvalidBucketName" => return Kind::NoSuchBucket,
        "InvalidObjectState" => return Kind::Archived,
        "PreconditionFailed" | "InvalidRange" => return Kind::ChangedWhileReading,
        "SlowDown" | "ServiceUnavailable" | "RequestLimitExceeded" | "BandwidthLimitExceeded" => {
            return Kind::Throttled;
        }
        "InternalError" | "RequestTimeout" => return Kind::Network,
        _ => {}
    }
    // Before KMS: `KMS.ThrottlingException` is about requests, not about permission.
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
        // 404 without S3's word for it comes from proxies and wrong endpoints: it is evidence of
        // nothing. The rest (5xx, redirects that lead nowhere, 2xx that is no answer) likewise.
        _ => Kind::Network,
    }
}

/// S3 reports refusals of KMS, and objects under keys that only the customer has, by message only.
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
        _ => "",
    };
    said + hint
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
