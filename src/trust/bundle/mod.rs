//! Public keys in files, so that AWS need not be asked.
//!
//! A bundle is trusted because the user named it: they must know where it came from. A bundle that
//! lies beside the evidence proves nothing, because anyone who changed the evidence may have put it
//! there.
mod check;
mod coverage;
mod document;
mod recording;
mod service;
mod write;

pub use self::check::{Checked, CheckedRegion, check};
pub use self::coverage::left_out;
pub use self::document::{Bundle, BundleError, RegionKeys};
pub use self::recording::RecordedKeys;
pub use self::service::{BundleKeys, NoKeys};
pub use self::write::{bundle_text, fetched};
