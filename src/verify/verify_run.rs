//! Runs `verify`: every chain of a bucket at once, told in canonical order.
use super::chain_job::ChainJob;
use super::chain_run::run_chain;
use super::chain_says::{ChainSays, Saying};
use super::discover::find_chains;
use super::jobs::{Outside, jobs};
use super::keys::KeyBook;
use super::place_listing::Place;
use super::plan::VerifyPlan;
use super::room::Room;
use super::unlisted::UnlistedSearch;
use crate::source::ObjectSource;
use crate::trust::KeyService;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::{Semaphore, mpsc};
use trailproof_core::chain_id::ChainId;
use trailproof_core::content::Hash;
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::event::{ChainSummary, RunEvent, RunSummary, RunTally};
use trailproof_core::explain::ExplainingEvent;
use trailproof_core::ids::Region;
use trailproof_core::location::ObjectLocation;

/// What one chain may have said that waits for the chains before it to be told. How much that is
/// together is the affair of the common room.
const WAITING: usize = 256;

/// Chains that run at once. With this many even chains of a single digest fill the store.
const CHAINS_AT_ONCE: usize = 96;

/// Events that may explain a gap and are kept for the end of the run.
const EVENTS_KEPT: usize = 20_000;

/// Verifies everything in the plan's scope and tells every event in canonical order. The verdict is
/// in the summary, which is also the last event.
pub async fn verify(
    plan: &VerifyPlan,
    source: Arc<dyn ObjectSource>,
    keys: Arc<dyn KeyService>,
    tell: &mut (dyn FnMut(&RunEvent) + Send),
) -> RunSummary {
    run(plan, None, source, keys, &Arc::default(), tell).await
}

/// As [`verify`], and counts the digests that were read ahead and not needed into `unneeded`.
pub async fn verify_counting(
    plan: &VerifyPlan,
    source: Arc<dyn ObjectSource>,
    keys: Arc<dyn KeyService>,
    unneeded: &Arc<AtomicU64>,
    tell: &mut (dyn FnMut(&RunEvent) + Send),
) -> RunSummary {
    run(plan, None, source, keys, unneeded, tell).await
}

/// Walks the digests as [`verify`] does, and looks only at the log files that proven digests name
/// by one of these hashes; each is told by a `LogNamed` before it is judged.
pub async fn look_up(
    plan: &VerifyPlan,
    only: Arc<BTreeSet<Hash>>,
    source: Arc<dyn ObjectSource>,
    keys: Arc<dyn KeyService>,
    tell: &mut (dyn FnMut(&RunEvent) + Send),
) -> RunSummary {
    run(plan, Some(only), source, keys, &Arc::default(), tell).await
}

async fn run(
    plan: &VerifyPlan,
    only: Option<Arc<BTreeSet<Hash>>>,
    source: Arc<dyn ObjectSource>,
    keys: Arc<dyn KeyService>,
    unneeded: &Arc<AtomicU64>,
    tell: &mut (dyn FnMut(&RunEvent) + Send),
) -> RunSummary {
    tell(&RunEvent::RunStarted(Box::new(plan.start())));
    let mut tally = RunTally::default();
    let mut found = find_chains(&source, &plan.bucket, &plan.roots, &plan.scope, plan.period).await;
    tally.passed_over = found.passed_over;
    let outside = Outside::look(plan, &source, &found).await;
    let jobs = jobs(plan, &mut found, &outside, only.as_ref());
    tell(&RunEvent::BucketListed {
        chains: count(jobs.len()),
        digests: jobs.iter().map(ChainJob::digests).sum(),
        left_out: found.left_out.iter().cloned().collect(),
    });
    for (folder, why) in &found.unread {
        tally.listings_unread += 1;
        tell(&RunEvent::ListingUnread { folder: folder.clone(), why: why.clone() });
    }
    let book = Arc::new(KeyBook::new(keys));
    let told = found.without_digests.iter().filter(|place| {
        jobs.iter().any(|job| {
            job.chain.account == place.account
                && job.chain.source_region == place.region
                && job.chain.organization == place.root.organization
        })
    });
    let told = told.cloned().collect();
    let is_here = |at: ObjectLocation| source.is_here(&at);
    let here = jobs.iter().all(|job| job.listed.any(&job.bucket).is_none_or(is_here));
    let room = Room::new(here, unneeded);
    let mut run = Run {
        plan,
        source,
        tally,
        told,
        gaps: Vec::new(),
        events: BTreeSet::new(),
        keys_told: BTreeSet::new(),
    };
    let mut search =
        plan.unlisted.then(|| UnlistedSearch::new(&run.source, &plan.bucket, &found.places));
    run.chains(jobs, room, &book, search.as_mut(), tell).await;
    run.explain(tell);
    run.unlisted(search, tell).await;
    run.without_digests(&found, tell).await;
    run.passed_over(tell);
    let summary = run.tally.finish();
    tell(&RunEvent::RunFinished(summary.clone()));
    summary
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

pub(super) struct Run<'a> {
    pub(super) plan: &'a VerifyPlan,
    pub(super) source: Arc<dyn ObjectSource>,
    pub(super) tally: RunTally,
    /// Places without digests whose chains are told as uncovered.
    pub(super) told: BTreeSet<Place>,
    pub(super) gaps: Vec<(ChainId, Segment)>,
    pub(super) events: BTreeSet<(ChainId, ExplainingEvent)>,
    /// Public keys that were told: region and fingerprint.
    keys_told: BTreeSet<(Region, String)>,
}

impl Run<'_> {
    /// Runs the chains, many at once, and tells each after the one before it.
    async fn chains(
        &mut self,
        jobs: Vec<ChainJob>,
        room: Room,
        book: &Arc<KeyBook>,
        mut search: Option<&mut UnlistedSearch>,
        tell: &mut (dyn FnMut(&RunEvent) + Send),
    ) {
        let places = Arc::new(Semaphore::new(CHAINS_AT_ONCE));
        let (queues, mut waiting) = mpsc::channel(CHAINS_AT_ONCE);
        let (source, book) = (Arc::clone(&self.source), Arc::clone(book));
        let names = search.as_deref().map(UnlistedSearch::hasher);
        // Places and shares are given in canonical order, so the chain that is being told always has
        // both.
        let starter = tokio::spawn(async move {
            for job in jobs {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let (to, from) = mpsc::channel::<Saying>(WAITING);
                let job = Arc::new(job);
                let digests = usize::try_from(job.digests()).unwrap_or(usize::MAX);
                let (share, turn) = room.share(digests).await;
                if queues.send((Arc::clone(&job), share, from)).await.is_err() {
                    return;
                }
                let (source, book) = (Arc::clone(&source), Arc::clone(&book));
                let names = names.clone();
                tokio::spawn(async move {
                    run_chain(job, source, book, names, turn, to).await;
                    drop(place);
                });
            }
        });
        while let Some((job, share, mut says)) = waiting.recv().await {
            share.give_back();
            let mut finished = false;
            while let Some(mut saying) = says.recv().await {
                for say in std::mem::take(&mut saying.says) {
                    finished |= self.say(say, &job, search.as_deref_mut(), tell).await;
                }
                // The place goes with it.
                drop(saying);
            }
            // A chain that ends without its summary died of a defect of ours.
            assert_finished(finished);
        }
        if let Err(error) = starter.await {
            std::panic::resume_unwind(error.into_panic());
        }
    }

    /// Takes what a chain says; returns whether that was its end.
    async fn say(
        &mut self,
        say: ChainSays,
        job: &ChainJob,
        search: Option<&mut UnlistedSearch>,
        tell: &mut (dyn FnMut(&RunEvent) + Send),
    ) -> bool {
        let mut finished = false;
        match say {
            ChainSays::Event(mut event) => {
                if let RunEvent::ChainFinished(summary) = event.as_mut() {
                    finished = true;
                    self.status(job, summary, tell).await;
                    self.tally.chain(summary);
                    if let Some(search) = search {
                        search.of(&job.chain).covered(&job.chain, &summary.segments);
                    }
                    let uncovered =
                        |segment: &&Segment| matches!(segment.coverage, Coverage::Uncovered(_));
                    let gaps = summary.segments.iter().filter(uncovered);
                    self.gaps.extend(gaps.map(|gap| (job.chain.clone(), *gap)));
                }
                tell(&event);
            }
            ChainSays::Log(judged) => tell(&RunEvent::LogJudged(judged)),
            ChainSays::Key(key) => {
                let name = (key.region.clone(), key.fingerprint.clone());
                if self.keys_told.insert(name) {
                    tell(&RunEvent::PublicKey(*key));
                }
            }
            ChainSays::Names(names) => {
                if let Some(search) = search {
                    search.of(&job.chain).add(names);
                }
            }
            ChainSays::Explains(events) => {
                self.events.extend(events.into_iter().map(|event| (job.chain.clone(), event)));
                while self.events.len() > EVENTS_KEPT {
                    self.events.pop_last();
                }
            }
        }
        finished
    }

    /// Asks for the trail's own word before the chain's summary is told.
    async fn status(
        &self,
        job: &ChainJob,
        summary: &mut ChainSummary,
        tell: &mut (dyn FnMut(&RunEvent) + Send),
    ) {
        let Some(status) = &self.plan.status else { return };
        let Some(event) = status.ask(job).await else { return };
        if let RunEvent::TrailStatus { finding: Some(_), .. } = &event {
            summary.counts.chain_findings += 1;
        }
        tell(&event);
    }
}

#[expect(clippy::panic, reason = "a chain that died must not be told as one that ended")]
fn assert_finished(finished: bool) {
    if !finished {
        panic!("a chain ended without its summary");
    }
}
