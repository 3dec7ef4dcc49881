//! Keeps each answer as it was received, with its status, request id and time.
use crate::report::trail_config::result::Call;
use crate::trail_config::answers::{Answer, of_error};
use aws_sdk_cloudtrail::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudtrail::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use trailproof_core::control::fact::{Unread, UnreadWhy};
use trailproof_core::control::operation::Operation;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::time::Timestamp;

/// The answer to one request.
#[derive(Clone, Debug, Default)]
struct Raw {
    status: Option<u16>,
    request_id: Option<String>,
    body: Vec<u8>,
}

impl Raw {
    fn of(response: &HttpResponse) -> Self {
        let headers = response.headers();
        let id = headers.get("x-amzn-requestid").or_else(|| headers.get("x-amz-request-id"));
        Self {
            status: Some(response.status().as_u16()),
            request_id: id.map(|id| id.chars().take(budget::STORE_NAME).collect()),
            body: response.body().bytes().unwrap_or_default().to_vec(),
        }
    }
}

/// Takes the answer of the request that it is attached to.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot(Arc<Mutex<Raw>>);

#[dyn_dispatch_hint]
impl Intercept for Slot {
    fn name(&self) -> &'static str {
        "KeepsAnswer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Raw::of(context.response());
        Ok(())
    }
}

/// What a request was about.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    pub(super) operation: Operation,
    pub(super) region: &'a str,
    pub(super) target: &'a str,
}

/// The requests so far and their answers.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    pub(super) calls: Vec<Call>,
    /// The bodies of the answers, by index of the request.
    pub(super) bodies: Vec<Vec<u8>>,
}

impl Recorder {
    /// Records a request, and returns its answer. `shape` gives the JSON of an answer that is not JSON
    /// itself.
    pub(super) fn note<T, E>(
        &mut self,
        about: About<'_>,
        slot: &Slot,
        sent: Result<T, SdkError<E, HttpResponse>>,
        shape: impl FnOnce(T) -> Option<Value>,
    ) -> Answer
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let mut raw = slot.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Err(error) = &sent
            && let Some(response) = error.raw_response()
        {
            raw = Raw::of(response);
        }
        let (operation, malformed) = (about.operation, UnreadWhy::Malformed);
        let mut error_code = None;
        let answer = match sent {
            Ok(output) => match shape(output).or_else(|| serde_json::from_slice(&raw.body).ok()) {
                Some(value) => Answer::Is(value),
                None => Answer::Unread(Unread::new(operation, malformed)),
            },
            Err(error) => {
                let service = error.as_service_error();
                // A HEAD has no body that could name a code.
                let refused = raw.status.filter(|status| *status >= 400);
                let status = refused.map(|status| status.to_string());
                let code = service.and_then(ProvideErrorMetadata::code).map(str::to_owned);
                error_code = code.or(status);
                let message = match service.and_then(ProvideErrorMetadata::message) {
                    Some(message) => message.to_owned(),
                    None => crate::aws::words::chain(&error),
                };
                let cut = message.floor_char_boundary(budget::DETAIL);
                let message = message.get(..cut).unwrap_or_default();
                of_error(operation, error_code.as_deref(), message)
            }
        };
        let answered = raw.status.is_some();
        // The hash is of what is kept, and an answer of which only a part is kept is not judged.
        let answer = match raw.body.len() > budget::ANSWER_KEPT {
            true => Answer::Unread(Unread::new(operation, UnreadWhy::OverBudget)),
            false => answer,
        };
        raw.body.truncate(budget::ANSWER_KEPT);
        self.calls.push(Call {
            service: operation.service().to_owned(),
            operation: operation.name().to_owned(),
            region: about.region.to_owned(),
            target: about.target.to_owned(),
            request_id: raw.request_id,
            time: now(),
            http_status: raw.status,
            error_code,
            response_sha256: answered.then(|| hex::encode(Sha256::digest(&raw.body))),
        });
        self.bodies.push(raw.body);
        answer
    }
}

/// Returns the time by this machine's clock, for the moment of an answer.
#[expect(clippy::disallowed_methods, reason = "evidence of a moment records the moment")]
fn now() -> Timestamp {
    Timestamp::from_unix(chrono::Utc::now().timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudtrail::operation::describe_trails::DescribeTrailsError;
    use serde_json::json;

    #[test]
    fn an_answer_that_is_too_long_to_keep_is_not_judged() {
        let note = |length: usize| {
            let slot = Slot::default();
            *slot.0.lock().unwrap() =
                Raw { status: Some(200), request_id: None, body: vec![b' '; length] };
            let mut recorder = Recorder::default();
            let about = About { operation: Operation::DescribeTrails, region: "r", target: "t" };
            let sent: Result<(), SdkError<DescribeTrailsError, HttpResponse>> = Ok(());
            let answer = recorder.note(about, &slot, sent, |()| Some(json!({})));
            let hash = hex::encode(Sha256::digest(&recorder.bodies[0]));
            assert_eq!(recorder.calls[0].response_sha256, Some(hash), "of what is kept");
            answer
        };
        assert!(matches!(note(budget::ANSWER_KEPT), Answer::Is(_)));
        let long = note(budget::ANSWER_KEPT + 1);
        assert!(matches!(long, Answer::Unread(unread) if unread.why == UnreadWhy::OverBudget));
    }
}
