//! What every AWS client of ours shares: credentials, region, endpoints, the HTTP client and the
//! words of errors.
//!
//! It knows the SDK and nothing of trails, buckets or verdicts. Everything follows AWS's own
//! conventions, so that whoever can run the AWS CLI can run trailproof with the same set-up.
pub mod caller;
pub mod config;
pub mod credentials;
pub mod http;
pub mod profile;
pub mod regions;
pub mod words;
