//! From the SDK's errors to the rows of the table.
use super::classify::{self, Broken, Operation, Refusal};
use crate::aws::error_chain::causes;
use crate::aws::{credentials, words};
use crate::source::ReadError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::error::Error;
use std::io;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::ids::Region;

/// Bytes of an error's body that are searched for a region. S3's error bodies are below 2 KB.
const ERROR_BODY: usize = 16 << 10;

/// Returns what `error` means.
pub(super) fn read_error<E>(operation: Operation, error: &SdkError<E, HttpResponse>) -> ReadError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    if let Some(setup) = credentials::missing_in(error) {
        return failure(ReadFailureKind::Denied, setup.to_string());
    }
    let mut read = match error {
        SdkError::ServiceError(said) => classify::refusal(Refusal {
            operation,
            status: said.raw().status().as_u16(),
            code: said.err().code(),
            message: said.err().message(),
        }),
        SdkError::TimeoutError(_) => broken(Broken::Silent, error),
        SdkError::DispatchFailure(why) if why.is_timeout() => broken(Broken::Silent, error),
        SdkError::DispatchFailure(_) => broken(Broken::Connection, error),
        _ => ReadError::Failure(classify::broken(Broken::Senseless, not_understood(error))),
    };
    if let (ReadError::Failure(failure), Some(raw)) = (&mut read, error.raw_response()) {
        let id = raw.headers().get("x-amz-request-id");
        failure.request_id = id.filter(|id| id.len() <= budget::STORE_NAME).map(str::to_owned);
        // If the response could not be understood, the detail is the SDK's reason.
        if raw.status().is_success() && failure.kind == ReadFailureKind::Network {
            failure.detail = not_understood(error);
        }
    }
    read
}

/// Returns what `error` means for a request that cannot report a missing object.
pub(super) fn read_failure<E>(
    operation: Operation,
    error: &SdkError<E, HttpResponse>,
) -> ReadFailure
where
    E: Error + ProvideErrorMetadata + 'static,
{
    match read_error(operation, error) {
        ReadError::Failure(failure) => failure,
        // The table has no such row: a response about a key makes no sense for these requests.
        ReadError::Missing => classify::broken(Broken::Senseless, words::chain(error)),
    }
}

/// Returns the words for a request that cannot be made, or for an answer that makes no sense.
fn not_understood<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: Error + 'static,
{
    let why = words::chain(error);
    match error {
        SdkError::ConstructionFailure(_) => format!("the request cannot be made: {why}"),
        SdkError::ResponseError(_) => format!("the answer cannot be understood: {why}"),
        _ => why,
    }
}

/// Returns how a body broke off.
pub(super) fn body_failure(error: &(dyn Error + 'static)) -> ReadFailure {
    let causes = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    let Some(kind) = causes.map(io::Error::kind).last() else {
        let why = words::chain(error);
        let words = format!("the connection broke while the body was read: {why}");
        return classify::broken(Broken::Connection, words);
    };
    match kind {
        io::ErrorKind::UnexpectedEof => {
            classify::broken(Broken::Short, "the connection ended before the body did")
        }
        io::ErrorKind::TimedOut => {
            classify::broken(Broken::Silent, "the connection timed out while the body was read")
        }
        kind => classify::broken(
            Broken::Connection,
            format!("the connection broke while the body was read: {kind}"),
        ),
    }
}

/// Returns the bucket's region as named by a response, even an error response: in a header, or in
/// the body of `PermanentRedirect` and `AuthorizationHeaderMalformed`. It becomes part of a host
/// name, so only the form of a region is accepted.
pub(super) fn region_of<E>(error: &SdkError<E, HttpResponse>) -> Option<Region> {
    let raw = error.raw_response()?;
    if let Some(region) = raw.headers().get("x-amz-bucket-region") {
        return region.parse().ok();
    }
    let body = raw.body().bytes()?;
    let text = std::str::from_utf8(body.get(..body.len().min(ERROR_BODY))?).ok()?;
    let (_, after) = text.split_once("<Region>")?;
    let (region, _) = after.split_once("</Region>")?;
    region.parse().ok()
}

/// Returns whether `error` shows that the request went to the wrong region.
pub(super) fn is_elsewhere<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: ProvideErrorMetadata,
{
    let SdkError::ServiceError(said) = error else { return false };
    matches!(said.raw().status().as_u16(), 301 | 307)
        || matches!(
            said.err().code(),
            Some(
                "PermanentRedirect"
                    | "AuthorizationHeaderMalformed"
                    | "IllegalLocationConstraintException"
            )
        )
}

/// Returns whether `error` shows that the condition of a request was not met.
pub(super) fn is_not_met<E>(error: &SdkError<E, HttpResponse>) -> bool {
    matches!(error, SdkError::ServiceError(said) if said.raw().status().as_u16() == 412)
}

fn failure(kind: ReadFailureKind, words: String) -> ReadError {
    ReadError::Failure(ReadFailure::new(kind, words))
}

fn broken(how: Broken, error: &(dyn Error + 'static)) -> ReadError {
    ReadError::Failure(classify::broken(how, words::chain(error)))
}
