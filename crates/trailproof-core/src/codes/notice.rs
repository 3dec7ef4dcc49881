//! What is worth knowing and contradicts nothing.
use strum::{EnumIter, EnumString, IntoStaticStr};

/// Something told beside a judgement, without any weight in the verdict. The codes of notices are
/// made from their names.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Notice {
    /// The digest starts its chain: validation was switched on, logging was started again, or the
    /// trail was made. It proves nothing about what was delivered before its end.
    ChainStart,
    /// The digest is proven by its successor; its own metadata carries no signature.
    MetadataSignatureMissing,
    /// The digest is proven by its successor; the signature in its own metadata does not hold.
    MetadataSignatureDiffers,
    /// The object is stored inflated; its content is proven all the same.
    StoredInflated,
    /// Several gzip members hold the object, where CloudTrail writes one; joined they are proven.
    SeveralMembers,
    /// The digest is in the listing and no chain reaches it.
    DigestUnlinked,
    /// The digest lies outside the period and only anchors the walk.
    Anchor,
    /// Nothing older is in the listing: a lifecycle rule that expires old objects would look the
    /// same.
    LifecycleLooksTheSame,
    /// The digest's signature holds under the place that it names, which is another bucket or
    /// prefix: a copy of evidence of that place. It steers nothing here.
    DigestCopied,
}

impl Notice {
    /// Stable code for machines; never renamed once released. It parses as the notice.
    pub fn code(self) -> &'static str {
        self.into()
    }
}
