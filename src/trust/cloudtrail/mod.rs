//! CloudTrail and Organizations themselves, as the services that keys and trails are asked of.
//!
//! What they say is handed on as they said it: whether a key fits a digest, and whether a trail is
//! the one that is meant, is for others to judge.
mod clients;
mod failure;
mod records;
mod services;

pub use self::services::CloudTrail;
