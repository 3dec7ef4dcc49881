//! Ends a run on SIGINT or SIGTERM.
use crate::console::exit::ExitStatus;
use std::future::Future;
use tokio::signal::unix::{SignalKind, signal};

/// Runs `work` to its end.
///
/// # Errors
///
/// Returns the exit status of the signal if SIGINT or SIGTERM arrives first.
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
        // If the handler cannot be installed, the default action of the signal applies.
        Err(_) => std::future::pending().await,
    }
}
