//! Whom we believe: the public keys of CloudTrail, and what a trail says of itself.
pub mod bundle;
pub mod cloudtrail;
pub(crate) mod key_book;
mod service;

pub use self::service::{
    BoxFuture, KeyRecord, KeyService, Member, ServiceError, TrailRecord, TrailService,
    TrailStatusRecord,
};
