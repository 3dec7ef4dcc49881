//! Applies the faults of a plan to a response.
use super::cloudtrail::unknown_trail;
use super::faults::Fault;
use super::json::JsonError;
use super::operation::{Operation, Protocol};
use super::response::{Cut, Framing, Response};
use super::route::Call;
use super::s3_error::S3Error;
use super::sts;
use bytes::Bytes;
use std::borrow::Cow;

/// Faults that change how a request is interpreted, and so must be known before it is handled.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bends {
    pub(super) range_ignored: bool,
    pub(super) etag_changed: bool,
}

impl Bends {
    pub(super) fn of(faults: &[Fault]) -> Self {
        Self {
            range_ignored: faults.contains(&Fault::RangeIgnored),
            etag_changed: faults.contains(&Fault::EtagChanged),
        }
    }
}

/// Applies `fault` to `response`.
pub(super) fn apply(fault: &Fault, mut response: Response, call: &Call, id: &str) -> Response {
    if let Some(refusal) = refusal(fault, call, id) {
        // Changes that an earlier fault of the plan made to the delivery are kept.
        return Response { delivery: response.delivery, ..refusal };
    }
    let delivery = &mut response.delivery;
    match fault {
        Fault::Reset => delivery.reset = true,
        Fault::HangUp => delivery.hang_up = true,
        Fault::BodyCut { after } => delivery.cut = Some(Cut { after: *after, reset: false }),
        Fault::BodyReset { after } => delivery.cut = Some(Cut { after: *after, reset: true }),
        Fault::StallBeforeHeaders(time) => delivery.delay = *time,
        Fault::StallInBody { after, time } => delivery.stall = Some((*after, *time)),
        Fault::Trickle(pause) => delivery.trickle = Some(*pause),
        Fault::WrongContentLength(error) => delivery.length_error = *error,
        Fault::ConnectionClose => delivery.close = true,
        Fault::Chunked => delivery.framing = Framing::Chunked,
        Fault::NoLength => {
            delivery.framing = Framing::Close;
            delivery.close = true;
        }
        Fault::BitFlipped { at } => response.body = with_bit_flipped(&response.body, *at),
        Fault::ByteLost { at } => response.body = without_byte(&response.body, *at),
        Fault::MetadataDropped => response.headers.retain(|(name, _)| !is_metadata(name)),
        Fault::MetadataInOtherCase => {
            for (name, _) in &mut response.headers {
                if is_metadata(name) {
                    *name = Cow::Owned(capitalized(name));
                }
            }
        }
        _ => {}
    }
    response
}

/// Returns whether a fault replaces the response of a request that is then not carried out.
pub(super) fn is_refused(faults: &[Fault], call: &Call) -> bool {
    faults.iter().any(|fault| refusal(fault, call, "").is_some())
}

/// Returns the refusal with which `fault` replaces a response, in the format of the service in
/// question.
fn refusal(fault: &Fault, call: &Call, id: &str) -> Option<Response> {
    match fault {
        Fault::NotFoundWithoutBody => return Some(Response::new(404)),
        Fault::ForbiddenWithoutBody => return Some(Response::new(403)),
        Fault::Answer { status, content_type, body } => {
            return Some(
                Response::new(*status)
                    .header("Content-Type", content_type.clone())
                    .body(Bytes::from(body.clone())),
            );
        }
        _ => {}
    }
    match call.operation.protocol() {
        Protocol::S3 => {
            s3_refusal(fault, call).map(|refusal| refusal.response(id, is_head(call.operation)))
        }
        Protocol::Json => json_refusal(fault, call).map(JsonError::response),
        Protocol::Query => json_refusal(fault, call)
            .map(|refusal| sts::refuse(refusal.status(), refusal.kind(), refusal.message(), id)),
    }
}

fn s3_refusal(fault: &Fault, call: &Call) -> Option<S3Error> {
    Some(match fault {
        Fault::AccessDenied => S3Error::access_denied(call),
        Fault::KmsDenied => S3Error::kms_denied(call),
        Fault::KmsDisabled => S3Error::kms_disabled(call),
        Fault::SlowDown => S3Error::slow_down(),
        Fault::InternalError => S3Error::internal_error(),
        Fault::NoSuchKey => S3Error::no_such_key(call),
        Fault::NoSuchBucket => S3Error::no_such_bucket(call),
        Fault::Archived => S3Error::archived("GLACIER"),
        Fault::ExpiredToken => S3Error::expired_token(),
        Fault::PermanentRedirect { region } => S3Error::permanent_redirect(call, region),
        _ => return None,
    })
}

fn json_refusal(fault: &Fault, call: &Call) -> Option<JsonError> {
    Some(match fault {
        Fault::AccessDenied | Fault::KmsDenied | Fault::KmsDisabled => {
            let action = call.operation.action();
            JsonError::new(
                400,
                "AccessDeniedException",
                format!(
                    "User: arn:aws:iam::111122223333:user/auditor is not authorized to perform: \
                     {action} because no identity-based policy allows the {action} action"
                ),
            )
        }
        Fault::SlowDown => JsonError::new(400, "ThrottlingException", "Rate exceeded"),
        Fault::InternalError => JsonError::new(500, "InternalFailure", "Internal failure."),
        Fault::NoSuchKey => unknown_trail(call),
        Fault::ExpiredToken => JsonError::new(
            400,
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
        _ => return None,
    })
}

pub(super) fn is_head(operation: Operation) -> bool {
    matches!(operation, Operation::HeadBucket | Operation::HeadObject)
}

fn is_metadata(name: &str) -> bool {
    name.starts_with("x-amz-meta-")
}

/// Capitalizes a header name: `x-amz-meta-signature` becomes `X-Amz-Meta-Signature`.
fn capitalized(name: &str) -> String {
    let mut start = true;
    name.chars()
        .map(|character| {
            let spelt = if start { character.to_ascii_uppercase() } else { character };
            start = character == '-';
            spelt
        })
        .collect()
}

fn with_bit_flipped(body: &Bytes, at: usize) -> Bytes {
    let mut bytes = body.to_vec();
    let length = bytes.len().max(1);
    if let Some(byte) = bytes.get_mut(at % length) {
        *byte ^= 1;
    }
    bytes.into()
}

fn without_byte(body: &Bytes, at: usize) -> Bytes {
    let mut bytes = body.to_vec();
    if !bytes.is_empty() {
        bytes.remove(at % bytes.len());
    }
    bytes.into()
}
