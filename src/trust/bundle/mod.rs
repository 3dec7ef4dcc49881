//! Public keys in files, so that nothing needs to be asked of AWS.
//!
//! A bundle is believed because somebody named it: where it came from is theirs to know. One that
//! lies beside the evidence proves nothing, for whoever changed the evidence may have put it there.
mod check;
mod coverage;
mod document;
mod recording;
mod service;
mod write;

pub use check::{Checked, CheckedRegion, check};
pub use document::{Bundle, BundleError, RegionKeys};
pub use recording::RecordedKeys;
pub use service::{BundleKeys, NoKeys};
pub use write::{bundle_text, fetched};
