//! The walk over a chain, from its newest digest to its oldest: a state machine driven by facts.
pub mod backfill;
pub mod facts;
pub mod standard;
