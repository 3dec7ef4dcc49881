//! Files that trailproof writes: each has its name only when it is whole.
pub(crate) mod atomic;
pub(crate) mod record_file;
