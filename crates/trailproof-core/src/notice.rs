//! What is worth knowing and contradicts nothing.

/// Something told beside a judgement, without any weight in the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// Every notice.
    pub const ALL: [Self; 8] = [
        Self::ChainStart,
        Self::MetadataSignatureMissing,
        Self::MetadataSignatureDiffers,
        Self::StoredInflated,
        Self::DigestUnlinked,
        Self::Anchor,
        Self::LifecycleLooksTheSame,
        Self::DigestCopied,
    ];

    /// The one with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }

    /// Stable code for machines; never renamed once released.
    pub fn code(self) -> &'static str {
        match self {
            Self::ChainStart => "chain-start",
            Self::MetadataSignatureMissing => "metadata-signature-missing",
            Self::MetadataSignatureDiffers => "metadata-signature-differs",
            Self::StoredInflated => "stored-inflated",
            Self::DigestUnlinked => "digest-unlinked",
            Self::Anchor => "anchor",
            Self::LifecycleLooksTheSame => "lifecycle-looks-the-same",
            Self::DigestCopied => "digest-copied",
        }
    }
}
