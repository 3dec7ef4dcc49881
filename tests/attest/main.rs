//! `trailproof attest` from outside: what it signs, what it accepts, and everything that it must
//! refuse. What other programs say of its files is shown by `tests/third-party/run`.
#![cfg(feature = "test-support")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test says what it skips, and where it is")]
mod envelopes;
mod keys;
mod kms;
mod proofs;
mod recheck;
mod records;
mod room;
mod walk;
