//! Synthetic trails and a loopback AWS, for tests, benchmarks and the demo.
//!
//! A development dependency, never in the shipped binary. Nothing here calls the rules under test:
//! the expected result of a trail is computed from what was done to it.
pub mod scenario;
pub mod server;
pub mod trail;
pub mod world;
