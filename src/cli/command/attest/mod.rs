//! `trailproof attest`: what was verified, signed; and checked by somebody else.
pub(super) mod checks;
pub(super) mod files;
pub(super) mod key;
pub(super) mod proof;
pub(super) mod recheck;
pub(in crate::cli) mod run;
pub(super) mod sign;
pub(super) mod timestamp;
pub(super) mod verify;
