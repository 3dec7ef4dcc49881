//! The stream of a run: what was found, in canonical order. Every output is made from it, and the
//! same evidence gives the same stream at any concurrency.
mod run;
mod stream;

pub use run::{
    ChainSummary, Counts, CoverageTotals, DigestJudged, DigestProof, LogNamed, Presence, RunEvent,
    RunSummary,
};
pub use stream::{DigestFacts, Event, Tallies, Tally};
