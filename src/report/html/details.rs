//! The details behind the counts: findings, gaps, and what was not proven and why.
use super::chains::length;
use super::shown::Shown;
use crate::report::collect::{Collected, Gap, LocatedFinding};
use crate::report::names::ChainNames;
use crate::report::places;
use crate::report::text_lines::counted;
use crate::report::words::{self, uncovered};
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::finding::Finding;
use trailproof_core::codes::notice::Notice;
use trailproof_core::coverage::Coverage;

/// Maximum number of entries shown in one list; the rest is counted. A finding takes about 1 kB.
const SHOWN: usize = 1_000;
/// Maximum number of objects shown for each reason why objects could not be read.
const SHOWN_OF_A_KIND: usize = 200;

/// The first entries of a list, and its full length.
#[derive(Clone, Debug)]
pub(super) struct List<T> {
    pub(super) shown: Vec<T>,
    pub(super) total: u64,
}

impl<T> List<T> {
    fn of<S>(entries: &[S], total: u64, limit: usize, show: impl FnMut(&S) -> T) -> Self {
        Self { shown: entries.iter().take(limit).map(show).collect(), total }
    }

    pub(super) fn left_out(&self) -> u64 {
        self.total.saturating_sub(u64::try_from(self.shown.len()).unwrap_or(u64::MAX))
    }
}

/// One finding.
#[derive(Clone, Debug)]
pub(super) struct FindingView {
    pub(super) code: &'static str,
    pub(super) means: &'static str,
    pub(super) chain: Shown,
    /// The object; `None` for a finding about a chain as a whole.
    pub(super) at: Option<Shown>,
    pub(super) expected: Shown,
    pub(super) found: Shown,
    pub(super) lifecycle: bool,
}

fn finding(told: &LocatedFinding, names: &ChainNames) -> FindingView {
    let (expected, found) = words::expected_and_found(&told.finding);
    FindingView {
        code: told.finding.code(),
        means: means(&told.finding),
        chain: Shown::of(names.name(&told.chain)),
        at: (!told.at.bucket.is_empty()).then(|| Shown::of(&told.at)),
        expected: Shown::of(expected),
        found: Shown::of(found),
        lifecycle: told.lifecycle,
    }
}

fn means(finding: &Finding) -> &'static str {
    match finding {
        Finding::DigestMissing => "a digest that a later, proven digest links to is missing",
        Finding::DigestMalformed(_) => "a digest does not have the form of a digest",
        Finding::DigestMoved { .. } => "a digest is not where it was delivered",
        Finding::DigestSignatureInvalid(_) => "a digest’s signature is invalid",
        Finding::DigestKeyUnknown { .. } => "a digest is signed by a key that is not CloudTrail’s",
        Finding::DigestLinkMismatch { .. } => "a digest is not the one that its successor records",
        Finding::DigestOutOfOrder { .. } => "a digest is not older than the one that links to it",
        Finding::DigestDeliveredThenGone { .. } => "the newest digest that was delivered is gone",
        Finding::LogMissing => "a log file that a proven digest names is missing",
        Finding::LogHashMismatch { .. } => "a log file is not what was delivered",
        Finding::LogMalformed(_) => "a log file is not one complete gzip member",
        Finding::LogTrailingData { .. } => "something was added to a log file",
    }
}

/// A stretch of time that no digest covers.
#[derive(Clone, Debug)]
pub(super) struct GapView {
    pub(super) code: &'static str,
    pub(super) means: &'static str,
    pub(super) chain: Shown,
    pub(super) from: Shown,
    pub(super) to: Shown,
    pub(super) length: String,
    pub(super) explained: Vec<Explanation>,
}

/// An event that explains a gap.
#[derive(Clone, Debug)]
pub(super) struct Explanation {
    pub(super) name: Shown,
    pub(super) id: Shown,
    pub(super) time: Shown,
    pub(super) principal: Shown,
    pub(super) address: Shown,
    pub(super) log: Shown,
}

fn gap(gap: &Gap, names: &ChainNames) -> GapView {
    let (code, means) = match gap.segment.coverage {
        Coverage::Uncovered(why) => (why.code(), uncovered(why)),
        covered => (covered.code(), ""),
    };
    GapView {
        code,
        means,
        chain: Shown::of(names.name(&gap.chain)),
        from: Shown::of(gap.segment.from),
        to: Shown::of(gap.segment.to),
        length: length(gap.segment.seconds()),
        explained: gap
            .explained
            .iter()
            .map(|event| Explanation {
                name: Shown::of(&event.name),
                id: Shown::of(&event.id),
                time: Shown::of(event.time),
                principal: Shown::of(&event.principal),
                address: Shown::of(&event.address),
                log: Shown::of(&event.log),
            })
            .collect(),
    }
}

/// Objects or folders that could not be read for one reason.
#[derive(Clone, Debug)]
pub(super) struct Failures {
    pub(super) code: &'static str,
    pub(super) means: &'static str,
    /// Location of each, with the reason that the store gave.
    pub(super) places: List<(Shown, Shown)>,
}

fn failure_means(kind: ReadFailureKind) -> &'static str {
    match kind {
        ReadFailureKind::Denied => {
            "the store denied access; without permission to list, it answers the same for missing \
             objects"
        }
        ReadFailureKind::Archived => "in an archive and not restored",
        ReadFailureKind::KmsDenied => {
            "use of the key that encrypts it is denied, or the key is gone"
        }
        ReadFailureKind::Throttled => "the store throttled every attempt",
        ReadFailureKind::Network => "the connection failed on every attempt",
        ReadFailureKind::Timeout => "no answer arrived in time",
        ReadFailureKind::Truncated => "the answer broke off on every attempt",
        ReadFailureKind::ChangedWhileReading => "it was replaced while it was being read",
        ReadFailureKind::NoSuchBucket => "the bucket does not exist",
        ReadFailureKind::OverBudget => "larger than the limit",
        ReadFailureKind::KeysUnavailable => "the public keys could not be obtained",
        ReadFailureKind::NoSignature => "there is no signature to check",
        ReadFailureKind::NotCopied => "the mirror does not have it; the bucket may",
        ReadFailureKind::AbsentFromCopy => "the copy does not have it; the bucket may",
        ReadFailureKind::CopyDamaged => {
            "the mirror’s file changed after it was copied and verified; the bucket may be intact"
        }
        ReadFailureKind::NotFollowed => {
            "a link, a special file or a name that cannot be a key: not followed"
        }
        ReadFailureKind::DeliveredElsewhere => {
            "genuine evidence of another bucket or prefix, which proves nothing about this one"
        }
    }
}

fn failures(run: &Collected) -> Vec<Failures> {
    let of_kind = |(kind, total): (&ReadFailureKind, &u64)| Failures {
        code: kind.code(),
        means: failure_means(*kind),
        places: List {
            shown: run
                .unread
                .entries
                .iter()
                .filter(|unread| unread.why.kind == *kind)
                .take(SHOWN_OF_A_KIND)
                .map(|unread| (Shown::of(&unread.at), Shown::of(&unread.why)))
                .collect(),
            total: *total,
        },
    };
    run.unread_by_kind.iter().map(of_kind).collect()
}

/// Everything below the coverage section.
#[derive(Clone, Debug)]
pub(super) struct Details {
    pub(super) findings: List<FindingView>,
    pub(super) gaps: List<GapView>,
    pub(super) failures: Vec<Failures>,
    pub(super) listings: List<(Shown, Shown)>,
    pub(super) unlisted: List<Shown>,
    pub(super) without_digests: List<Shown>,
    /// Chains that do not continue from the previous record, with the digest at the seam.
    pub(super) not_joined: List<(Shown, Shown)>,
    pub(super) doubts: List<(&'static str, Shown, &'static str)>,
    pub(super) not_performed: Vec<(Shown, Shown)>,
    pub(super) delivery_errors: List<(Shown, Shown)>,
    pub(super) notices: Vec<(&'static str, String, &'static str)>,
}

impl Details {
    pub(super) fn of(run: &Collected) -> Self {
        let names = run.names();
        let errors = u64::try_from(run.delivery_errors.len()).unwrap_or(u64::MAX);
        Self {
            findings: List::of(&run.findings.entries, run.findings.total, SHOWN, |told| {
                finding(told, &names)
            }),
            gaps: List::of(&run.gaps.entries, run.gaps.total, SHOWN, |it| gap(it, &names)),
            failures: failures(run),
            listings: List::of(
                &run.listings_unread.entries,
                run.listings_unread.total,
                SHOWN,
                |(folder, why)| (Shown::of(folder), Shown::of(why)),
            ),
            unlisted: List::of(&run.unlisted.entries, run.unlisted.total, SHOWN, |at| {
                Shown::of(at)
            }),
            without_digests: List::of(
                &run.without_digests.entries,
                run.without_digests.total,
                SHOWN,
                |(folder, _)| Shown::of(folder),
            ),
            not_joined: List::of(
                &run.not_joined.entries,
                run.not_joined.total,
                SHOWN,
                |(chain, at)| (Shown::of(names.name(chain)), Shown::of(at)),
            ),
            doubts: List::of(
                &run.places_in_doubt.entries,
                run.places_in_doubt.total,
                SHOWN,
                |doubt| (doubt.why.code(), Shown::of(places::place(doubt)), places::why(doubt.why)),
            ),
            not_performed: run
                .not_performed
                .iter()
                .map(|one| (Shown::of(one.check.code()), Shown::of(words::not_made(one))))
                .collect(),
            delivery_errors: List::of(&run.delivery_errors, errors, SHOWN, |(chain, error)| {
                (Shown::of(names.name(chain)), Shown::of(error))
            }),
            notices: run
                .notices
                .iter()
                .map(|(notice, count)| {
                    (notice.code(), counted(*count, "time"), notice_means(*notice))
                })
                .collect(),
        }
    }

    /// Returns whether there is nothing to list under "not proven".
    pub(super) fn all_proven(&self) -> bool {
        self.failures.is_empty()
            && self.listings.total + self.unlisted.total + self.without_digests.total == 0
            && self.not_joined.total == 0
            && self.doubts.total == 0
    }
}

fn notice_means(notice: Notice) -> &'static str {
    match notice {
        Notice::ChainStart => {
            "a chain starts here: logging or validation was switched on; nothing before it is \
             proven"
        }
        Notice::MetadataSignatureMissing => {
            "a digest is proven by its successor; its own metadata has no signature, as is usual \
             in a copy"
        }
        Notice::MetadataSignatureDiffers => {
            "a digest is proven by its successor; the signature in its own metadata is invalid"
        }
        Notice::StoredInflated => "an object is stored inflated; its content is proven",
        Notice::SeveralMembers => {
            "an object consists of several gzip members, where CloudTrail writes one; joined, they \
             are proven"
        }
        Notice::DigestUnlinked => "a digest is listed, but no chain reaches it",
        Notice::Anchor => "a digest outside the period that only anchors its chain",
        Notice::LifecycleLooksTheSame => {
            "nothing older is listed; a lifecycle rule that expires old objects looks the same"
        }
        Notice::DigestCopied => {
            "a digest is a copy of one that was delivered to another bucket or prefix; it proves \
             nothing here"
        }
    }
}
