//! The engine of `verify`: feeds the content of a source to the rules of `trailproof-core`, and
//! reports events in canonical order.
//!
//! [`run`] is the entry point. [`discover`] accounts for every place, `chain` walks one chain,
//! `schedule` runs many chains at once in bounded memory, `unlisted` searches for objects that
//! no digest names, and [`resume`] connects a run to the record of an earlier one.
pub(crate) mod after_chains;
pub(crate) mod chain;
pub(crate) mod chains;
pub mod discover;
pub(crate) mod listed_ends;
pub(crate) mod log_contents;
pub(crate) mod other_places;
pub(crate) mod part;
pub(crate) mod parts;
pub mod plan;
pub mod resume;
pub mod run;
pub(crate) mod schedule;
pub mod targets;
pub mod trail_status;
pub(crate) mod unlisted;
