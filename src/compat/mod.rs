//! `validate-logs`: the semantics, output and exit status of `aws cloudtrail validate-logs`.
//!
//! The AWS CLI's rules differ from those of `verify`: both ends of a period are included, and a
//! restart is silent. They are kept apart here so that neither leaks into the other.
mod narrate;
pub mod plan;
pub mod run;
pub mod text;
