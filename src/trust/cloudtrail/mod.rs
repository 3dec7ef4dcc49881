//! CloudTrail and Organizations themselves, as the services that return keys and trails.
//!
//! Their responses are passed on unchanged. Whether a key fits a digest, and whether a trail is the
//! intended one, is decided elsewhere.
mod clients;
mod failure;
mod history;
mod records;
mod services;

pub use self::services::CloudTrail;
