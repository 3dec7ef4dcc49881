//! What several modules of `it` share.
pub(crate) mod attest_room;
pub(crate) mod mirrors;
pub(crate) mod module_graph;
pub(crate) mod run_events;
pub(crate) mod worlds;
