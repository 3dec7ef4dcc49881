//! Runs `verify`: many chains of a bucket at once, reported in canonical order.
use super::chain::job::ChainJob;
use super::chain::message::{ChainBatch, ChainMessage};
use super::chain::moments::Moments;
use super::chain::run::run_chain;
use super::discover::beside::with_trails_beside;
use super::discover::ends;
use super::discover::jobs::{Outside, jobs};
use super::discover::joined::join_paths;
use super::discover::places::{Answers, Uncovered};
use super::other_places::OtherPlaces;
use super::plan::VerifyPlan;
use super::schedule::budget::ResultBudget;
use super::targets::LookupTargets;
use super::trail_status::DeliversHere;
use super::unlisted::search::UnlistedSearch;
use crate::locate::discover::find_chains;
use crate::source::ObjectSource;
use crate::trust::KeyService;
use crate::trust::key_book::KeyBook;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::{Semaphore, mpsc};
use trailproof_core::codes::check::{Check, SkipReason, SkippedCheck};
use trailproof_core::codes::finding::Outcome;
use trailproof_core::codes::notice::Notice;
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::record::{
    AcceptanceTally, ChainSummary, DigestJudged, RunEvent, RunSummary, RunTally,
};
use trailproof_core::trail_event::{KeptEvents, KeyName};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::key_layout::{DigestKind, ROOT};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{Period, Timestamp};

/// Maximum number of messages of one chain that wait for earlier chains to be reported. The shared
/// budget limits them in total.
const WAITING: usize = 256;

/// Number of chains that run at once. With this many, even chains of one digest saturate the store.
const CHAINS_AT_ONCE: usize = 96;

/// Maximum number of KMS keys kept for one chain. A trail rarely changes its key.
const KMS_KEYS: usize = 16;

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
        if let RunEvent::RunFinished(summary) = event
            && let Some(judged) = std::mem::take(&mut acceptance).finish(summary)
        {
            emit(&RunEvent::ExceptionsJudged(judged));
        }
        acceptance.take(event);
        emit(event);
    };
    run_chains(plan, only, source, keys, unneeded, &mut judging).await
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
    let mut tally = RunTally::default();
    let mut found = find_chains(&source, &plan.bucket, &plan.roots, &plan.scope, plan.period).await;
    tally.passed_over = found.passed_over;
    join_paths(source.as_ref(), &plan.bucket, &mut found.chains).await;
    let outside = Outside::look(plan, &source).await;
    let uncovered = Uncovered::look(plan, source.as_ref(), &found).await;
    let (mut jobs, over) = jobs(plan, &mut found, &outside, &uncovered, only.as_ref());
    let book = Arc::new(KeyBook::new(keys, plan.now));
    let is_local = |at: ObjectLocation| source.is_local(&at);
    let here = jobs.iter().all(|job| job.listed.any(&job.bucket).is_none_or(is_local));
    let budget = ResultBudget::new(here, unneeded, &plan.workload);
    let (ended, causes) = ends::look(&mut jobs, &source, &book, &budget).await;
    let answers = Answers::of(plan, &found, &uncovered, &jobs);
    emit(&RunEvent::BucketListed {
        chains: count(jobs.len()),
        digests: jobs.iter().map(ChainJob::digests).sum(),
        left_out: found.left_out.iter().cloned().collect(),
    });
    for event in &plan.left_open {
        count_open(&mut tally, event, plan.period);
        emit(event);
    }
    let over = over.map(|why| (ROOT.to_owned(), why));
    for (folder, why) in found.unread.iter().cloned().chain(over) {
        tally.listings_unread += 1;
        emit(&RunEvent::ListingUnread { folder, why });
    }
    let narrower = !plan.place.delivered_to.prefix.is_empty() || plan.scope.organization.is_some();
    if outside.unknown.is_none() && narrower {
        emit(&RunEvent::CheckNotPerformed(SkippedCheck {
            check: Check::ExpectedPlaces,
            why: SkipReason::OutsideLocation,
            region: None,
            detail: String::new(),
        }));
    }
    if let Some(why) = &outside.unknown {
        emit(&RunEvent::CheckNotPerformed(SkippedCheck {
            check: Check::ExpectedPlaces,
            why: SkipReason::ListingUnread,
            region: None,
            detail: why.to_string(),
        }));
    }
    let moments = Arc::new(Moments::of(&jobs));
    let searched: BTreeSet<_> = jobs
        .iter()
        .filter(|job| job.listed.newest().is_some())
        .map(|job| (job.chain.account.clone(), job.chain.source_region.clone()))
        .collect();
    let (status, not_asked) = match &plan.status {
        Some(status) => match status.delivers_here(&plan.place, &plan.roots).await {
            Ok(status) => (Some(status), None),
            Err(not_made) => (None, Some(not_made)),
        },
        None => (None, None),
    };
    let mut run = Run {
        plan,
        status,
        source,
        tally,
        gaps: Vec::new(),
        reported_chains: BTreeSet::new(),
        causes: KeptEvents::new(ends::EVENTS_KEPT),
        kms_keys: BTreeSet::new(),
        reported_keys: BTreeSet::new(),
        other_places: OtherPlaces::new(plan),
    };
    let mut search = plan.unlisted.then(|| UnlistedSearch::new(&run.source, plan, &found));
    let jobs = match search {
        Some(_) => with_trails_beside(plan, &mut found, jobs),
        None => jobs,
    };
    causes.into_iter().for_each(|cause| run.causes.take(cause));
    run.chains(jobs, budget, &book, &moments, search.as_mut(), emit).await;
    if let Some(not_made) = not_asked {
        emit(&RunEvent::CheckNotPerformed(not_made));
    }
    let unexplained = run.explain(&ended, emit);
    run.restarts(&ended, &unexplained, &searched, emit);
    run.unlisted(search, emit).await;
    run.other_places.emit(emit);
    run.answer(answers, unexplained, emit);
    run.passed_over(emit);
    let summary = run.tally.finish();
    emit(&RunEvent::RunFinished(summary.clone()));
    summary
}

/// Counts what the plan left open.
fn count_open(tally: &mut RunTally, event: &RunEvent, period: Period) {
    match event {
        RunEvent::ListingUnread { .. } => tally.listings_unread += 1,
        RunEvent::PlaceInDoubt(place) => tally.place_in_doubt(place.why, period),
        _ => {}
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

pub(crate) struct Run<'a> {
    pub(crate) plan: &'a VerifyPlan,
    pub(crate) source: Arc<dyn ObjectSource>,
    pub(crate) tally: RunTally,
    /// Chains with stretches that no digest covers.
    pub(crate) gaps: Vec<GapsOf>,
    /// All chains that were reported.
    pub(crate) reported_chains: BTreeSet<ChainId>,
    /// Events that may explain a gap.
    pub(crate) causes: KeptEvents,
    /// KMS keys with which log files of the current chain are encrypted.
    kms_keys: BTreeSet<KeyName>,
    /// The trail whose status is about this evidence.
    status: Option<DeliversHere>,
    /// Public keys that were reported, by region and fingerprint.
    reported_keys: BTreeSet<(Region, String)>,
    /// Places outside the location that have proven digests of the period.
    other_places: OtherPlaces,
}

/// A chain with stretches that no digest covers, and what may be related to them.
pub(crate) struct GapsOf {
    pub(crate) chain: ChainId,
    pub(crate) also: Vec<ChainId>,
    pub(crate) folders: Vec<String>,
    pub(crate) kms_keys: BTreeSet<KeyName>,
    pub(crate) gaps: Vec<Segment>,
}

impl Run<'_> {
    /// Runs many chains at once, and reports one after another.
    async fn chains(
        &mut self,
        jobs: Vec<ChainJob>,
        budget: ResultBudget,
        book: &Arc<KeyBook>,
        moments: &Arc<Moments>,
        mut search: Option<&mut UnlistedSearch>,
        emit: &mut (dyn FnMut(&RunEvent) + Send),
    ) {
        let places = Arc::new(Semaphore::new(CHAINS_AT_ONCE));
        let (queues, mut waiting) = mpsc::channel(CHAINS_AT_ONCE);
        let (source, book) = (Arc::clone(&self.source), Arc::clone(book));
        let moments = Arc::clone(moments);
        let names = search.as_deref().map(UnlistedSearch::hasher);
        // Permits and shares are granted in canonical order, so the chain that is being reported
        // always has both.
        let starter = tokio::spawn(async move {
            for job in jobs {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let (to, from) = mpsc::channel::<ChainBatch>(WAITING);
                let job = Arc::new(job);
                let digests = usize::try_from(job.digests()).unwrap_or(usize::MAX);
                let (share, turn) = budget.share(digests).await;
                if queues.send((Arc::clone(&job), share, from)).await.is_err() {
                    return;
                }
                let (source, book) = (Arc::clone(&source), Arc::clone(&book));
                let moments = Arc::clone(&moments);
                let names = names.clone();
                tokio::spawn(async move {
                    run_chain(job, source, book, moments, names, turn, to).await;
                    drop(place);
                });
            }
        });
        while let Some((job, share, mut messages)) = waiting.recv().await {
            share.give_back();
            let mut finished = false;
            while let Some(mut saying) = messages.recv().await {
                for handle in std::mem::take(&mut saying.messages) {
                    finished |= self.handle(handle, &job, search.as_deref_mut(), emit).await;
                }
                // The permit is dropped with it.
                drop(saying);
            }
            // A chain that ends without its summary has hit a bug.
            assert_finished(finished);
        }
        if let Err(error) = starter.await {
            std::panic::resume_unwind(error.into_panic());
        }
    }

    /// Processes a message of a chain; returns whether it was the last one.
    async fn handle(
        &mut self,
        handle: ChainMessage,
        job: &ChainJob,
        search: Option<&mut UnlistedSearch>,
        emit: &mut (dyn FnMut(&RunEvent) + Send),
    ) -> bool {
        let mut finished = false;
        let search = match (search, job.names_only) {
            (Some(search), true) => {
                return match handle {
                    ChainMessage::Names(names) => {
                        search.add(&job.chain, names);
                        false
                    }
                    ChainMessage::Event(event) => {
                        if let RunEvent::DigestJudged(judged) = event.as_ref() {
                            note_proven(search, job, judged);
                        }
                        let RunEvent::ChainFinished(summary) = event.as_ref() else { return false };
                        search.reached(&job.chain, &summary.segments);
                        true
                    }
                    _ => false,
                };
            }
            (search, _) => search,
        };
        let mut search = search;
        match handle {
            ChainMessage::Event(mut event) => {
                if let (RunEvent::DigestJudged(judged), Some(search)) =
                    (event.as_ref(), search.as_deref_mut())
                {
                    note_proven(search, job, judged);
                }
                if let RunEvent::DigestJudged(judged) = event.as_ref() {
                    self.other_places.note(judged);
                }
                if let RunEvent::ChainFinished(summary) = event.as_mut() {
                    finished = true;
                    self.status(job, summary, emit).await;
                    self.tally.chain(summary);
                    if let Some(search) = search {
                        search.covered(&job.chain, &summary.segments);
                    }
                    let uncovered =
                        |segment: &&Segment| matches!(segment.coverage, Coverage::Uncovered(_));
                    let gaps: Vec<_> = summary.segments.iter().filter(uncovered).copied().collect();
                    let kms_keys = std::mem::take(&mut self.kms_keys);
                    if !gaps.is_empty() {
                        let (chain, also) = (job.chain.clone(), job.also.clone());
                        let folders = job.listed.folders();
                        self.gaps.push(GapsOf { chain, also, folders, kms_keys, gaps });
                    }
                    self.reported_chains.insert(job.chain.clone());
                }
                if let RunEvent::SeamJudged(seam) = event.as_ref() {
                    self.tally.not_joined += u64::from(!seam.joined);
                }
                emit(&event);
            }
            ChainMessage::Log(judged) => emit(&RunEvent::LogJudged(judged)),
            ChainMessage::Key(key) => {
                let name = (key.region.clone(), key.fingerprint.clone());
                if self.reported_keys.insert(name) {
                    emit(&RunEvent::PublicKey(*key));
                }
            }
            ChainMessage::Names(names) => {
                if let Some(search) = search {
                    search.add(&job.chain, names);
                }
            }
            ChainMessage::Explains(events) => {
                events.into_iter().for_each(|cause| self.causes.take(cause));
            }
            ChainMessage::EncryptedWith(key) => {
                if self.kms_keys.len() < KMS_KEYS {
                    self.kms_keys.insert(key);
                }
            }
        }
        finished
    }

    /// Requests the trail's status before the chain's summary is reported.
    async fn status(
        &self,
        job: &ChainJob,
        summary: &mut ChainSummary,
        emit: &mut (dyn FnMut(&RunEvent) + Send),
    ) {
        let Some(status) = &self.status else { return };
        let Some(event) = status.ask(job, self.source.as_ref()).await else { return };
        if let RunEvent::TrailStatus { finding: Some(_), .. } = &event {
            summary.counts.chain_findings += 1;
        }
        emit(&event);
    }
}

fn note_proven(search: &mut UnlistedSearch, job: &ChainJob, judged: &DigestJudged) {
    if let Some(start) = covers_from(judged) {
        search.proven(&job.chain, start, judged.end);
    }
}

/// Returns the time from which a proven digest names all delivered log files.
fn covers_from(judged: &DigestJudged) -> Option<Timestamp> {
    let Outcome::Valid(proof) = &judged.outcome else { return None };
    let told = judged.kind == DigestKind::Standard
        && !judged
            .notices
            .iter()
            .any(|notice| matches!(notice, Notice::ChainStart | Notice::DigestUnlinked));
    told.then_some(proof.start)
}

#[expect(clippy::panic, reason = "a chain that failed must not be reported as one that ended")]
fn assert_finished(finished: bool) {
    if !finished {
        panic!("a chain ended without its summary");
    }
}
