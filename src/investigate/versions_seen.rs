//! What the versions of an affected object show, as far as the rules need it.
use trailproof_core::vocab::time::Timestamp;

/// What the versions of one key show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VersionTrace {
    /// When the newest delete marker was written, if the newest version is one.
    pub(crate) marker: Option<Timestamp>,
    /// Whether an older version proves.
    pub(crate) oldest_proves: bool,
    /// Whether the bucket keeps versions, and none of this key is left.
    pub(crate) none_left: bool,
}
