//! Trails as CloudTrail writes them, changes to them, and what a verifier must then find.
//!
//! [`TrailSpec`] describes one trail, [`TrailBuilder`] builds one or several in one world, [`Deed`]
//! is an act of an attacker, a lifecycle rule or a faulty copy, and
//! [`BuiltTrail::expected_for_verify`] returns what a verifier must find. The model knows the truth
//! (what was written) and compares the world with it; it verifies no signatures and calls no code
//! under test.
pub mod attack;
pub mod build;
pub mod built;
pub mod deed;
pub mod demo;
pub mod dice;
pub mod digest_json;
pub mod end_state;
pub mod event;
pub mod expectation;
pub mod expected;
pub mod export;
pub mod gzip;
pub mod import;
pub mod intrusion;
pub mod key_ring;
pub mod location;
pub mod log_file;
pub mod scale;
pub mod signer;
pub mod spec;

mod chain_builder;
mod commit;
mod digest_deeds;
mod expected_verdicts;
mod judge;
mod key_deeds;
mod log_deeds;
mod planted;
mod random_deed;
mod spec_methods;

pub use attack::{Attack, Attacked, Told};
pub use build::TrailBuilder;
pub use built::{BuiltChain, BuiltDigest, BuiltLog, BuiltTrail, ChainId, DigestKind};
pub use deed::{Decoy, Deed, DeedKind, DigestAt, Hostile, LogAt, NoSuchTarget};
pub use event::EventSpec;
pub use expectation::{Expectation, Period, Verdict};
pub use spec::{LogPlan, LogSizes, Pause, SignWith, TrailSpec};
