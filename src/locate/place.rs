//! One region of one account: its folders.
use trailproof_core::vocab::ids::{AccountId, Region};
use trailproof_core::vocab::key_layout::{DIGEST_FOLDER, KeyRoot};

/// The usual folder of log files.
pub(crate) const LOG_FOLDER: &str = "CloudTrail";

/// One region of one account below a root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Prefix and organization.
    pub root: KeyRoot,
    /// Account.
    pub account: AccountId,
    /// Source region.
    pub region: Region,
}

impl Place {
    /// Returns the folder of digests, with a slash at its end.
    pub(crate) fn digest_folder(&self) -> String {
        self.folder(DIGEST_FOLDER)
    }

    /// Returns the usual folder of log files, with a slash at its end.
    pub fn log_folder(&self) -> String {
        self.folder(LOG_FOLDER)
    }

    /// Returns the region's folder in the account's folder `name`, with a slash at its end.
    pub fn folder(&self, name: &str) -> String {
        format!("{}{}/{name}/{}/", self.root.folder(), self.account, self.region)
    }
}
