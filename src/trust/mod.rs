//! Whom we believe: the public keys of CloudTrail, and what a trail says of itself.
pub mod cloudtrail;
mod service;

pub use service::{
    KeyRecord, KeyService, ServiceError, TrailRecord, TrailService, TrailStatusRecord,
};
