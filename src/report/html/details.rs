//! What was not proven and why, apart from findings and gaps: places, log files without digests, and
//! what could not be read.
use super::answer::unread;
use super::links::FIRST;
use super::shown::Shown;
use crate::report::collect::Collected;
use crate::report::exceptions::{Exceptions, Judged, NO_EFFECT, Standing};
use crate::report::names::ChainNames;
use crate::report::numbers::counted;
use crate::report::places;
use crate::report::words;
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::unlisted::UnlistedReason;

/// Maximum number of entries shown in one list; the rest is counted. One takes about 300 bytes.
const SHOWN: usize = 1_000;
/// Maximum number of objects shown for each reason why objects could not be read.
const SHOWN_OF_A_KIND: usize = 200;

/// The first entries of a list, some more that are folded, and its full length.
#[derive(Clone, Debug)]
pub(super) struct List<T> {
    pub(super) first: Vec<T>,
    pub(super) folded: Vec<T>,
    pub(super) total: u64,
}

impl<T> List<T> {
    fn of<S>(
        entries: impl IntoIterator<Item = S>,
        total: u64,
        limit: usize,
        show: impl FnMut(S) -> T,
    ) -> Self {
        let mut first: Vec<T> = entries.into_iter().take(limit).map(show).collect();
        let folded = first.split_off(first.len().min(FIRST));
        Self { first, folded, total }
    }

    pub(super) fn left_out(&self) -> u64 {
        let shown = u64::try_from(self.first.len() + self.folded.len()).unwrap_or(u64::MAX);
        self.total.saturating_sub(shown)
    }
}

/// The accepted exceptions, and what they amount to.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub(super) result: Shown,
    pub(super) sha256: String,
    pub(super) no_effect: &'static str,
    pub(super) list: List<AcceptedView>,
}

/// One accepted exception.
#[derive(Clone, Debug)]
pub(super) struct AcceptedView {
    pub(super) code: &'static str,
    pub(super) subject: Shown,
    pub(super) outcome: Shown,
    /// Class in the style sheet.
    pub(super) class: &'static str,
    pub(super) reason: Shown,
    pub(super) approval: Shown,
}

impl Accepted {
    pub(super) fn of(run: &Collected) -> Option<Self> {
        let exceptions = Exceptions::of(run)?;
        let view = |one: Judged<'_>| AcceptedView {
            code: one.exception.code.code(),
            subject: Shown::of(one.subject()),
            outcome: Shown::of(one.outcome()),
            class: if one.standing == Standing::Applied { "none" } else { "open" },
            reason: Shown::of(one.reason()),
            approval: Shown::of(one.approval()),
        };
        let total = u64::try_from(exceptions.file.entries.len()).unwrap_or(u64::MAX);
        Some(Self {
            result: Shown::of(exceptions.result()),
            sha256: exceptions.sha256(),
            no_effect: NO_EFFECT,
            list: List::of(exceptions.iter(), total, SHOWN, view),
        })
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

fn failures(run: &Collected) -> Vec<Failures> {
    let of_kind = |(kind, total): (&ReadFailureKind, &u64)| Failures {
        code: kind.code(),
        means: words::failure_means(*kind),
        places: List::of(
            run.unread.entries.iter().filter(|unread| unread.why.kind == *kind),
            *total,
            SHOWN_OF_A_KIND,
            |unread| (Shown::of(&unread.at), Shown::of(&unread.why)),
        ),
    };
    run.unread_by_kind.iter().map(of_kind).collect()
}

/// Log files that no digest names, for one reason.
#[derive(Clone, Debug)]
pub(super) struct Unlisted {
    pub(super) means: &'static str,
    /// Location of each, and when it was last modified.
    pub(super) places: List<(Shown, Option<Shown>)>,
}

fn unlisted(run: &Collected) -> Vec<Unlisted> {
    let facts = run.unlisted.entries.iter().zip(&run.unlisted_facts);
    let of_reason = |is_unvalidated: bool| {
        let mut alike: Vec<_> = facts
            .clone()
            .filter(|(_, (_, reason))| {
                (*reason == UnlistedReason::TrailWithoutValidation) == is_unvalidated
            })
            .collect();
        // The reasons of log files beyond those that are kept are not known.
        let beyond = if is_unvalidated { 0 } else { run.unlisted.left_out() };
        let total = u64::try_from(alike.len()).unwrap_or(u64::MAX) + beyond;
        Unlisted {
            means: match is_unvalidated {
                true => "a trail whose log file validation is off delivers here",
                false => {
                    "someone other than CloudTrail may have written them: they are in verified \
                     time, but no verified digest names them"
                }
            },
            places: List::of(alike.drain(..), total, SHOWN, |(at, (modified, _))| {
                (Shown::of(at), modified.map(Shown::of))
            }),
        }
    };
    [false, true].map(of_reason).into_iter().filter(|group| group.places.total > 0).collect()
}

/// What was not proven, apart from findings and gaps, and the notices.
#[derive(Clone, Debug)]
pub(super) struct Details {
    /// Number of objects and listings that could not be checked.
    pub(super) unread: u64,
    pub(super) doubts: List<(&'static str, Shown, &'static str)>,
    pub(super) unlisted: Vec<Unlisted>,
    pub(super) without_digests: List<(Shown, bool)>,
    pub(super) failures: Vec<Failures>,
    pub(super) listings: List<(Shown, Shown)>,
    /// Chains that do not continue from the previous record, with the digest at the seam.
    pub(super) not_joined: List<(Shown, Shown)>,
    pub(super) delivery_errors: List<(Shown, Shown)>,
    pub(super) not_performed: List<(Shown, Shown)>,
    pub(super) notices: Vec<(&'static str, String, &'static str)>,
}

impl Details {
    pub(super) fn of(run: &Collected, names: &ChainNames) -> Self {
        let accounts = run.account_names();
        let errors = u64::try_from(run.delivery_errors.len()).unwrap_or(u64::MAX);
        Self {
            unread: unread(run),
            doubts: List::of(
                &run.places_in_doubt.entries,
                run.places_in_doubt.total,
                SHOWN,
                |doubt| {
                    let place = places::place(doubt, &accounts).replace('`', "");
                    (doubt.why.code(), Shown::of(place), places::why(doubt.why))
                },
            ),
            unlisted: unlisted(run),
            without_digests: List::of(
                &run.without_digests.entries,
                run.without_digests.total,
                SHOWN,
                |(folder, reason)| {
                    (Shown::of(folder), *reason == UnlistedReason::TrailWithoutValidation)
                },
            ),
            failures: failures(run),
            listings: List::of(
                &run.listings_unread.entries,
                run.listings_unread.total,
                SHOWN,
                |(folder, why)| (Shown::of(folder), Shown::of(why)),
            ),
            not_joined: List::of(
                &run.not_joined.entries,
                run.not_joined.total,
                SHOWN,
                |(chain, at)| (Shown::of(names.name(chain)), Shown::of(at)),
            ),
            delivery_errors: List::of(&run.delivery_errors, errors, SHOWN, |(chain, error)| {
                (Shown::of(names.name(chain)), Shown::of(error))
            }),
            not_performed: List::of(
                &run.not_performed.entries,
                run.not_performed.total,
                SHOWN,
                |one| (Shown::of(one.check.code()), Shown::of(words::not_made(one))),
            ),
            notices: run
                .notices
                .iter()
                .map(|(notice, number)| {
                    (notice.code(), counted(*number, "time"), words::notice_means(*notice))
                })
                .collect(),
        }
    }

    /// Returns the number of log files that no digest names.
    pub(super) fn unlisted_total(&self) -> u64 {
        self.unlisted.iter().map(|group| group.places.total).sum()
    }

    /// Returns whether everything could be read and joins on to what came before.
    pub(super) fn all_read(&self) -> bool {
        self.unread + self.not_joined.total + self.delivery_errors.total == 0
    }
}
