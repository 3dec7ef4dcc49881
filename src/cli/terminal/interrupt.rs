//! Signals that end a run from outside.
use crate::console::exit::ExitStatus;
use std::future::Future;
use tokio::signal::unix::{SignalKind, signal};

/// Runs `work` to its end.
///
/// # Errors
///
/// A signal arrived first; the exit status names it.
pub(crate) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Result<T, ExitStatus> {
    tokio::select! {
        done = work => Ok(done),
        () = arrival(SignalKind::interrupt()) => Err(ExitStatus::Signal(2)),
        () = arrival(SignalKind::terminate()) => Err(ExitStatus::Signal(15)),
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
