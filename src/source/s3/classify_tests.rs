//! What each response of S3 means.
use super::*;

fn get(status: u16, code: &str, message: &str) -> ReadError {
    let part = |text: &'static str| (!text.is_empty()).then_some(text);
    // Leaked, so that the table below is easy to read.
    let (code, message) = (code.to_owned().leak(), message.to_owned().leak());
    refusal(Refusal { operation: Operation::Get, status, code: part(code), message: part(message) })
}

fn get_version(status: u16, code: &str, message: &str) -> Option<ReadFailureKind> {
    let operation = Operation::GetVersion;
    let code = (!code.is_empty()).then_some(code);
    kind_of(refusal(Refusal { operation, status, code, message: Some(message) }))
}

#[test]
fn a_version_is_missing_only_if_the_store_says_so_of_the_version() {
    use ReadFailureKind::*;
    for (status, code, message, kind) in [
        (404, "NoSuchVersion", "The specified version does not exist.", None),
        (404, "NoSuchKey", "The specified key does not exist.", None),
        (405, "MethodNotAllowed", "The specified method is not allowed", None),
        (400, "InvalidArgument", "Invalid version id specified", None),
        (400, "InvalidArgument", "Invalid range", Some(Network)),
        (404, "NoSuchBucket", "The specified bucket does not exist", Some(NoSuchBucket)),
        (404, "", "", Some(Network)),
        (405, "", "", Some(Network)),
        (403, "AccessDenied", "Access Denied", Some(Denied)),
        (403, "InvalidObjectState", "The operation is not valid", Some(Archived)),
    ] {
        assert_eq!(get_version(status, code, message), kind, "{status} {code}");
    }
}

fn kind_of(error: ReadError) -> Option<ReadFailureKind> {
    match error {
        ReadError::Missing => None,
        ReadError::Failure(failure) => Some(failure.kind),
    }
}

/// One row for each known response of S3; messages as S3 writes them.
#[test]
fn every_row_of_the_table() {
    use ReadFailureKind::*;
    let rows: &[(u16, &str, &str, Option<ReadFailureKind>)] = &[
        (404, "NoSuchKey", "The specified key does not exist.", None),
        (404, "NoSuchBucket", "The specified bucket does not exist", Some(NoSuchBucket)),
        (400, "InvalidBucketName", "The specified bucket is not valid.", Some(NoSuchBucket)),
        (404, "NoSuchVersion", "The specified version does not exist.", Some(Network)),
        (404, "NotFound", "", Some(Network)),
        (404, "", "", Some(Network)),
        (403, "NoSuchKey", "The specified key does not exist.", Some(Denied)),
        (200, "NoSuchKey", "The specified key does not exist.", Some(Network)),
        (403, "AccessDenied", "Access Denied", Some(Denied)),
        (403, "", "", Some(Denied)),
        (401, "", "", Some(Denied)),
        (403, "AllAccessDisabled", "All access to this object has been disabled", Some(Denied)),
        (400, "ExpiredToken", "The provided token has expired.", Some(Denied)),
        (
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
            Some(Denied),
        ),
        (
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. \
             Check your key and signing method.",
            Some(Denied),
        ),
        (
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            Some(Denied),
        ),
        (
            400,
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed; the region 'us-east-1' is wrong; \
             expecting 'eu-west-1'",
            Some(Denied),
        ),
        (
            403,
            "AccessDenied",
            "User: arn:aws:sts::123456789012:assumed-role/Audit/me is not authorized to \
             perform: kms:Decrypt on the resource associated with this ciphertext because no \
             identity-based policy allows the kms:Decrypt action",
            Some(KmsDenied),
        ),
        (
            403,
            "AccessDenied",
            "The ciphertext refers to a customer master key that does not exist, does not \
             exist in this region, or you are not allowed to access.",
            Some(KmsDenied),
        ),
        (
            400,
            "KMS.DisabledException",
            "arn:aws:kms:us-east-1:123456789012:key/1 is disabled.",
            Some(KmsDenied),
        ),
        (
            400,
            "KMS.KMSInvalidStateException",
            "arn:aws:kms:us-east-1:123456789012:key/1 is pending deletion.",
            Some(KmsDenied),
        ),
        (
            400,
            "InvalidRequest",
            "The object was stored using a form of Server Side Encryption. The correct \
             parameters must be provided to retrieve the object.",
            Some(KmsDenied),
        ),
        (400, "KMS.ThrottlingException", "Rate exceeded", Some(Throttled)),
        (
            403,
            "InvalidObjectState",
            "The operation is not valid for the object's storage class",
            Some(Archived),
        ),
        (503, "SlowDown", "Please reduce your request rate.", Some(Throttled)),
        (200, "SlowDown", "Please reduce your request rate.", Some(Throttled)),
        (503, "ServiceUnavailable", "Service is unable to handle request.", Some(Throttled)),
        (503, "", "", Some(Throttled)),
        (429, "", "", Some(Throttled)),
        (400, "ThrottlingException", "Rate exceeded", Some(Throttled)),
        (400, "RequestLimitExceeded", "Request limit exceeded.", Some(Throttled)),
        (500, "InternalError", "We encountered an internal error.", Some(Network)),
        (502, "", "", Some(Network)),
        (504, "", "", Some(Network)),
        (
            400,
            "RequestTimeout",
            "Your socket connection to the server was not read from or written to within the \
             timeout period.",
            Some(Network),
        ),
        (301, "PermanentRedirect", "The bucket you are attempting to access", Some(Network)),
        (200, "", "", Some(Network)),
        (
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
            Some(ChangedWhileReading),
        ),
        (416, "InvalidRange", "The requested range is not satisfiable", Some(ChangedWhileReading)),
        (416, "", "", Some(ChangedWhileReading)),
    ];
    for (status, code, message, expected) in rows {
        assert_eq!(kind_of(get(*status, code, message)), *expected, "{status} {code} {message}");
    }
}

/// Only a GET of the very key can show that the object does not exist.
#[test]
fn no_other_operation_reports_a_missing_object() {
    for operation in [Operation::List, Operation::HeadBucket, Operation::GetBucketLocation] {
        let error = refusal(Refusal {
            operation,
            status: 404,
            code: Some("NoSuchKey"),
            message: Some("The specified key does not exist."),
        });
        assert_eq!(kind_of(error), Some(ReadFailureKind::Network));
    }
}

#[test]
fn a_denied_object_may_be_absent_and_the_detail_notes_it() {
    let ReadError::Failure(failure) = get(403, "AccessDenied", "Access Denied") else {
        panic!("denied is not missing")
    };
    assert!(failure.detail.contains("absent keys"), "{failure}");
}

#[test]
fn code_and_message_are_read_from_the_detail() {
    let words = "The specified bucket does not exist";
    let ReadError::Failure(failure) = get(404, "NoSuchBucket", words) else { panic!() };
    assert_eq!(failure.code_and_message(), Some(("NoSuchBucket", words)));
    let failure = broken(Broken::Connection, "cannot reach `a:1`: it refuses connections");
    assert_eq!(failure.code_and_message(), None);
}

#[test]
fn a_request_without_a_response_has_a_kind() {
    for (how, kind) in [
        (Broken::Silent, ReadFailureKind::Timeout),
        (Broken::Connection, ReadFailureKind::Network),
        (Broken::Senseless, ReadFailureKind::Network),
        (Broken::Short, ReadFailureKind::Truncated),
    ] {
        assert_eq!(broken(how, "").kind, kind);
    }
}
