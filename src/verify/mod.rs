//! The engine: puts the facts of a source through the rules of `core` and tells the events.
pub mod aws_plan;
pub mod aws_run;
pub mod discover;
pub mod fetch;
mod folders;
mod listing;
mod narrate;
mod ordered;
mod read_ahead;
