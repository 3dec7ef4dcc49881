//! One connection: reads requests and responds to them one after another.
use super::answer::answer;
use super::counters::LoggedRequest;
use super::deliver::{After, deliver};
use super::http::{Incoming, Request, read_request};
use super::response::Response;
use super::route::{mix, route};
use super::s3_error::S3Error;
use super::state::State;
use bytes::BytesMut;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// Serves one connection until either side closes it.
pub(super) async fn serve(mut stream: TcpStream, state: Arc<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::with_capacity(8 * 1024);
    let mut scratch = Vec::with_capacity(8 * 1024);
    loop {
        let request = match read_request(&mut stream, &mut buffer).await? {
            Incoming::Request(request) => request,
            Incoming::Closed => return Ok(()),
            Incoming::Malformed => {
                let refusal = S3Error::new(400, "BadRequest", "The request is malformed.");
                let response = refusal.response("0000000000000000", false);
                deliver(&mut stream, response, false, &mut scratch).await?;
                return Ok(());
            }
        };
        let _in_flight = state.counters.begin();
        let response = respond(&state, &request).await;
        if deliver(&mut stream, response, request.keep_alive, &mut scratch).await? == After::Close {
            return Ok(());
        }
    }
}

/// Counts, delays, handles and logs one request.
async fn respond(state: &State, request: &Request) -> Response {
    let Some(call) = route(request, &state.options.default_region) else {
        return S3Error::new(400, "InvalidURI", "Couldn't parse the specified URI.")
            .response("0000000000000000", request.method == "HEAD");
    };
    state.counters.count(call.operation);
    let attempt = state.next_attempt(&call);
    // Derived from the request and not from its time, so that what a client reports about a failure
    // is the same at any concurrency.
    let dice = mix(state.options.seed ^ u64::from(attempt), &[&call.bucket, &call.key, &call.page]);
    let latency = state.options.latency + jitter(state.options.latency_jitter, dice);
    if !latency.is_zero() {
        sleep(latency).await;
    }
    let faults = state.faults().faults_of(&call, attempt);
    if !faults.is_empty() {
        state.counters.faulted.fetch_add(1, Ordering::Relaxed);
    }
    let response = answer(state, request, &call, &faults, &format!("{dice:016X}"));
    if state.options.log_requests {
        let range = request.range.as_deref();
        let entry = LoggedRequest::new(&request.method, &call, range, attempt, response.status);
        state.log().push(entry);
    }
    response
}

/// Returns a duration up to `most`, derived from `dice`.
fn jitter(most: Duration, dice: u64) -> Duration {
    let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(dice.checked_rem(most).unwrap_or(0))
}
