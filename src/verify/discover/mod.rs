//! What a run has to account for: chains that were found, chains that should be there, chains that
//! ended, and places of which nothing is known. This is decided before any chain is walked.
pub(crate) mod beside;
pub(crate) mod ends;
pub mod in_period;
pub(crate) mod jobs;
pub(crate) mod joined;
pub(crate) mod places;
pub mod survey;
