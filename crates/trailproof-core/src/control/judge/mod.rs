//! The rules of the checks, by subject.
mod bucket;
mod bucket_policy;
mod key;
mod monitoring;
mod organization;
mod rule;
#[cfg(test)]
mod rule_tests;
mod trail;

pub use self::rule::judge;
