//! What is shown on the terminal while a command runs.
pub(super) mod interrupt;
pub(super) mod progress;
pub(super) mod request_summary;
pub(super) mod waits;
