//! The stream of a run: what was found, in canonical order. Every output is made from it, and the
//! same evidence gives the same stream at any concurrency.
mod stream;

pub use stream::{DigestFacts, Event, Tallies, Tally};
