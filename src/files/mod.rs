//! Files that trailproof writes. A file gets its name only when it is complete.
pub(crate) mod atomic;
pub(crate) mod record_file;
pub(crate) mod space;
