//! From the SDK's errors to the AWS CLI's messages.
use crate::aws::credentials;
use crate::aws::words::{self, SetupError};
use crate::trust::ServiceError;
use aws_sdk_cloudtrail::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::error::Error;

/// Returns what `error` of `operation` means.
pub(super) fn service_error<E>(
    operation: &'static str,
    error: &SdkError<E, HttpResponse>,
) -> ServiceError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    if let Some(setup) = credentials::missing_in(error) {
        return setup_error(operation, &setup);
    }
    let said = error.as_service_error();
    let code = said.and_then(ProvideErrorMetadata::code).map(str::to_owned);
    let message = match said.and_then(ProvideErrorMetadata::message) {
        Some(message) => message.to_owned(),
        // The AWS CLI prints an empty message for a code without one.
        None if code.is_some() => String::new(),
        None => format!("{operation} could not be called: {}", words::chain(error)),
    };
    ServiceError { operation, code, message, no_credentials: false }
}

/// Returns the error of an `operation` that could not even be called.
pub(super) fn setup_error(operation: &'static str, error: &SetupError) -> ServiceError {
    ServiceError {
        operation,
        code: None,
        message: error.to_string(),
        no_credentials: error.is_credentials(),
    }
}

/// Returns the error of a response to `operation` that makes no sense.
pub(super) fn senseless(operation: &'static str, words: &str) -> ServiceError {
    ServiceError {
        operation,
        code: None,
        message: format!("{operation} {words}"),
        no_credentials: false,
    }
}
