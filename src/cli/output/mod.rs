//! What a run writes: its report on stdout, and files beside it.
pub(super) mod environment;
pub(super) mod outputs;
pub(super) mod request;
pub(super) mod sink;
