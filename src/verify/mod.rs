//! The engine: puts the facts of a source through the rules of `core` and tells the events.
pub mod aws_plan;
pub mod aws_run;
mod chain_run;
mod chain_tally;
pub mod discover;
pub mod fetch;
pub mod folders;
mod gaps;
mod keys;
mod listing;
mod narrate;
mod ordered;
mod read_ahead;
pub mod recorded;
mod run_tally;
pub mod trail_status;
mod unlisted;
pub mod verify_run;
