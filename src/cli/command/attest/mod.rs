//! `trailproof attest`: signs the result of a run, and checks signed results.
pub(super) mod again;
pub(super) mod attested;
pub(super) mod checks;
pub(in crate::cli) mod files;
pub(super) mod key;
pub(super) mod proof;
pub(super) mod recheck;
pub(in crate::cli) mod run;
pub(super) mod sign;
pub(in crate::cli) mod signer;
pub(super) mod timestamp;
pub(super) mod verify;
