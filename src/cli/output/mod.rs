//! The outputs of a run: its report on stdout, and files.
pub(super) mod environment;
pub(super) mod outputs;
pub(super) mod request;
pub(super) mod sink;
