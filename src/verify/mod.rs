//! The engine of `verify`: feeds what a source holds to the rules of `trailproof-core`, and reports
//! events in canonical order.
//!
//! [`run`] is the way through it: [`discover`] answers for every place, [`chain`] walks one chain,
//! [`schedule`] lets many chains run at once in little memory, [`unlisted`] searches for objects
//! that no digest names, and [`resume`] joins a run to the record of an earlier one.
mod after_chains;
mod chain;
pub mod discover;
mod other_places;
pub mod plan;
pub mod resume;
pub mod run;
pub(crate) mod schedule;
pub mod trail_status;
mod unlisted;
