//! Files and folders that trailproof writes. Each gets its name only when it is complete.
pub(crate) mod atomic;
pub(crate) mod folder;
pub(crate) mod hash;
pub(crate) mod record_file;
pub(crate) mod space;
