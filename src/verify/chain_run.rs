//! Runs one chain: brings the walks their facts, judges log files, tells the events in order.
use super::chain_tally::ChainTally;
use super::fetch::{DigestFetch, fetch_log, fetch_log_and_search};
use super::keys::KeyBook;
use super::ordered::{Closed, InOrder, Ordered, ordered};
use super::read_ahead::ReadAhead;
use super::room::Turn;
use crate::core::backfill::BackfillWalk;
use crate::core::chain::ChainWalk;
use crate::core::chain_id::ChainId;
use crate::core::content::Hash;
use crate::core::coverage::Standing;
use crate::core::digest::{Digest, LogFile};
use crate::core::explain::{ExplainingEvent, explaining_events};
use crate::core::finding::{Finding, Outcome};
use crate::core::judge::ProvenDigest;
use crate::core::key_layout::DigestKind;
use crate::core::location::ObjectLocation;
use crate::core::log_check::LogProof;
use crate::core::time::{HOUR, Period, Timestamp};
use crate::core::walk_facts::{Fact, ListedDigest, Need, Step};
use crate::event::{DigestJudged, DigestProof, LogNamed, Presence, RunEvent};
use crate::source::ObjectSource;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Results of one chain that may be outstanding at once.
const WINDOW: usize = 512;

/// Two listed digests that are further apart than this have something between them that an event
/// may explain: an hour is what a digest covers, and a few minutes are what they are off.
const APART: i64 = HOUR + HOUR / 2;

/// What a chain is run with.
#[derive(Clone, Debug)]
pub(super) struct ChainJob {
    pub(super) chain: ChainId,
    pub(super) bucket: String,
    pub(super) period: Period,
    /// From when on the newest digest may still be on its way.
    pub(super) tail_from: Timestamp,
    pub(super) standard: Vec<ListedDigest>,
    pub(super) backfill: Vec<ListedDigest>,
    pub(super) older: Option<Timestamp>,
    pub(super) presence: Presence,
    /// The log files to look at, by the hash that a digest names; all of them where there is none.
    pub(super) only: Option<Arc<BTreeSet<Hash>>>,
}

/// What a run makes of a chain beside its events.
#[derive(Debug)]
pub(super) enum ChainSays {
    /// The next event.
    Event(Box<RunEvent>),
    /// Log files that a proven digest names: for the search for those that none names.
    Names(Vec<ObjectLocation>),
    /// Events of a verified log file that may explain a gap.
    Explains(Vec<ExplainingEvent>),
}

/// One thing in the order of the walk.
enum Item {
    Digest { judged: DigestJudged, standing: Option<Standing>, names: Vec<ObjectLocation> },
    Log { at: ObjectLocation, outcome: Outcome<LogProof>, events: Vec<ExplainingEvent> },
    Named(LogNamed),
}

/// Runs the chain and says everything into `to`.
pub(super) async fn run_chain(
    job: Arc<ChainJob>,
    source: Arc<dyn ObjectSource>,
    keys: Arc<KeyBook>,
    turn: Turn,
    to: mpsc::Sender<ChainSays>,
) {
    let (queue, results) = ordered(WINDOW);
    let driver = ChainDriver { job: &job, source: &source, keys: &keys, turn, queue };
    let told = tell(&job, results, &to);
    let (older, tally) = tokio::join!(driver.drive(), told);
    let summary = tally.finish(&job, older.unwrap_or(false));
    // Nobody listens any more only when the run was given up.
    let _ = to.send(ChainSays::Event(Box::new(RunEvent::ChainFinished(summary)))).await;
}

async fn tell(
    job: &ChainJob,
    mut results: InOrder<Item>,
    to: &mpsc::Sender<ChainSays>,
) -> ChainTally {
    let mut tally = ChainTally::new(job.period);
    let started = RunEvent::ChainStarted { chain: job.chain.clone() };
    let mut open = to.send(ChainSays::Event(Box::new(started))).await.is_ok();
    while let Some(item) = results.next().await {
        let mut says = Vec::new();
        match item {
            Item::Digest { judged, standing, names } => {
                tally.digest(&judged, standing);
                says.push(ChainSays::Event(Box::new(RunEvent::DigestJudged(judged))));
                if !names.is_empty() {
                    says.push(ChainSays::Names(names));
                }
            }
            Item::Named(named) => {
                says.push(ChainSays::Event(Box::new(RunEvent::LogNamed(named))));
            }
            Item::Log { at, outcome, events } => {
                tally.log(&outcome);
                says.push(ChainSays::Event(Box::new(RunEvent::LogJudged { at, outcome })));
                if !events.is_empty() {
                    says.push(ChainSays::Explains(events));
                }
            }
        }
        for say in says {
            open = open && to.send(say).await.is_ok();
        }
        if !open {
            break;
        }
    }
    tally
}

struct ChainDriver<'a> {
    job: &'a ChainJob,
    source: &'a Arc<dyn ObjectSource>,
    keys: &'a Arc<KeyBook>,
    turn: Turn,
    queue: Ordered<Item>,
}

impl ChainDriver<'_> {
    /// Walks both kinds of digest; says whether the chain has digests before the period.
    async fn drive(self) -> Result<bool, Closed> {
        let mut ahead = ReadAhead::new(
            Arc::clone(self.source),
            self.turn.digests_ahead(),
            self.turn.unneeded(),
        );
        let mut walk = ChainWalk::new(self.job.period, self.job.standard.clone());
        loop {
            let fact = match walk.need() {
                Need::Nothing => break,
                Need::Older(before) => {
                    Fact::Older(self.job.older.is_some_and(|older| older <= *before))
                }
                need => self.find_out(need, &mut ahead, walk.ahead()).await,
            };
            for step in walk.feed(fact) {
                self.standard(step).await?;
            }
        }
        let older = walk.has_older();
        let mut walk = BackfillWalk::new(self.job.period, self.job.backfill.clone());
        loop {
            let fact = match walk.need() {
                Need::Nothing | Need::Older(_) => return Ok(older),
                need => self.find_out(need, &mut ahead, walk.ahead()).await,
            };
            if let Some(step) = walk.feed(fact) {
                let judged = judged(
                    step.at,
                    DigestKind::Backfill,
                    step.end,
                    &step.outcome,
                    step.notices,
                    true,
                );
                self.digest(judged, None, step.outcome, true, false).await?;
            }
        }
    }

    async fn find_out<'w>(
        &self,
        need: &'w Need,
        ahead: &mut ReadAhead,
        next: impl Iterator<Item = &'w ObjectLocation>,
    ) -> Fact {
        match need {
            Need::Digest(at) => {
                if ahead.wants_more() {
                    ahead.look_ahead(std::iter::once(at).chain(next).cloned());
                }
                match ahead.take(at).await {
                    DigestFetch::Read(read) => Fact::Read(read),
                    DigestFetch::Missing => Fact::Missing,
                    DigestFetch::Unreadable(why) => Fact::Unreadable(why),
                }
            }
            Need::Keys { from, to } => {
                self.keys.keys(&self.job.chain.source_region, *from, *to).await
            }
            Need::Older(_) | Need::Nothing => Fact::Older(false),
        }
    }

    async fn standard(&self, step: Step) -> Result<(), Closed> {
        // A digest that only anchors the walk is told and not counted; one that is forged there
        // counts all the same, or planting some would hide a missing tail.
        let missing = matches!(step.outcome, Outcome::Invalid(Finding::DigestMissing));
        let counts = !step.anchor || (matches!(step.outcome, Outcome::Invalid(_)) && !missing);
        let search = self.is_next_to_a_gap(step.end);
        let judged =
            judged(step.at, DigestKind::Standard, step.end, &step.outcome, step.notices, counts);
        self.digest(judged, step.standing, step.outcome, !step.anchor, search).await
    }

    /// Whether the listing has nothing right before or right after this digest.
    fn is_next_to_a_gap(&self, end: Timestamp) -> bool {
        let listed = &self.job.standard;
        let at = listed.partition_point(|digest| digest.end < end);
        let newer = listed.get(at..).and_then(|rest| rest.iter().find(|d| d.end > end));
        let older = at.checked_sub(1).and_then(|at| listed.get(at));
        let apart = |one: Option<&ListedDigest>| {
            one.is_none_or(|one| (one.end.unix() - end.unix()).abs() > APART)
        };
        apart(newer) || apart(older)
    }

    async fn digest(
        &self,
        judged: DigestJudged,
        standing: Option<Standing>,
        outcome: Outcome<ProvenDigest>,
        logs: bool,
        search: bool,
    ) -> Result<(), Closed> {
        let digest = match outcome {
            Outcome::Valid(proven) => Some(proven.digest),
            _ => None,
        };
        let names = digest
            .iter()
            .flat_map(|digest| digest.logs.iter().map(|log| log.location.clone()))
            .collect();
        self.queue.ready(Item::Digest { judged, standing, names }).await?;
        for log in digest.iter().filter(|_| logs).flat_map(|digest| &digest.logs) {
            if let Some(only) = &self.job.only {
                if !only.contains(&log.hash) {
                    continue;
                }
                if let Some(digest) = &digest {
                    self.queue.ready(Item::Named(named(log, digest))).await?;
                }
            }
            let source = Arc::clone(self.source);
            let (at, hash) = (log.location.clone(), log.hash);
            let (bucket, trail) = (self.job.bucket.clone(), self.job.chain.trail.to_string());
            let work = async move {
                if search {
                    let (outcome, content) =
                        fetch_log_and_search(source.as_ref(), &at, &hash).await;
                    let events = content
                        .map(|content| explaining_events(&content, &at, &bucket, &trail))
                        .unwrap_or_default();
                    Item::Log { at, outcome, events }
                } else {
                    let outcome = fetch_log(source.as_ref(), &at, &hash).await;
                    Item::Log { at, outcome, events: Vec::new() }
                }
            };
            let place = self.turn.place().await;
            self.queue.pending_in(place, || tokio::spawn(work)).await?;
        }
        Ok(())
    }
}

fn named(log: &LogFile, digest: &Digest) -> LogNamed {
    LogNamed {
        at: log.location.clone(),
        hash: log.hash,
        digest: digest.location.clone(),
        start: digest.start,
        end: digest.end,
        fingerprint: digest.fingerprint.clone(),
    }
}

fn judged(
    at: ObjectLocation,
    kind: DigestKind,
    end: Timestamp,
    outcome: &Outcome<ProvenDigest>,
    notices: Vec<crate::core::notice::Notice>,
    counts: bool,
) -> DigestJudged {
    let outcome = match outcome {
        Outcome::Valid(proven) => Outcome::Valid(DigestProof {
            start: proven.digest.start,
            hash: proven.digest.hash,
            proofs: proven.proofs,
            logs: proven.digest.logs.len(),
        }),
        Outcome::Invalid(finding) => Outcome::Invalid(finding.clone()),
        Outcome::Unverified(why) => Outcome::Unverified(why.clone()),
    };
    DigestJudged { at, kind, end, outcome, notices, counts }
}
