//! `trailproof attest` from the outside: what it signs, what it accepts, and everything that it
//! must reject. `tests/third-party/run` shows how other programs judge its files.
mod envelopes;
mod keys;
mod proofs;
mod recheck;
mod records;
mod walk;
