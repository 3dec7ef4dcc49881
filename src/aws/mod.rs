//! What all AWS clients share: credentials, region, endpoints, the HTTP client, and error messages.
//!
//! This module knows the SDK, and nothing about trails, buckets or verdicts. It follows AWS's own
//! conventions, so that anyone who can run the AWS CLI can run trailproof with the same
//! configuration.
pub mod advice;
mod bounded;
pub mod caller;
pub mod config;
pub mod credentials;
pub mod error_chain;
mod files;
pub mod http;
mod process;
pub mod profile;
pub mod regions;
mod role;
mod unanswered;
pub mod words;
