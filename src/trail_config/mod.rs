//! Configuration of trails, their buckets and their keys: read from AWS or from files, and judged by the
//! checks of `trailproof_core::control`.
pub(crate) mod answers;
pub(crate) mod assess;
pub(crate) mod cloudformation;
pub(crate) mod given;
pub(crate) mod input;
pub(crate) mod join;
pub(crate) mod live;
mod patterns;
pub(crate) mod policy_document;
pub(crate) mod record;
mod secrets;
mod shapes;
pub(crate) mod terraform;
