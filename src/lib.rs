//! trailproof: what a CloudTrail bucket proves.
pub mod aws;
pub mod core;
pub mod source;
#[cfg(feature = "test-support")]
pub mod test_support;
pub mod trust;
