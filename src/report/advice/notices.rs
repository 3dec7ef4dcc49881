//! Advice about notices, which have no effect on the verdict.
use super::Advice;
use trailproof_core::codes::notice::Notice;

pub(super) fn notice(code: Notice) -> Advice {
    match code {
        Notice::ChainStart => Advice {
            means: "The digest starts its chain: it links to no earlier one. It proves nothing about \
                    what was delivered before its end.",
            causes: &[
                "The trail was created, its log file validation was switched on, or logging was \
                       started again.",
            ],
            check: &["Is there a `gap` before it? Then the time in between has no digests."],
            act: &["Nothing, if the start is expected. Let the period begin at it."],
        },
        Notice::MetadataSignatureMissing => Advice {
            means: "The digest is proven by its successor. The signature that CloudTrail puts into \
                    the object’s metadata is not there.",
            causes: &["The object was copied by a tool that drops S3 metadata."],
            check: &["Is this the bucket of delivery? There the metadata should be present."],
            act: &[
                "Nothing, if this is a copy. In the bucket of delivery, find out who wrote the \
                    object again.",
            ],
        },
        Notice::MetadataSignatureDiffers => Advice {
            means: "The digest is proven by its successor. The signature in its metadata does not \
                    hold, although its content is what was delivered.",
            causes: &["The metadata was edited or damaged."],
            check: &["When was the object last modified?"],
            act: &["Find out who wrote the metadata. The digest itself is proven."],
        },
        Notice::StoredInflated => Advice {
            means: "The object is stored without compression. Its content is proven.",
            causes: &["`gunzip` was run over a copy.", "A proxy or copier inflated it on the way."],
            check: &["Is this a copy? CloudTrail delivers compressed objects."],
            act: &["Nothing. Copy without `Accept-Encoding` where the bytes matter."],
        },
        Notice::SeveralMembers => Advice {
            means: "The object consists of several gzip members, where CloudTrail writes one. \
                    Joined, they are what was delivered.",
            causes: &["A copier that compresses in blocks."],
            check: &["Does your reader join all members? Some stop after the first."],
            act: &["Nothing, if your readers join members."],
        },
        Notice::DigestUnlinked => Advice {
            means: "A digest is in the listing, and no chain reaches it.",
            causes: &[
                "Somebody copied a digest of a different trail or time here.",
                "A digest was delivered again.",
            ],
            check: &["Does its signature hold? The record has its judgement."],
            act: &["Find out who wrote it, if it was not CloudTrail."],
        },
        Notice::Anchor => Advice {
            means: "The digest is outside of the period and was read because the ones in the period \
                    are proven by it.",
            causes: &["Every period ends within a chain that goes on."],
            check: &[],
            act: &["Nothing."],
        },
        Notice::LifecycleLooksTheSame => Advice {
            means: "Nothing older is listed. A lifecycle rule that expires old objects would look the \
                    same as a deletion.",
            causes: &["A lifecycle rule of the bucket."],
            check: &[
                "`aws s3api get-bucket-lifecycle-configuration --bucket BUCKET`, and since when \
                       the rule has been in effect.",
            ],
            act: &["If a rule explains it, let the period begin a day later."],
        },
        Notice::DigestCopied => Advice {
            means: "The signature of the digest holds under the location that it names, which is in a \
                    different bucket or below a different prefix. It is a copy of evidence of that \
                    place, and has no influence here.",
            causes: &[
                "Logs of several buckets were copied into one.",
                "A trail’s bucket or prefix was \
                       changed, and its old objects were copied along.",
            ],
            check: &["Which bucket does the report name?"],
            act: &["To verify the copies, run again with `--bucket BUCKET`."],
        },
    }
}
