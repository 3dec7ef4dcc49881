//! HTTP/1.1 requests, read from a connection.
//!
//! Knows framing and nothing of AWS. Bytes after a request stay in the buffer, so that pipelined
//! requests are handled one after another.
use super::percent;
use bytes::{Buf, Bytes, BytesMut};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Maximum size of a request's head in bytes. AWS accepts 8 KB of headers and keys of 1 KB; this is
/// far above both.
const HEAD_LIMIT: usize = 64 * 1024;
/// Maximum size of a request's body in bytes: that of the largest object that a test creates.
const BODY_LIMIT: usize = 64 * 1024 * 1024;
/// Maximum number of headers: more than any AWS client sends.
const HEADER_LIMIT: usize = 96;

/// One request, with the headers that the server uses.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path as sent, still percent-encoded.
    pub(super) path: String,
    /// Query parameters, decoded, in the order sent.
    pub(super) query: Vec<(String, String)>,
    pub(super) authorization: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) if_match: Option<String>,
    pub(super) if_none_match: Option<String>,
    pub(super) range: Option<String>,
    pub(super) sha256: Option<String>,
    pub(super) target: Option<String>,
    pub(super) keep_alive: bool,
    pub(super) body: Bytes,
}

/// The result of reading the next request.
pub(super) enum Incoming {
    /// A whole request.
    Request(Box<Request>),
    /// The client has closed the connection.
    Closed,
    /// The bytes are not a request that this server can read.
    Malformed,
}

/// How the body of a request is framed.
struct Framing {
    content_length: usize,
    chunked: bool,
    expects_continue: bool,
}

impl Request {
    /// Returns the first value of the query parameter `name`.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the name of the first query parameter that is one of `names`.
    pub(super) fn first_query_of<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().copied().find(|name| self.query(name).is_some())
    }

    /// Returns the region in the credential scope of the request's signature.
    pub(super) fn region(&self) -> Option<&str> {
        let header = self.authorization.as_deref()?;
        let (_, credential) = header.split_once("Credential=")?;
        let scope = credential.split([',', ' ']).next()?;
        // The access key comes first and the scope is read from the right, so that slashes in the
        // access key do not shift anything.
        let mut parts = scope.rsplit('/');
        let (_terminator, _service) = (parts.next()?, parts.next()?);
        parts.next()
    }
}

/// Reads the next request from `stream`; what follows it stays in `buffer`.
pub(super) async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
) -> io::Result<Incoming> {
    let (mut request, framing) = loop {
        match parse_head(buffer) {
            Head::Whole(request, framing, length) => {
                buffer.advance(length);
                break (request, framing);
            }
            Head::Partial if buffer.len() < HEAD_LIMIT => {
                if stream.read_buf(buffer).await? == 0 {
                    return Ok(Incoming::Closed);
                }
            }
            Head::Partial | Head::Malformed => return Ok(Incoming::Malformed),
        }
    };
    if framing.chunked || framing.content_length > BODY_LIMIT {
        return Ok(Incoming::Malformed);
    }
    if framing.expects_continue && buffer.len() < framing.content_length {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    while buffer.len() < framing.content_length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(Incoming::Closed);
        }
    }
    if framing.content_length > 0 {
        request.body = buffer.split_to(framing.content_length).freeze();
    }
    Ok(Incoming::Request(request))
}

enum Head {
    Whole(Box<Request>, Framing, usize),
    Partial,
    Malformed,
}

fn parse_head(bytes: &[u8]) -> Head {
    let mut headers = [httparse::EMPTY_HEADER; HEADER_LIMIT];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Head::Partial,
        Err(_) => return Head::Malformed,
    };
    let target = parsed.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Box::new(Request {
        method: parsed.method.unwrap_or("GET").to_owned(),
        path: path.to_owned(),
        query: percent::query_parameters(query),
        keep_alive: parsed.version == Some(1),
        ..Request::default()
    });
    let mut framing = Framing { content_length: 0, chunked: false, expects_continue: false };
    for header in parsed.headers.iter() {
        let Ok(value) = std::str::from_utf8(header.value) else { continue };
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            let Ok(length) = value.trim().parse() else { return Head::Malformed };
            framing.content_length = length;
        } else if is("transfer-encoding") {
            framing.chunked = !value.eq_ignore_ascii_case("identity");
        } else if is("expect") {
            framing.expects_continue = value.eq_ignore_ascii_case("100-continue");
        } else if is("connection") {
            if value.eq_ignore_ascii_case("close") {
                request.keep_alive = false;
            } else if value.eq_ignore_ascii_case("keep-alive") {
                request.keep_alive = true;
            }
        } else if let Some(slot) = slot_of(&mut request, header.name) {
            *slot = Some(value.to_owned());
        }
    }
    Head::Whole(request, framing, length)
}

fn slot_of<'r>(request: &'r mut Request, name: &str) -> Option<&'r mut Option<String>> {
    let slots = [
        ("authorization", &mut request.authorization),
        ("content-type", &mut request.content_type),
        ("if-match", &mut request.if_match),
        ("if-none-match", &mut request.if_none_match),
        ("range", &mut request.range),
        ("x-amz-checksum-sha256", &mut request.sha256),
        ("x-amz-target", &mut request.target),
    ];
    slots.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, slot)| slot)
}
