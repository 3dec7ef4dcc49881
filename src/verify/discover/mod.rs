//! What a run has to account for: chains that were found, chains that should be there, chains that
//! ended, and places of which nothing is known. This is decided before any chain is walked.
pub(super) mod beside;
pub(super) mod ends;
pub mod in_period;
pub(super) mod jobs;
pub(super) mod joined;
pub(super) mod places;
pub mod survey;
