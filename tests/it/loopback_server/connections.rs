//! Requests as raw bytes, and shutting down the server.
use super::*;
use crate::support::wait_until;

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = serve(ServerOptions::default());
    let answer = raw(
        &server,
        "GET /evidence/a/1 HTTP/1.1\r\n\r\nHEAD /evidence/a/2 HTTP/1.1\r\n\r\n\
         GET /evidence/a/3?x-id=GetObject HTTP/1.1\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3);
    assert!(answer.contains("\r\n\r\na1HTTP/1.1 200 OK"));
    assert!(answer.ends_with("\r\n\r\na3"));
    assert_eq!(server.requests().connections, 1);
}

#[test]
fn malformed_requests_are_rejected_and_end_the_connection() {
    let server = serve(ServerOptions::default());
    assert!(raw(&server, "NONSENSE\r\n\r\n").starts_with("HTTP/1.1 400 "));
    let not_utf8 = "GET /evidence/%FF HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert!(raw(&server, not_utf8).contains("<Code>InvalidURI</Code>"));
    let delete = "DELETE /evidence/x HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert!(raw(&server, delete).contains("<Code>NotImplemented</Code>"));
    // No object is replaced: a PUT is taken only with `If-None-Match: *`.
    let put = "PUT /evidence/x HTTP/1.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx";
    assert!(raw(&server, put).contains("<Code>AccessDenied</Code>"));
    let bare = "GET /evidence/a/1 HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert!(raw(&server, bare).ends_with("a1"), "the server must still answer");
}

#[test]
fn unsigned_requests_are_rejected_if_configured() {
    let server = serve(ServerOptions { require_authorization: true, ..ServerOptions::default() });
    let bare = "GET /evidence/a/1 HTTP/1.1\r\nConnection: close\r\n\r\n";
    let answer = raw(&server, bare);
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("<Code>AccessDenied</Code>"));
}

// Reports print request ids, which must not differ from run to run.
#[test]
fn request_ids_depend_only_on_the_request() {
    let id = |server: &LoopbackServer, key: &str| {
        let request = format!("GET /evidence/{key} HTTP/1.1\r\nConnection: close\r\n\r\n");
        let answer = raw(server, &request);
        let (_, rest) = answer.split_once("<RequestId>").unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    let (one, other) = (serve(ServerOptions::default()), serve(ServerOptions::default()));
    assert_eq!(id(&one, "x"), id(&other, "x"), "the first attempt");
    assert_eq!(id(&one, "x"), id(&other, "x"), "the second attempt");
    assert_ne!(id(&one, "z"), id(&one, "w"));
}

#[test]
fn the_server_stops_when_dropped_even_with_requests_in_progress() {
    let latency = Duration::from_secs(600);
    let server = serve(ServerOptions { latency, ..ServerOptions::default() });
    let port = server.port();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET /evidence/a/1 HTTP/1.1\r\n\r\n").unwrap();
    wait_until("the request arrives", || server.requests().total > 0);
    let started = Instant::now();
    drop(server);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}
