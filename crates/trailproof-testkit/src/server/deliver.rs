//! Writes a response to a connection, with any faults to be produced on the way.
use super::response::{Cut, Delivery, Framing, Response};
use bytes::{Buf, Bytes};
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// Bodies up to this size are copied behind their head and sent in one write; above it, one
/// vectored write without a copy is cheaper. Copying 16 KB costs about as much as the second
/// vector.
const COPY_LIMIT: usize = 16 * 1024;

/// Bytes of a chunk, for chunked bodies.
const CHUNK: usize = 8 << 10;

/// Whether the connection can carry another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Keep,
    Close,
}

/// Writes `response`. The connection keeps `scratch`, so that its allocation is reused.
pub(super) async fn deliver(
    stream: &mut TcpStream,
    response: Response,
    keep_alive: bool,
    scratch: &mut Vec<u8>,
) -> io::Result<After> {
    let delivery = &response.delivery;
    if !delivery.delay.is_zero() {
        sleep(delivery.delay).await;
    }
    if delivery.reset {
        stream.set_zero_linger()?;
        return Ok(After::Close);
    }
    if delivery.hang_up {
        return Ok(After::Close);
    }
    let close = delivery.close || !keep_alive;
    scratch.clear();
    response.write_head(scratch, close);
    let mut body = if response.headers_only { Bytes::new() } else { response.body.clone() };
    if delivery.framing == Framing::Chunked && !response.headers_only {
        body = chunked(&body);
    }
    if is_troubled(delivery) {
        stream.write_all(scratch).await?;
        if deliver_troubled(stream, body, delivery).await? == After::Close {
            return Ok(After::Close);
        }
    } else if body.len() <= COPY_LIMIT {
        scratch.extend_from_slice(&body);
        stream.write_all(scratch).await?;
    } else {
        stream.write_all_buf(&mut scratch.as_slice().chain(body)).await?;
    }
    Ok(if close { After::Close } else { After::Keep })
}

/// Returns the body in chunks, with the final empty one.
fn chunked(body: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(body.len() + 64);
    for chunk in body.chunks(CHUNK) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out.into()
}

fn is_troubled(delivery: &Delivery) -> bool {
    delivery.cut.is_some()
        || delivery.stall.is_some()
        || delivery.trickle.is_some()
        || delivery.length_error != 0
}

/// Writes a body that stalls, trickles or ends early.
async fn deliver_troubled(
    stream: &mut TcpStream,
    mut body: Bytes,
    delivery: &Delivery,
) -> io::Result<After> {
    let kept = delivery.cut.map_or(body.len(), |Cut { after, .. }| after.min(body.len()));
    body.truncate(kept);
    let pause = delivery.trickle.unwrap_or(Duration::ZERO);
    if let Some((after, time)) = delivery.stall {
        let first = body.split_to(after.min(body.len()));
        write_paced(stream, first, pause).await?;
        sleep(time).await;
    }
    write_paced(stream, body, pause).await?;
    if delivery.cut.is_some_and(|cut| cut.reset) {
        // A reset can overtake data that was written before it; the client is given time to read
        // that data, so that it sees the cut in the body rather than no response at all.
        sleep(Duration::from_millis(20)).await;
        stream.set_zero_linger()?;
    }
    // With a wrong length, the two sides disagree about where the next response begins.
    let lost = delivery.cut.is_some() || delivery.length_error != 0;
    Ok(if lost { After::Close } else { After::Keep })
}

async fn write_paced(stream: &mut TcpStream, body: Bytes, pause: Duration) -> io::Result<()> {
    if pause.is_zero() {
        return stream.write_all(&body).await;
    }
    for byte in body {
        stream.write_all(&[byte]).await?;
        sleep(pause).await;
    }
    Ok(())
}
