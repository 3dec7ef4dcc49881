//! AWS JSON 1.1: the responses and errors of CloudTrail and Organizations.
use super::response::Response;
use serde_json::{Value, json};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// One error of a JSON service.
#[derive(Debug)]
pub(super) struct JsonError {
    status: u16,
    kind: &'static str,
    message: String,
}

impl JsonError {
    pub(super) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    pub(super) fn kind(&self) -> &'static str {
        self.kind
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn response(self) -> Response {
        let body = json!({ "__type": self.kind, "message": self.message });
        Response::with_body(self.status, CONTENT_TYPE, body.to_string())
    }
}

/// Creates a successful response.
pub(super) fn response(body: &Value) -> Response {
    Response::with_body(200, CONTENT_TYPE, body.to_string())
}
