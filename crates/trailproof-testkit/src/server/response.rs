//! Responses: their content, and how they reach the client or fail to.
use bytes::Bytes;
use std::borrow::Cow;
use std::time::Duration;

/// One response before it is written.
#[derive(Debug, Default)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    pub(super) body: Bytes,
    /// The headers describe the body but it is not sent, as for HEAD.
    pub(super) headers_only: bool,
    pub(super) delivery: Delivery,
}

/// The delivery of a response. By default it arrives undisturbed.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// Delay before the first byte.
    pub(super) delay: Duration,
    /// The connection is reset before the first byte.
    pub(super) reset: bool,
    /// The connection is closed before the first byte.
    pub(super) hang_up: bool,
    /// The connection is closed after a number of bytes of the body.
    pub(super) cut: Option<Cut>,
    /// After a number of bytes, the body stops for some time and then continues.
    pub(super) stall: Option<(usize, Duration)>,
    /// The body is sent one byte at a time, with this pause in between.
    pub(super) trickle: Option<Duration>,
    /// How the end of the body is marked.
    pub(super) framing: Framing,
    /// Error that is added to the Content-Length.
    pub(super) length_error: i64,
    /// The connection is closed after the response, and the response announces that.
    pub(super) close: bool,
}

/// How the end of a body is marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Framing {
    /// By its Content-Length.
    #[default]
    Length,
    /// By the last of its chunks.
    Chunked,
    /// By the end of the connection.
    Close,
}

/// The point at which a body is cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) after: usize,
    /// By a reset, and not by an orderly close.
    pub(super) reset: bool,
}

impl Response {
    /// Creates a response without headers or body.
    pub(super) fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// Creates a response with a body of `content_type`.
    pub(super) fn with_body(status: u16, content_type: &'static str, body: String) -> Self {
        Self::new(status).header("Content-Type", content_type).body(Bytes::from(body))
    }

    /// Adds a header.
    pub(super) fn header(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    pub(super) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    /// Writes the status line and headers as they are sent.
    pub(super) fn write_head(&self, out: &mut Vec<u8>, close: bool) {
        out.extend_from_slice(b"HTTP/1.1 ");
        push_number(out, u64::from(self.status));
        out.push(b' ');
        out.extend_from_slice(reason(self.status).as_bytes());
        for (name, value) in &self.headers {
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
        }
        // RFC 9110 forbids a length on 204, and on 304 a length that differs from that of the 200.
        let framing = self.delivery.framing;
        if framing == Framing::Chunked && !self.headers_only {
            out.extend_from_slice(b"\r\nTransfer-Encoding: chunked");
        } else if framing == Framing::Length && !matches!(self.status, 204 | 304) {
            let length = u64::try_from(self.body.len()).unwrap_or(u64::MAX);
            out.extend_from_slice(b"\r\nContent-Length: ");
            push_number(out, length.saturating_add_signed(self.delivery.length_error));
        }
        if close {
            out.extend_from_slice(b"\r\nConnection: close");
        }
        out.extend_from_slice(b"\r\nServer: AmazonS3\r\n\r\n");
    }
}

fn push_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(number.to_string().as_bytes());
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        301 => "Moved Permanently",
        304 => "Not Modified",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        412 => "Precondition Failed",
        416 => "Requested Range Not Satisfiable",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Slow Down",
        _ => "Unknown",
    }
}
