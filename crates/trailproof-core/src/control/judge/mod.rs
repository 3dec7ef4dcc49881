//! The rules of the checks, by subject.
mod bucket;
mod bucket_policy;
#[cfg(test)]
mod doubt_tests;
mod files;
#[cfg(test)]
mod good_facts;
mod key;
mod monitoring;
mod organization;
mod rule;
#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod settings_tests;
mod trail;

pub use self::rule::judge;
