//! Runs one chain: supplies the walks with facts, judges log files, and reports events in order.
use super::job::ChainJob;
use super::log::judge_log;
use super::message::ChainBatch;
use super::moments::{APART, Moments};
use super::proof::{named, told};
use super::report::{Item, emit};
use crate::source::ObjectSource;
use crate::source::fetch::{DigestFetch, doubt, fetch_digest, unless_there_now};
use crate::source::stream::Held;
use crate::trust::key_book::{ChainKeys, KeyBook};
use crate::verify::resume::seam::{Seam, SeamDigest};
use crate::verify::schedule::batch::share_out;
use crate::verify::schedule::budget::ChainPermit;
use crate::verify::schedule::ordered::{Closed, Ordered, ordered};
use crate::verify::schedule::read_ahead::ReadAhead;
use crate::verify::unlisted::named_logs::Names;
use std::hash::RandomState;
use std::sync::Arc;
use tokio::sync::mpsc;
use trailproof_core::codes::finding::{Finding, Outcome};
use trailproof_core::codes::notice::Notice;
use trailproof_core::digest::document::{Digest, LogFile};
use trailproof_core::digest::judge::ProvenDigest;
use trailproof_core::record::{DigestJudged, ObjectFacts, RunEvent};
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::Timestamp;
use trailproof_core::walk::backfill::BackfillWalk;
use trailproof_core::walk::facts::{Fact, ListedDigest, Need, Step};
use trailproof_core::walk::standard::ChainWalk;

/// Maximum number of outstanding results of one chain.
const WINDOW: usize = 512;

/// Number of log files that are judged as one unit of work if they are read from a disk.
const TOGETHER: usize = 64;

/// Runs the chain and sends all of its messages to `to`. The names of its log files are hashed only
/// if the search for unlisted log files needs them.
pub(crate) async fn run_chain(
    job: Arc<ChainJob>,
    source: Arc<dyn ObjectSource>,
    keys: Arc<KeyBook>,
    moments: Arc<Moments>,
    names: Option<RandomState>,
    turn: ChainPermit,
    to: mpsc::Sender<ChainBatch>,
) {
    let (queue, results) = ordered(WINDOW);
    let keys = ChainKeys::new(&job.chain.source_region, keys);
    let driver = ChainDriver {
        job: &job,
        source: &source,
        keys,
        moments,
        seen: None,
        held: Held::default(),
        at_seam: None,
        names,
        turn,
        queue,
    };
    let told = emit(&job, results, &to);
    let (older, tally) = tokio::join!(driver.drive(), told);
    let (chain, presence) = (job.chain.clone(), job.presence.clone());
    let summary = tally.finish(chain, presence, older.unwrap_or(false));
    // The receiver is gone only if the run was abandoned.
    let _ = to.send(ChainBatch::of(RunEvent::ChainFinished(summary))).await;
}

struct ChainDriver<'a> {
    job: &'a Arc<ChainJob>,
    source: &'a Arc<dyn ObjectSource>,
    keys: ChainKeys,
    /// Times at which chains of the run begin and end.
    moments: Arc<Moments>,
    /// Location of the digest that was read last, and its observed properties.
    seen: Option<(ObjectLocation, ObjectFacts)>,
    /// Memory that this digest holds, until the walk has released it.
    held: Held,
    /// What the walk found about the digest at the seam.
    at_seam: Option<SeamDigest>,
    names: Option<RandomState>,
    turn: ChainPermit,
    queue: Ordered<Item>,
}

impl ChainDriver<'_> {
    /// Walks both kinds of digest; returns whether the chain has digests before the period.
    async fn drive(mut self) -> Result<bool, Closed> {
        let mut ahead = ReadAhead::new(
            Arc::clone(self.source),
            self.turn.digests_ahead(),
            self.turn.unneeded(),
        );
        let listed = self.listed(DigestKind::Standard);
        let mut walk = ChainWalk::new(self.job.period, listed);
        loop {
            let fact = match walk.need() {
                Need::Nothing => break,
                Need::Older(before) => {
                    Fact::Older(self.job.older.is_some_and(|older| older <= *before))
                }
                need => self.find_out(need, &mut ahead, walk.ahead()).await,
            };
            let steps = walk.feed(fact);
            self.let_go(walk.need());
            for step in steps {
                self.standard(step).await?;
            }
        }
        self.join().await?;
        let older = walk.has_older();
        let listed = self.listed(DigestKind::Backfill);
        let mut walk = BackfillWalk::new(self.job.period, listed);
        loop {
            let fact = match walk.need() {
                Need::Nothing | Need::Older(_) => return Ok(older),
                need => self.find_out(need, &mut ahead, walk.ahead()).await,
            };
            let steps = walk.feed(fact);
            self.let_go(walk.need());
            for mut step in steps {
                let kind = DigestKind::Backfill;
                step.outcome = self.unless_in_doubt(step.outcome, &step.at).await;
                // An anchor is read for the names of log files and does not count.
                let anchor = step.end > self.job.period.end;
                let mut notices = step.notices;
                notices.extend(anchor.then_some(Notice::Anchor));
                let judged = DigestJudged {
                    outcome: told(&step.outcome),
                    seen: self.seen_of(&step.at),
                    at: step.at,
                    kind,
                    end: step.end,
                    counts: !anchor && !notices.contains(&Notice::DigestCopied),
                    notices,
                };
                self.digest(judged, step.outcome, !anchor, false).await?;
            }
        }
    }

    /// Releases the digest that was read last, unless the walk keeps it while it waits for keys.
    fn let_go(&mut self, need: &Need) {
        if !matches!(need, Need::Keys { .. } | Need::KeysSince(_)) {
            self.held = Held::default();
        }
    }

    fn listed(&self, kind: DigestKind) -> Vec<ListedDigest> {
        self.job.listed.digests(kind, &self.job.bucket)
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
                    ahead.look_ahead(std::iter::once(at).chain(next));
                }
                let read = ahead.take(at).await;
                match unless_there_now(read, self.source.as_ref(), at).await {
                    DigestFetch::Read(read, seen, held) => {
                        self.seen = Some((at.clone(), seen));
                        self.held = held;
                        Fact::Read(read)
                    }
                    DigestFetch::Missing => Fact::Missing,
                    DigestFetch::Unreadable(why) => Fact::Unreadable(why),
                }
            }
            Need::Keys { from, to } => self.keys.ask(*from, *to).await,
            Need::KeysSince(from) => self.keys.ask_since(*from).await,
            Need::Older(_) | Need::Nothing => Fact::Older(false),
        }
    }

    /// Reports whether the chain continues from the previous record. If the walk did not reach the
    /// digest at the seam, it is fetched.
    async fn join(&self) -> Result<(), Closed> {
        let Some(seam) = &self.job.seam else { return Ok(()) };
        let seen = match self.at_seam {
            Some(seen) => seen,
            None => match self.at_seam(seam).await {
                // Without a complete gzip member there is no hash to compare.
                DigestFetch::Read(read, ..) if !read.content.form.is_settled() => SeamDigest::Told,
                DigestFetch::Read(read, ..) => SeamDigest::There(read.content.hash),
                DigestFetch::Missing => SeamDigest::Gone,
                DigestFetch::Unreadable(_) => SeamDigest::Told,
            },
        };
        self.queue.ready(Item::Seam(seam.judge(seen))).await
    }

    /// Reads the digest at the seam, and reads it again if it is not the one that was proven: a
    /// transmission error is not tampering.
    async fn at_seam(&self, seam: &Seam) -> DigestFetch {
        let first = fetch_digest(self.source.as_ref(), &seam.at).await;
        let first = unless_there_now(first, self.source.as_ref(), &seam.at).await;
        if let DigestFetch::Read(read, ..) = &first
            && read.content.hash != seam.hash
        {
            // If both are large, the second would wait for the memory of the first.
            drop(first);
            if let Some(why) = doubt(self.source.as_ref(), &seam.at).await {
                return DigestFetch::Unreadable(why);
            }
            return fetch_digest(self.source.as_ref(), &seam.at).await;
        }
        if let DigestFetch::Missing = first
            && let Some(why) = doubt(self.source.as_ref(), &seam.at).await
        {
            return DigestFetch::Unreadable(why);
        }
        first
    }

    /// Returns the observed properties of the digest at `at`, if it was read.
    fn seen_of(&mut self, at: &ObjectLocation) -> ObjectFacts {
        self.seen.take_if(|(seen, _)| seen == at).map(|(_, seen)| seen).unwrap_or_default()
    }

    /// Returns the outcome, or why the digest could not be read if it is a finding for which nobody is to
    /// be accused. An unproven digest steers no walk, so a changed outcome has no effect on the walk.
    async fn unless_in_doubt(
        &self,
        outcome: Outcome<ProvenDigest>,
        at: &ObjectLocation,
    ) -> Outcome<ProvenDigest> {
        match &outcome {
            Outcome::Invalid(_) => {
                doubt(self.source.as_ref(), at).await.map_or(outcome, Outcome::Unverified)
            }
            _ => outcome,
        }
    }

    async fn standard(&mut self, mut step: Step) -> Result<(), Closed> {
        step.outcome = self.unless_in_doubt(step.outcome, &step.at).await;
        // A digest that only anchors the walk is reported but not counted. A forged one counts
        // nevertheless; otherwise planted digests could hide a missing tail.
        let missing = matches!(step.outcome, Outcome::Invalid(Finding::DigestMissing));
        let counts = !step.anchor || (matches!(step.outcome, Outcome::Invalid(_)) && !missing);
        let counts = counts && !step.notices.contains(&Notice::DigestCopied);
        let search = self.moments.are_near(step.end)
            || self.is_next_to_a_gap(step.end)
            || self.moments.may_restart(&self.job.chain);
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

    /// Returns whether the listing lacks the digest right before or right after this one.
    fn is_next_to_a_gap(&self, end: Timestamp) -> bool {
        let apart =
            |one: Option<Timestamp>| one.is_none_or(|one| (one.unix() - end.unix()).abs() > APART);
        self.job.listed.around(end).into_iter().any(apart)
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
                // The hash is in its proof.
                judged.seen.found = None;
                let signed = proofs.own_signature || proofs.successor_signature;
                if let Some(key) = self.keys.untold(&digest.fingerprint).filter(|_| signed) {
                    self.queue.ready(Item::Key(key)).await?;
                }
                Some(digest)
            }
            _ => None,
        };
        let region = &self.job.chain.source_region;
        let named = self.names.as_ref().zip(digest.as_ref());
        let names = named.map(|(hasher, digest)| Names::of(hasher, digest, region));
        let names = names.unwrap_or_default();
        // A search for single log files reads few of them, and a trail beside the scope none.
        let reads_logs = logs && !self.job.names_only && self.job.only.is_none();
        let to_read = digest.as_ref().filter(|_| reads_logs).map_or(0, |digest| digest.logs.len());
        self.turn.workload().digest(to_read);
        let permit = self.turn.permit(1).await;
        self.queue.ready_in(permit, Item::Digest { judged: Box::new(judged), names }).await?;
        match digest.filter(|_| logs && !self.job.names_only) {
            Some(digest) => self.logs(&digest, search).await,
            None => Ok(()),
        }
    }

    /// Judges the digest's log files: one by one if each read has to wait for the store, in groups
    /// if they are read from a disk.
    async fn logs(&self, digest: &Digest, search: bool) -> Result<(), Closed> {
        let one_by_one = self.job.only.is_some()
            || !digest.logs.iter().all(|log| self.source.is_local(&log.location));
        for logs in digest.logs.chunks(if one_by_one { 1 } else { TOGETHER }) {
            if let ([log], Some(only)) = (logs, &self.job.only) {
                if !only.has(log) {
                    continue;
                }
                self.queue.ready(Item::Named(named(log, digest))).await?;
                if only.all_unread {
                    continue;
                }
            }
            let permit = self.turn.permit(logs.len()).await;
            let (source, job) = (Arc::clone(self.source), Arc::clone(self.job));
            let judge =
                move |log: LogFile| judge_log(Arc::clone(&source), Arc::clone(&job), search, log);
            let mut logs = logs.to_vec();
            let start = || match (logs.pop(), logs.is_empty()) {
                (Some(only), true) => {
                    tokio::spawn(async move { Item::Logs(vec![judge(only).await]) })
                }
                (last, _) => {
                    logs.extend(last);
                    tokio::spawn(async move { Item::Logs(share_out(logs, judge).await) })
                }
            };
            self.queue.pending_in(permit, start).await?;
        }
        Ok(())
    }
}
