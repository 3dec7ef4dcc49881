//! Asks AWS how a trail, its bucket, its key and its organization are configured. Every operation only
//! reads.
mod bucket;
mod recorder;
mod services;

pub(crate) use self::services::{Live, LiveRoles, first_region};
