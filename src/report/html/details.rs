//! What stands behind the counts: findings, gaps, and what was not proven and why.
use super::chains::length;
use super::shown::Shown;
use crate::report::collect::{Collected, Gap, ToldFinding};
use crate::report::names::ChainNames;
use crate::report::places;
use crate::report::text_lines::counted;
use crate::report::words::{self, uncovered};
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::finding::Finding;
use trailproof_core::codes::notice::Notice;
use trailproof_core::coverage::Coverage;

/// Entries of one list that are shown; the rest is counted. A finding takes about 1 kB.
const SHOWN: usize = 1_000;
/// Objects that are named for each reason why they could not be read.
const SHOWN_OF_A_KIND: usize = 200;

/// A list of which the first entries are shown.
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
    /// The object, where it is not about a chain as a whole.
    pub(super) at: Option<Shown>,
    pub(super) expected: Shown,
    pub(super) found: Shown,
    pub(super) lifecycle: bool,
}

fn finding(told: &ToldFinding, names: &ChainNames) -> FindingView {
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
        Finding::DigestMissing => "a digest that a proven digest leads to is missing",
        Finding::DigestMalformed(_) => "a digest is not of a digest’s form",
        Finding::DigestMoved { .. } => "a digest lies where it was not delivered",
        Finding::DigestSignatureInvalid(_) => "a digest’s signature does not hold",
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

/// A stretch that no digest covers.
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
    /// Where, and the words of who refused.
    pub(super) places: List<(Shown, Shown)>,
}

fn failure_means(kind: ReadFailureKind) -> &'static str {
    match kind {
        ReadFailureKind::Denied => {
            "the store refused; where listing is not granted, it answers so for what is missing too"
        }
        ReadFailureKind::Archived => "in an archive and not restored",
        ReadFailureKind::KmsDenied => "the key that encrypts it may not be used, or is gone",
        ReadFailureKind::Throttled => "the store asked for fewer requests to the end",
        ReadFailureKind::Network => "the connection failed to the end",
        ReadFailureKind::Timeout => "no answer came for too long",
        ReadFailureKind::Truncated => "the answer broke off to the end",
        ReadFailureKind::ChangedWhileReading => "it was replaced while it was read",
        ReadFailureKind::NoSuchBucket => "the bucket is not there",
        ReadFailureKind::OverBudget => "larger than what is read",
        ReadFailureKind::KeysUnavailable => "the public keys could not be obtained",
        ReadFailureKind::NoSignature => "there is no signature to check",
        ReadFailureKind::NotCopied => "the mirror does not have it; the bucket may",
        ReadFailureKind::AbsentFromCopy => "the copy does not have it; the bucket may",
        ReadFailureKind::CopyDamaged => {
            "the mirror’s file is not what was verified when it was copied; the bucket may be intact"
        }
        ReadFailureKind::NotFollowed => {
            "a link, a special file or a name that cannot be a key: not followed"
        }
        ReadFailureKind::DeliveredElsewhere => {
            "genuine evidence of another bucket or prefix, which proves nothing of this one"
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

/// Everything below the coverage picture.
#[derive(Clone, Debug)]
pub(super) struct Details {
    pub(super) findings: List<FindingView>,
    pub(super) gaps: List<GapView>,
    pub(super) failures: Vec<Failures>,
    pub(super) listings: List<(Shown, Shown)>,
    pub(super) unlisted: List<Shown>,
    pub(super) without_digests: List<Shown>,
    /// Chains that do not join on to the record before, and the digest at the seam.
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
                |(chain, at)| (Shown::of(chain), Shown::of(at)),
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

    /// Whether everything was proven.
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
            "a chain starts here: logging or validation was switched on, and nothing before it is \
             proven"
        }
        Notice::MetadataSignatureMissing => {
            "a digest is proven by its successor; its own metadata carries no signature, as after a \
             copy"
        }
        Notice::MetadataSignatureDiffers => {
            "a digest is proven by its successor; the signature of its own metadata does not hold"
        }
        Notice::StoredInflated => {
            "an object is stored inflated; its content is proven all the same"
        }
        Notice::SeveralMembers => {
            "several gzip members hold an object, where CloudTrail writes one; joined they are proven"
        }
        Notice::DigestUnlinked => "a digest is listed, and no chain reaches it",
        Notice::Anchor => "a digest outside the period that only anchors its chain",
        Notice::LifecycleLooksTheSame => {
            "nothing older is listed; a lifecycle rule that expires old objects looks the same"
        }
        Notice::DigestCopied => {
            "a digest is a copy of one that was delivered to another bucket or prefix, and counts \
             for nothing here"
        }
    }
}
