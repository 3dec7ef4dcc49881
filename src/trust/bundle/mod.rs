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

pub use self::check::{Checked, CheckedRegion, check};
pub use self::document::{Bundle, BundleError, RegionKeys};
pub use self::recording::RecordedKeys;
pub use self::service::{BundleKeys, NoKeys};
pub use self::write::{bundle_text, fetched};
