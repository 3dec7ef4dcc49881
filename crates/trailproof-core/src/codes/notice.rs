//! Facts that are worth knowing and contradict nothing.
use strum::{EnumIter, EnumString, IntoStaticStr};

/// A fact that is reported with a judgement and has no effect on the verdict. The codes of notices
/// are derived from their names.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Notice {
    /// The digest starts its chain: validation was switched on, logging was started again, or the
    /// trail was created. It proves nothing about what was delivered before its end.
    ChainStart,
    /// The digest is proven by its successor; its own metadata carries no signature.
    MetadataSignatureMissing,
    /// The digest is proven by its successor; the signature in its own metadata does not hold.
    MetadataSignatureDiffers,
    /// The object is stored inflated; its content is proven nevertheless.
    StoredInflated,
    /// The object consists of several gzip members, where CloudTrail writes one; joined, they are
    /// proven.
    SeveralMembers,
    /// The digest is in the listing and no chain reaches it.
    DigestUnlinked,
    /// The digest lies outside the period and only anchors the walk.
    Anchor,
    /// The listing holds nothing older: a lifecycle rule that expires old objects would look the
    /// same.
    LifecycleLooksTheSame,
    /// The digest's signature holds under the location that it names, which is in a different
    /// bucket or prefix: it is a copy of evidence of that place. It has no influence here.
    DigestCopied,
}

impl Notice {
    /// Lists every notice.
    pub fn all() -> impl Iterator<Item = Self> {
        <Self as strum::IntoEnumIterator>::iter()
    }

    /// Returns the stable code for machines; never renamed once released. It parses back to the
    /// notice.
    pub fn code(self) -> &'static str {
        self.into()
    }
}
