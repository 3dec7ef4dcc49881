//! Walks the chains of a run, or of a part of it, many at once, and reports them in canonical order.
use super::after_chains::{AfterChains, GapsOf, passed_over};
use super::chain::job::ChainJob;
use super::chain::message::{ChainBatch, ChainMessage};
use super::chain::moments::Moments;
use super::chain::run::run_chain;
use super::discover::beside::with_trails_beside;
use super::discover::ends::{self, Ends};
use super::discover::jobs::{Across, jobs};
use super::discover::places::{Uncovered, answers};
use super::part::Part;
use super::plan::VerifyPlan;
use super::schedule::budget::ResultBudget;
use super::targets::LookupTargets;
use super::trail_status::DeliversHere;
use super::unlisted::search::{Beside, SearchedPlaces, UnlistedSearch};
use super::unlisted::unvalidated::Unvalidated;
use crate::locate::discover::Found;
use crate::source::ObjectSource;
use crate::trust::key_book::KeyBook;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::{Semaphore, mpsc};
use trailproof_core::codes::finding::Outcome;
use trailproof_core::codes::notice::Notice;
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::record::{ChainSummary, DigestJudged, PublicKeyUsed, RunEvent};
use trailproof_core::trail_event::KeyName;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;

/// Maximum number of messages of one chain that wait for earlier chains to be reported. The shared
/// budget limits them in total.
const WAITING: usize = 256;

/// Number of chains that run at once. With this many, even chains of one digest saturate the store.
const CHAINS_AT_ONCE: usize = 96;

/// Maximum number of KMS keys kept for one chain. A trail rarely changes its key.
const KMS_KEYS: usize = 16;

/// The size of what a run, or a part of it, is about to verify.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Number of chains.
    pub(crate) chains: u64,
    /// Number of digests.
    pub(crate) digests: u64,
    /// Trails that the scope leaves out.
    pub(crate) left_out: BTreeSet<String>,
}

impl Listed {
    /// Adds the size of a different part.
    pub(crate) fn join(&mut self, other: Self) {
        self.chains += other.chains;
        self.digests += other.digests;
        self.left_out.extend(other.left_out);
    }
}

/// What is known before chains are walked.
pub(crate) struct ToWalk<'p> {
    pub(crate) plan: &'p VerifyPlan,
    /// What was found in the part.
    pub(crate) found: Found,
    pub(crate) uncovered: Uncovered,
    /// What all parts know of each other.
    pub(crate) across: &'p Across,
    pub(crate) part: Part,
    /// The log files to read; `None` for all.
    pub(crate) only: Option<Arc<LookupTargets>>,
    /// The places to search for log files that no digest names, and the folders beside them.
    pub(crate) search: Option<(SearchedPlaces, Beside)>,
    /// The trail whose status is about this evidence.
    pub(crate) status: Option<DeliversHere>,
    pub(crate) unvalidated: Arc<Unvalidated>,
}

/// Chains that are ready to be walked.
pub(crate) struct Prepared<'p> {
    run: Run<'p>,
    jobs: Vec<ChainJob>,
    budget: ResultBudget,
    book: Arc<KeyBook>,
    moments: Arc<Moments>,
    search: Option<UnlistedSearch>,
    listed: Listed,
}

impl<'p> Prepared<'p> {
    /// Makes the jobs of a part, and looks at the ends of chains without digests.
    pub(crate) async fn new(
        to_walk: ToWalk<'p>,
        source: Arc<dyn ObjectSource>,
        book: Arc<KeyBook>,
        unneeded: &Arc<AtomicU64>,
    ) -> Self {
        let ToWalk { plan, mut found, uncovered, across, part, only, search, status, unvalidated } =
            to_walk;
        let mut jobs = jobs(plan, &mut found, across, &part, only.as_ref());
        let is_local = |at: ObjectLocation| source.is_local(&at);
        let here = jobs.iter().all(|job| job.listed.any(&job.bucket).is_none_or(is_local));
        let budget = ResultBudget::new(here, unneeded, &plan.workload);
        let Ends { ended, causes, keys } = ends::look(&mut jobs, &source, &book, &budget).await;
        let listed = Listed {
            chains: u64::try_from(jobs.len()).unwrap_or(u64::MAX),
            digests: jobs.iter().map(ChainJob::digests).sum(),
            left_out: found.left_out.clone(),
        };
        let mut after = AfterChains::new(plan);
        after.answers = answers(plan, &found, &uncovered, &jobs);
        after.ended = ended;
        after.tally.passed_over = found.passed_over;
        causes.into_iter().for_each(|cause| after.causes.take(cause));
        let search = search
            .map(|(known, beside)| UnlistedSearch::new(&source, plan, known, beside, unvalidated));
        let jobs = match search {
            Some(_) => with_trails_beside(plan, &mut found, jobs),
            None => jobs,
        };
        let run = Run {
            plan,
            source,
            after,
            kms_keys: BTreeSet::new(),
            status,
            keys_of_ends: keys,
            reported_keys: BTreeSet::new(),
        };
        let moments = Arc::new(across.moments.clone());
        Self { run, jobs, budget, book, moments, search, listed }
    }

    /// Returns the size of what is walked.
    pub(crate) fn listed(&self) -> &Listed {
        &self.listed
    }

    /// Walks the chains, and returns what the end of the run follows from.
    pub(crate) async fn walk(self, emit: &mut (dyn FnMut(&RunEvent) + Send)) -> AfterChains {
        let Self { mut run, jobs, budget, book, moments, mut search, listed: _ } = self;
        run.chains(jobs, budget, &book, &moments, search.as_mut(), emit).await;
        run.report_keys_of_ends(None, emit);
        if let Some(search) = search {
            run.after.unlisted = Some(search.finish().await);
        }
        run.after.passed_over = passed_over(run.source.as_ref());
        run.after
    }
}

struct Run<'a> {
    plan: &'a VerifyPlan,
    source: Arc<dyn ObjectSource>,
    after: AfterChains,
    /// KMS keys with which log files of the current chain are encrypted.
    kms_keys: BTreeSet<KeyName>,
    /// The trail whose status is about this evidence.
    status: Option<DeliversHere>,
    /// Public keys that the ends of chains rely on, by chain, until they are reported.
    keys_of_ends: BTreeMap<ChainId, Vec<PublicKeyUsed>>,
    /// Public keys that were reported, by region and fingerprint.
    reported_keys: BTreeSet<(Region, String)>,
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
            self.report_keys_of_ends(Some(&job.chain), emit);
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
                    // That no log file is unlisted relies on it.
                    ChainMessage::Key(key) => {
                        self.report_key(*key, emit);
                        false
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
                    self.after.other_places.note(self.plan, judged);
                }
                if let RunEvent::ChainFinished(summary) = event.as_mut() {
                    finished = true;
                    self.status(job, summary, emit).await;
                    self.after.chain(summary);
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
                        self.after.gaps.push(GapsOf { chain, also, folders, kms_keys, gaps });
                    }
                }
                if let RunEvent::SeamJudged(seam) = event.as_ref() {
                    self.after.tally.not_joined += u64::from(!seam.joined);
                }
                emit(&event);
            }
            ChainMessage::Log(judged) => emit(&RunEvent::LogJudged(judged)),
            ChainMessage::Key(key) => self.report_key(*key, emit),
            ChainMessage::Names(names) => {
                if let Some(search) = search {
                    search.add(&job.chain, names);
                }
            }
            ChainMessage::Explains(events) => {
                events.into_iter().for_each(|cause| self.after.causes.take(cause));
            }
            ChainMessage::EncryptedWith(key) => {
                if self.kms_keys.len() < KMS_KEYS {
                    self.kms_keys.insert(key);
                }
            }
        }
        finished
    }

    /// Reports a public key, once in a run. It may stand between two chains.
    fn report_key(&mut self, key: PublicKeyUsed, emit: &mut (dyn FnMut(&RunEvent) + Send)) {
        if self.reported_keys.insert((key.region.clone(), key.fingerprint.clone())) {
            emit(&RunEvent::PublicKey(key));
        }
    }

    /// Reports the public keys that the ends of chains rely on, up to this chain. A chain that moved
    /// is not reported itself, so they stand before the next one.
    fn report_keys_of_ends(
        &mut self,
        until: Option<&ChainId>,
        emit: &mut (dyn FnMut(&RunEvent) + Send),
    ) {
        while let Some(of_end) = self.keys_of_ends.first_entry()
            && until.is_none_or(|until| of_end.key() <= until)
        {
            of_end.remove().into_iter().for_each(|key| self.report_key(key, emit));
        }
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
