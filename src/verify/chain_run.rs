//! Runs one chain: brings the walks their facts, judges log files, tells the events in order.
use super::fetch::{DigestFetch, fetch_digest, fetch_log, fetch_log_and_search};
use super::keys::{ChainKeys, KeyBook};
use super::known::KnownLogs;
use super::ordered::{Closed, InOrder, Ordered, ordered};
use super::read_ahead::ReadAhead;
use super::room::Turn;
use super::seam::{AtSeam, Seam};
use super::told::{named, told};
use crate::core::backfill::BackfillWalk;
use crate::core::chain::ChainWalk;
use crate::core::chain_id::ChainId;
use crate::core::content::Hash;
use crate::core::explain::{ExplainingEvent, explaining_events};
use crate::core::finding::{Finding, Outcome};
use crate::core::judge::ProvenDigest;
use crate::core::key_layout::DigestKind;
use crate::core::location::ObjectLocation;
use crate::core::time::{HOUR, Period, Timestamp};
use crate::core::walk_facts::{Fact, ListedDigest, Need, Step};
use crate::event::{
    ChainTally, DigestJudged, LogJudged, LogNamed, Presence, PublicKeyTold, RunEvent, SeamJudged,
    Seen,
};
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
    /// Log files that need not be read again.
    pub(super) known: Option<Arc<KnownLogs>>,
    /// Where the chain joins on to the record before.
    pub(super) seam: Option<Seam>,
}

/// What a run makes of a chain beside its events.
#[derive(Debug)]
pub(super) enum ChainSays {
    /// The next event.
    Event(Box<RunEvent>),
    /// A public key by which the chain's digests are believed, before the first of them.
    Key(Box<PublicKeyTold>),
    /// Log files that a proven digest names: for the search for those that none names.
    Names(Vec<ObjectLocation>),
    /// Events of a verified log file that may explain a gap.
    Explains(Vec<ExplainingEvent>),
}

/// One thing in the order of the walk.
enum Item {
    Key(PublicKeyTold),
    Digest { judged: DigestJudged, names: Vec<ObjectLocation> },
    Log { judged: LogJudged, events: Vec<ExplainingEvent> },
    Named(LogNamed),
    Seam(SeamJudged),
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
    let keys = ChainKeys::new(&job.chain.source_region, keys);
    let driver =
        ChainDriver { job: &job, source: &source, keys, seen: None, at_seam: None, turn, queue };
    let told = tell(&job, results, &to);
    let (older, tally) = tokio::join!(driver.drive(), told);
    let (chain, presence) = (job.chain.clone(), job.presence.clone());
    let summary = tally.finish(chain, presence, older.unwrap_or(false), job.tail_from);
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
            Item::Key(key) => says.push(ChainSays::Key(Box::new(key))),
            Item::Digest { judged, names } => {
                tally.digest(&judged);
                says.push(ChainSays::Event(Box::new(RunEvent::DigestJudged(judged))));
                if !names.is_empty() {
                    says.push(ChainSays::Names(names));
                }
            }
            Item::Seam(seam) => {
                if seam.finding.is_some() {
                    tally.chain_finding();
                }
                says.push(ChainSays::Event(Box::new(RunEvent::SeamJudged(seam))));
            }
            Item::Named(named) => {
                says.push(ChainSays::Event(Box::new(RunEvent::LogNamed(named))));
            }
            Item::Log { judged, events } => {
                tally.log(&judged);
                says.push(ChainSays::Event(Box::new(RunEvent::LogJudged(judged))));
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
    keys: ChainKeys,
    /// The digest that was read last, and how it looked.
    seen: Option<(ObjectLocation, Seen)>,
    /// What the walk told of the digest at the seam.
    at_seam: Option<AtSeam>,
    turn: Turn,
    queue: Ordered<Item>,
}

impl ChainDriver<'_> {
    /// Walks both kinds of digest; says whether the chain has digests before the period.
    async fn drive(mut self) -> Result<bool, Closed> {
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
        self.join().await?;
        let older = walk.has_older();
        let mut walk = BackfillWalk::new(self.job.period, self.job.backfill.clone());
        loop {
            let fact = match walk.need() {
                Need::Nothing | Need::Older(_) => return Ok(older),
                need => self.find_out(need, &mut ahead, walk.ahead()).await,
            };
            for step in walk.feed(fact) {
                let kind = DigestKind::Backfill;
                let judged = DigestJudged {
                    outcome: told(&step.outcome),
                    seen: self.seen_of(&step.at),
                    at: step.at,
                    kind,
                    end: step.end,
                    notices: step.notices,
                    counts: true,
                };
                self.digest(judged, step.outcome, true, false).await?;
            }
        }
    }

    async fn find_out<'w>(
        &mut self,
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
                    DigestFetch::Read(read, seen) => {
                        self.seen = Some((at.clone(), seen));
                        Fact::Read(read)
                    }
                    DigestFetch::Missing => Fact::Missing,
                    DigestFetch::Unreadable(why) => Fact::Unreadable(why),
                }
            }
            Need::Keys { from, to } => self.keys.ask(*from, *to).await,
            Need::Older(_) | Need::Nothing => Fact::Older(false),
        }
    }

    /// Tells whether the chain joins on to the record before. A digest at the seam that the walk did
    /// not come to is asked for.
    async fn join(&self) -> Result<(), Closed> {
        let Some(seam) = &self.job.seam else { return Ok(()) };
        let seen = match self.at_seam {
            Some(seen) => seen,
            None => match fetch_digest(self.source.as_ref(), &seam.at).await {
                DigestFetch::Read(read, _) => AtSeam::There(read.content.hash),
                DigestFetch::Missing => AtSeam::Gone,
                DigestFetch::Unreadable(_) => AtSeam::Told,
            },
        };
        self.queue.ready(Item::Seam(seam.judge(seen))).await
    }

    /// How the digest at `at` looked, if it was read.
    fn seen_of(&mut self, at: &ObjectLocation) -> Seen {
        self.seen.take_if(|(seen, _)| seen == at).map(|(_, seen)| seen).unwrap_or_default()
    }

    async fn standard(&mut self, step: Step) -> Result<(), Closed> {
        // A digest that only anchors the walk is told and not counted; one that is forged there
        // counts all the same, or planting some would hide a missing tail.
        let missing = matches!(step.outcome, Outcome::Invalid(Finding::DigestMissing));
        let counts = !step.anchor || (matches!(step.outcome, Outcome::Invalid(_)) && !missing);
        let search = self.is_next_to_a_gap(step.end);
        let judged = DigestJudged {
            outcome: told(&step.outcome),
            seen: self.seen_of(&step.at),
            at: step.at,
            kind: DigestKind::Standard,
            end: step.end,
            notices: step.notices,
            counts,
        };
        self.digest(judged, step.outcome, !step.anchor, search).await
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
        &mut self,
        mut judged: DigestJudged,
        outcome: Outcome<ProvenDigest>,
        logs: bool,
        search: bool,
    ) -> Result<(), Closed> {
        let seam = self.job.seam.as_ref();
        self.at_seam = seam.and_then(|seam| seam.seen(&judged)).or(self.at_seam);
        let digest = match outcome {
            Outcome::Valid(ProvenDigest { digest, proofs }) => {
                // Its proof tells the hash.
                judged.seen.found = None;
                let signed = proofs.own_signature || proofs.successor_signature;
                if let Some(key) = self.keys.untold(&digest.fingerprint).filter(|_| signed) {
                    self.queue.ready(Item::Key(key)).await?;
                }
                Some(digest)
            }
            _ => None,
        };
        let names = digest
            .iter()
            .flat_map(|digest| digest.logs.iter().map(|log| log.location.clone()))
            .collect();
        self.queue.ready(Item::Digest { judged, names }).await?;
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
            // Next to a gap the content is searched for what explains it.
            let known = self.job.known.clone().filter(|_| !search);
            let work = async move {
                if let Some(known) = known
                    && let Some((proof, seen)) = known.unchanged(source.as_ref(), &at, &hash).await
                {
                    let outcome = Outcome::Valid(proof);
                    let judged = LogJudged { at, expected: hash, outcome, seen };
                    return Item::Log { judged, events: Vec::new() };
                }
                let (outcome, seen, content) = if search {
                    fetch_log_and_search(source.as_ref(), &at, &hash).await
                } else {
                    let (outcome, seen) = fetch_log(source.as_ref(), &at, &hash).await;
                    (outcome, seen, None)
                };
                let events = content
                    .map(|content| explaining_events(&content, &at, &bucket, &trail))
                    .unwrap_or_default();
                Item::Log { judged: LogJudged { at, expected: hash, outcome, seen }, events }
            };
            let place = self.turn.place().await;
            self.queue.pending_in(place, || tokio::spawn(work)).await?;
        }
        Ok(())
    }
}
