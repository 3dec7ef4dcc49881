//! trailproof: what a CloudTrail bucket proves.
#[cfg(feature = "test-support")]
pub mod test_support;
