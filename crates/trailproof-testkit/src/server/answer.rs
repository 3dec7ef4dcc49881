//! From a request to its response.
use super::faults::Fault;
use super::http::Request;
use super::json::JsonError;
use super::mischief::{self, Bends, is_head};
use super::operation::{Operation, Protocol};
use super::response::Response;
use super::route::Call;
use super::s3_error::HOST_ID;
use super::state::State;
use super::{cloudtrail, organizations, s3, sts};

/// Returns the error of an operation about configuration that is not there.
fn not_configured(call: &Call) -> JsonError {
    let kind = match call.key.split(' ').next() {
        Some("GetInsightSelectors") => "InsightNotEnabledException",
        Some("GetEventSelectors") => "TrailNotFoundException",
        Some("DescribeKey" | "GetKeyPolicy" | "GetKeyRotationStatus") => "NotFoundException",
        _ => "AWSOrganizationsNotInUseException",
    };
    JsonError::new(400, kind, "There is no such configuration.")
}

/// Responds to `request`, and applies `faults` to the response.
pub(super) fn answer(
    state: &State,
    request: &Request,
    call: &Call,
    faults: &[Fault],
    request_id: &str,
) -> Response {
    let world = state.world();
    let protocol = match (call.operation, &request.target) {
        (Operation::Unknown, Some(_)) => Protocol::Json,
        (operation, _) => operation.protocol(),
    };
    let unsigned = state.options.require_authorization && request.authorization.is_none();
    let mut response = match protocol {
        // What is refused is not written.
        _ if call.operation == Operation::PutObject && mischief::is_refused(faults, call) => {
            Response::new(200)
        }
        Protocol::S3 => s3::answer(state, &world, request, call, Bends::of(faults))
            .unwrap_or_else(|refusal| refusal.response(request_id, is_head(call.operation))),
        Protocol::Json if unsigned => JsonError::new(
            403,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        )
        .response(),
        Protocol::Json if world.configuration.contains_key(&call.configured()) => {
            let body = world.configuration.get(&call.configured()).cloned().unwrap_or_default();
            Response::with_body(200, "application/x-amz-json-1.1", body)
        }
        Protocol::Json => match call.operation {
            Operation::GetConfiguration => Err(not_configured(call)),
            Operation::DescribeOrganization => organizations::describe_organization(&world),
            Operation::ListAccounts => organizations::list_accounts(&world, call),
            Operation::Unknown => Err(JsonError::new(400, "UnknownOperationException", "")),
            _ => cloudtrail::answer(state, &world, call),
        }
        .unwrap_or_else(JsonError::response),
        Protocol::Query if unsigned => sts::refuse(
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
            request_id,
        ),
        Protocol::Query => sts::get_caller_identity(request_id),
    };
    for fault in faults {
        response = mischief::apply(fault, response, call, request_id);
    }
    response.headers_only = is_head(call.operation);
    if let Some(date) = &state.options.date {
        response = response.header("Date", date.now());
    }
    match protocol {
        Protocol::S3 => {
            response.header("x-amz-request-id", request_id.to_owned()).header("x-amz-id-2", HOST_ID)
        }
        Protocol::Json | Protocol::Query => {
            response.header("x-amzn-RequestId", request_id.to_owned())
        }
    }
}
