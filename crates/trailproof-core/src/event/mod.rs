//! The stream of a run: what was found, in canonical order. Every output is made from it, and the
//! same evidence gives the same stream at any concurrency.
mod chain_tally;
mod place;
pub mod record;
mod run;
mod run_tally;
mod stream;
mod summary;
pub mod wire;

pub use chain_tally::ChainTally;
pub use place::{DeliveredTo, EvidencePlace, ReadKind, ReadPlace};
pub use run::{
    DigestJudged, DigestLink, DigestProof, Follows, LogJudged, LogNamed, PlaceDoubt, PlaceInDoubt,
    PlacesAnswered, PublicKeyTold, RunEvent, RunEventName, RunStart, SeamJudged, Seen, Tool,
};
pub use run_tally::RunTally;
pub use stream::{DigestFacts, Event, Tallies, Tally};
pub use summary::{ChainSummary, Counts, CoverageTotals, Presence, RunSummary};
