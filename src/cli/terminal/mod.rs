//! Output to stderr while a command runs: progress, wait messages and the request summary.
mod estimate;
pub(super) mod interrupt;
pub(super) mod progress;
pub(super) mod request_summary;
pub(super) mod waits;
