//! What a run trusts: the public keys of CloudTrail, and what AWS reports about a trail.
pub mod bundle;
pub mod cloudtrail;
pub(crate) mod key_book;
mod service;

pub use self::service::{
    BoxFuture, EventHistory, HistoryPage, HistoryRequest, KeyRecord, KeyService, Member,
    ServiceError, TrailRecord, TrailService, TrailStatusRecord,
};
