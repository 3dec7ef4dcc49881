//! The rules. Nothing here reads, waits, logs, spawns or asks the time: facts come in, judgements
//! go out, and so the same rules run over S3, over a directory, in a property test and in a fuzzer.
pub mod aws_judge;
pub mod aws_walk;
pub mod aws_walk_facts;
pub mod backfill;
pub mod budget;
pub mod chain;
pub mod chain_id;
pub mod check;
pub mod content;
pub mod coverage;
mod deflate;
pub mod digest;
pub mod event;
pub mod explain;
pub mod failure;
pub mod finding;
pub mod ids;
pub mod inflate;
pub mod judge;
pub mod key_layout;
mod keys_at_hand;
pub mod location;
pub mod log_check;
pub mod log_key;
mod members;
pub mod notice;
pub mod signing;
pub mod time;
pub mod unlisted;
pub mod verdict;
mod verified;
pub mod walk_facts;
pub mod whole;

pub use verified::Verified;
