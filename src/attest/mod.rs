//! What others need to check a finished run years later with different programs: a commitment over
//! its record, and a signed attestation.
pub mod agreement;
pub mod commitment;
pub mod comparable;
pub mod dsse;
pub mod facts;
pub mod inclusion;
pub mod key;
pub mod kms;
pub mod line;
pub mod line_comparison;
pub mod merkle;
pub mod predicate;
pub mod record;
pub mod statement;
pub mod strict_json;
pub mod timestamp;
