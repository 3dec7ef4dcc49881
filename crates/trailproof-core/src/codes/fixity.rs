//! What a check of a mirror finds: files that are not what they were when they were copied.
use strum::{EnumIter, EnumString, IntoStaticStr};

/// Why a file of a mirror is not as the mirror's manifest records it. It says nothing against
/// anybody: a disk may have failed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum FixityFault {
    /// The file does not have the size or the SHA-256 that it had when it was copied.
    CopyDamaged,
    /// The manifest records the file, and it is not in the directory.
    Missing,
    /// The file cannot be read, or is not a regular file.
    Unreadable,
    /// The file is in the directory, and neither the manifest nor the format of mirrors knows it.
    Extra,
    /// A document of the mirror is not what the last run wrote: the manifest, the public keys or
    /// the checksums.
    DocumentChanged,
}

impl FixityFault {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// Why the custody log of a mirror is not the one that trailproof wrote.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum CustodyFault {
    /// `trailproof-mirror.json` records that the mirror has a log, and there is none.
    CustodyMissing,
    /// The log has fewer entries than `trailproof-mirror.json` records.
    CustodyCut,
    /// An entry was removed or changed: the next one does not have its SHA-256, or
    /// `trailproof-mirror.json` has a different one.
    CustodyBroken,
    /// A line is not an entry. The last run may have been killed while it wrote it.
    CustodyUnreadable,
}

impl CustodyFault {
    /// Returns the stable code for machines; never renamed once released. It parses as the value.
    pub fn code(self) -> &'static str {
        self.into()
    }
}
