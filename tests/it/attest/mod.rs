//! `trailproof attest` from outside: what it signs, what it accepts, and everything that it must
//! refuse. What other programs say of its files is shown by `tests/third-party/run`.
mod envelopes;
mod keys;
mod proofs;
mod recheck;
mod records;
mod walk;
