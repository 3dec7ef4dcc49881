//! The tests that need other programs: the AWS CLI, third-party S3 servers and a third-party KMS,
//! the programs that people use to copy buckets, and those that judge packages. Run them with `bash scripts/test external`.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test prints what it skips and measures")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod aws_settings;
mod build_identity;
mod copiers;
mod differential;
mod foreign_servers;
mod kms;
mod packages;
mod permissions;
mod spark;
#[path = "../support/mod.rs"]
mod support;
mod trail_config;
