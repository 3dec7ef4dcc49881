//! Runs `verify`: from what is found in a bucket to the verdict.
use super::after_chains::AfterChains;
use super::chains::{Listed, Prepared, ToWalk};
use super::discover::jobs::{Across, Contribution, Outside};
use super::discover::joined::join_paths;
use super::discover::places::Uncovered;
use super::part::Part;
use super::plan::VerifyPlan;
use super::targets::LookupTargets;
use super::unlisted::search::{Beside, SearchedPlaces};
use super::unlisted::unvalidated::Unvalidated;
use crate::locate::discover::find_chains;
use crate::source::ObjectSource;
use crate::trust::KeyService;
use crate::trust::key_book::KeyBook;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use trailproof_core::codes::check::{Check, SkipReason, SkippedCheck};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::record::{AcceptanceTally, RunEvent, RunSummary, RunTally};
use trailproof_core::vocab::key_layout::ROOT;
use trailproof_core::vocab::time::Period;

/// Verifies everything in the plan's scope and passes every event to `emit` in canonical order.
/// Returns the summary with the verdict, which is also the last event.
pub async fn verify(
    plan: &VerifyPlan,
    source: Arc<dyn ObjectSource>,
    keys: Arc<dyn KeyService>,
    emit: &mut (dyn FnMut(&RunEvent) + Send),
) -> RunSummary {
    run(plan, None, source, keys, &Arc::default(), emit).await
}

/// Does the same as [`verify`], and adds to `unneeded` the digests that were read ahead in vain.
pub async fn verify_counting(
    plan: &VerifyPlan,
    source: Arc<dyn ObjectSource>,
    keys: Arc<dyn KeyService>,
    unneeded: &Arc<AtomicU64>,
    emit: &mut (dyn FnMut(&RunEvent) + Send),
) -> RunSummary {
    run(plan, None, source, keys, unneeded, emit).await
}

/// Walks the digests as [`verify`] does, but reads only those of the log files named by proven
/// digests that are searched for. Each is reported by a `LogNamed` before it is judged.
pub async fn look_up(
    plan: &VerifyPlan,
    only: Arc<LookupTargets>,
    source: Arc<dyn ObjectSource>,
    keys: Arc<dyn KeyService>,
    emit: &mut (dyn FnMut(&RunEvent) + Send),
) -> RunSummary {
    run(plan, Some(only), source, keys, &Arc::default(), emit).await
}

/// Runs the plan. If it has accepted exceptions, the last event but one states what they amount to.
async fn run(
    plan: &VerifyPlan,
    only: Option<Arc<LookupTargets>>,
    source: Arc<dyn ObjectSource>,
    keys: Arc<dyn KeyService>,
    unneeded: &Arc<AtomicU64>,
    emit: &mut (dyn FnMut(&RunEvent) + Send),
) -> RunSummary {
    if plan.accepted.is_none() {
        return run_chains(plan, only, source, keys, unneeded, emit).await;
    }
    let mut acceptance = AcceptanceTally::default();
    let mut judging = |event: &RunEvent| {
        if let Some(judged) = judged_before(&mut acceptance, event) {
            emit(&judged);
        }
        emit(event);
    };
    run_chains(plan, only, source, keys, unneeded, &mut judging).await
}

/// Counts the next event of a run. Returns what the accepted exceptions amount to if it is the last.
pub(crate) fn judged_before(
    acceptance: &mut AcceptanceTally,
    event: &RunEvent,
) -> Option<RunEvent> {
    acceptance.take(event);
    let RunEvent::RunFinished(summary) = event else { return None };
    std::mem::take(acceptance).finish(summary).map(RunEvent::ExceptionsJudged)
}

async fn run_chains(
    plan: &VerifyPlan,
    only: Option<Arc<LookupTargets>>,
    source: Arc<dyn ObjectSource>,
    keys: Arc<dyn KeyService>,
    unneeded: &Arc<AtomicU64>,
    emit: &mut (dyn FnMut(&RunEvent) + Send),
) -> RunSummary {
    emit(&RunEvent::RunStarted(Box::new(plan.start())));
    let mut found = find_chains(&source, &plan.bucket, &plan.roots, &plan.scope, plan.period).await;
    join_paths(source.as_ref(), &plan.bucket, &mut found.chains).await;
    let outside = Outside::look(plan, &source).await;
    let unvalidated = Arc::new(Unvalidated::new(&plan.bucket, plan.status.clone()));
    let uncovered = Uncovered::look(plan, source.as_ref(), &found, &unvalidated).await;
    let across = Contribution::of(plan, &mut found, &uncovered).across(plan, outside);
    let (status, status_not_asked) = match &plan.status {
        Some(status) => match status.delivers_here(&plan.place, &plan.roots).await {
            Ok(status) => (Some(status), None),
            Err(not_made) => (None, Some(not_made)),
        },
        None => (None, None),
    };
    let opening = Opening { unread: found.unread.clone(), status_not_asked };
    let search = plan.unlisted.then(|| (SearchedPlaces::from(&found), Beside::All));
    let to_walk = ToWalk {
        plan,
        found,
        uncovered,
        across: &across,
        part: Part::default(),
        only,
        search,
        status,
        unvalidated,
    };
    let book = Arc::new(KeyBook::new(keys, plan.now));
    let prepared = Prepared::new(to_walk, source, book, unneeded).await;
    let opened = opening.emit(plan, &across, prepared.listed(), emit);
    let after = prepared.walk(emit).await;
    opening.finish(plan, opened, after, emit)
}

/// What a run reports before and after its chains, beside what follows from them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opening {
    /// Listings that could not be read: the folder and the reason.
    pub(crate) unread: Vec<(String, ReadFailure)>,
    /// Reason why no trail's status is requested, if one was to be.
    pub(crate) status_not_asked: Option<SkippedCheck>,
}

impl Opening {
    /// Reports what the run is about to verify, and what is open already. The caller has reported
    /// the start of the run. Returns the counts of what is open.
    pub(crate) fn emit(
        &self,
        plan: &VerifyPlan,
        across: &Across,
        listed: &Listed,
        emit: &mut (dyn FnMut(&RunEvent) + Send),
    ) -> RunTally {
        let mut tally = RunTally::default();
        emit(&RunEvent::BucketListed {
            chains: listed.chains,
            digests: listed.digests,
            left_out: listed.left_out.iter().cloned().collect(),
        });
        for event in &plan.left_open {
            count_open(&mut tally, event, plan.period);
            emit(event);
        }
        let over = across.over.clone().map(|why| (ROOT.to_owned(), why));
        for (folder, why) in self.unread.iter().cloned().chain(over) {
            tally.listings_unread += 1;
            emit(&RunEvent::ListingUnread { folder, why });
        }
        let narrower =
            !plan.place.delivered_to.prefix.is_empty() || plan.scope.organization.is_some();
        let not_performed = match &across.outside_unknown {
            Some(why) => Some((SkipReason::ListingUnread, why.to_string())),
            None if narrower => Some((SkipReason::OutsideLocation, String::new())),
            None => None,
        };
        if let Some((why, detail)) = not_performed {
            emit(&RunEvent::CheckNotPerformed(SkippedCheck {
                check: Check::ExpectedPlaces,
                why,
                region: None,
                detail,
            }));
        }
        tally
    }

    /// Reports the end of the run.
    pub(crate) fn finish(
        self,
        plan: &VerifyPlan,
        opened: RunTally,
        mut after: AfterChains,
        emit: &mut (dyn FnMut(&RunEvent) + Send),
    ) -> RunSummary {
        after.tally.join(opened);
        if let Some(not_made) = self.status_not_asked {
            emit(&RunEvent::CheckNotPerformed(not_made));
        }
        let known = plan.known.as_ref().map(|known| known.skipped().load(Ordering::Relaxed));
        if let Some(skipped) = known.filter(|skipped| *skipped > 0) {
            emit(&RunEvent::CheckNotPerformed(SkippedCheck {
                check: Check::LogSha256,
                why: SkipReason::EarlierRecord,
                region: None,
                detail: skipped.to_string(),
            }));
        }
        after.emit(plan, emit)
    }
}

/// Counts what the plan left open.
fn count_open(tally: &mut RunTally, event: &RunEvent, period: Period) {
    match event {
        RunEvent::ListingUnread { .. } => tally.listings_unread += 1,
        RunEvent::PlaceInDoubt(place) => tally.place_in_doubt(place.why, period),
        _ => {}
    }
}
