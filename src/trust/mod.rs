//! Whom we believe: the public keys of CloudTrail, and what a trail says of itself.
pub mod bundle;
pub mod cloudtrail;
mod service;

pub use service::{
    BoxFuture, KeyRecord, KeyService, Member, ServiceError, TrailRecord, TrailService,
    TrailStatusRecord,
};
