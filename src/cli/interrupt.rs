//! Signals that end a run from outside.
use std::future::Future;
use tokio::signal::unix::{SignalKind, signal};

/// Runs `work` until it ends or a signal does; `Err` holds the signal's number.
pub(super) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Result<T, u8> {
    tokio::select! {
        done = work => Ok(done),
        () = arrival(SignalKind::interrupt()) => Err(2),
        () = arrival(SignalKind::terminate()) => Err(15),
    }
}

async fn arrival(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        // Where the handler cannot be set, the signal does what it does by default.
        Err(_) => std::future::pending().await,
    }
}
