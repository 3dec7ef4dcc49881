//! The walk over a chain, from its newest digest to its oldest: a state machine that is fed with facts.
pub mod backfill;
pub mod facts;
pub mod standard;
