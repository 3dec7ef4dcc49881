//! Runs `validate-logs`: one chain in the AWS CLI's order, with objects fetched ahead.
use super::narrate::{Narrator, facts};
use super::plan::{Abort, AwsPlan};
use crate::locate::one_chain::list_digests;
use crate::source::ObjectSource;
use crate::source::fetch::{DigestFetch, JudgeLog, fetch_log};
use crate::source::stream::Held;
use crate::trust::KeyService;
use crate::trust::key_book::ask_keys;
use crate::verify::schedule::ordered::{Closed, Ordered, ordered};
use crate::verify::schedule::read_ahead::ReadAhead;
use std::sync::Arc;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::finding::Outcome;
use trailproof_core::compat::event::{Event, Tallies};
use trailproof_core::compat::facts::{Fact, Need, Step};
use trailproof_core::compat::walk::AwsWalk;
use trailproof_core::digest::signing::KeyRing;
use trailproof_core::vocab::key_layout::{DigestKey, DigestKind};
use trailproof_core::vocab::time::HOUR;

/// Maximum number of outstanding results. Each holds a location and little more. This many keep any
/// store busy while the oldest of them is slow.
const WINDOW: usize = 384;

/// Digests fetched ahead of the walk: at 20 log files per digest, four times what is in flight.
const DIGESTS_AHEAD: usize = 48;

/// Walks the plan's chain, first standard and then backfill digests, and passes every event to
/// `emit` in order.
///
/// # Errors
///
/// Returns the reason if the run is aborted. Events up to then have been reported.
pub async fn validate_logs(
    mut plan: AwsPlan,
    source: Arc<dyn ObjectSource>,
    keys: &dyn KeyService,
    emit: &mut dyn FnMut(&Event),
) -> Result<Tallies, Abort> {
    let mut narrator = Narrator::new(plan.period);
    let mut told = |narrator: &mut Narrator, event: &Event| {
        narrator.note(event);
        emit(event);
    };
    let started =
        Event::RunStarted { trail_arn: plan.arn.as_str().to_owned(), period: plan.period };
    told(&mut narrator, &started);

    let listed = plan.first_listing(source.as_ref()).await?;
    let ring = period_keys(&plan, keys).await?;
    // Each walk takes the digests of its kind out of the listing, so they are in memory only once.
    let (standard, backfill): (Vec<_>, Vec<_>) =
        listed.into_iter().partition(|key| key.kind == DigestKind::Standard);
    for (kind, listed, ring) in [
        (DigestKind::Standard, standard, ring),
        (DigestKind::Backfill, backfill, KeyRing::default()),
    ] {
        let walk = AwsWalk::new(kind, &plan.bucket, plan.period, ring);
        let (queue, mut results) = ordered(WINDOW);
        let held = Held::default();
        let driver = Driver { plan: &plan, source: &source, keys, kind, queue, held };
        let produce = driver.drive(walk, listed);
        let consume = async {
            while let Some(event) = results.next().await {
                told(&mut narrator, &event);
            }
        };
        // The queue closes when the driver is done, which ends the consumer.
        let (_, ()) = tokio::join!(produce, consume);
    }
    let (finished, tallies) = narrator.finish();
    emit(&finished);
    Ok(tallies)
}

/// Fetches the keys for standard digests. A digest near the end may be signed by a key that became
/// valid later, so the span is extended by two hours, as in the AWS CLI.
async fn period_keys(plan: &AwsPlan, keys: &dyn KeyService) -> Result<KeyRing, Abort> {
    let (from, to) = (plan.period.start, plan.period.end.plus(2 * HOUR));
    let ring = ask_keys(keys, None, from, to).await.map_err(Abort::Service)?;
    if ring.is_empty() { Err(Abort::NoPublicKeys { from, to }) } else { Ok(ring) }
}

/// Supplies one walk with the facts that it needs.
struct Driver<'a> {
    plan: &'a AwsPlan,
    source: &'a Arc<dyn ObjectSource>,
    keys: &'a dyn KeyService,
    kind: DigestKind,
    queue: Ordered<Event>,
    /// Memory that the digest read last holds, until the walk has released it.
    held: Held,
}

impl Driver<'_> {
    async fn drive(
        mut self,
        mut walk: AwsWalk,
        first_listing: Vec<DigestKey>,
    ) -> Result<(), Closed> {
        let mut first_listing = Some(first_listing);
        let mut ahead = ReadAhead::new(Arc::clone(self.source), DIGESTS_AHEAD, Arc::default());
        loop {
            let fact = match walk.need() {
                Need::Nothing => return Ok(()),
                Need::Listing { bucket, from, to } => match first_listing.take() {
                    Some(keys) => Fact::Listed(keys),
                    None => {
                        let chain = &self.plan.chain;
                        match list_digests(self.source.as_ref(), bucket, chain, *from, *to).await {
                            Ok(keys) => Fact::Listed(keys),
                            Err(why) => Fact::ListingFailed(why),
                        }
                    }
                },
                Need::Keys { from, to } => match ask_keys(self.keys, None, *from, *to).await {
                    Ok(ring) => Fact::Keys(ring),
                    Err(error) => {
                        let kind = ReadFailureKind::KeysUnavailable;
                        Fact::KeysFailed(ReadFailure::new(kind, error.to_string()))
                    }
                },
                Need::Digest(at) => {
                    if ahead.wants_more() {
                        ahead.look_ahead(std::iter::once(at.clone()).chain(walk.ahead()));
                    }
                    match ahead.take(at).await {
                        DigestFetch::Read(read, _, part) => {
                            self.held = part;
                            Fact::Read(read)
                        }
                        DigestFetch::Missing => Fact::Missing,
                        DigestFetch::Unreadable(why) => Fact::Unreadable(why),
                    }
                }
            };
            let steps = walk.feed(fact);
            if !matches!(walk.need(), Need::Keys { .. }) {
                self.held = Held::default();
            }
            for step in steps {
                self.emit(step).await?;
            }
        }
    }

    async fn emit(&self, step: Step) -> Result<(), Closed> {
        let kind = self.kind;
        match step {
            Step::Gap { from, to } => self.queue.ready(Event::GapFound { kind, from, to }).await,
            Step::Unlisted(bucket, why) => {
                self.queue.ready(Event::ListingUnread { bucket, kind, why }).await
            }
            Step::Judged(at, outcome) => {
                let digest = match &outcome {
                    Outcome::Valid(digest) => Some(Arc::clone(digest)),
                    _ => None,
                };
                let outcome = facts(outcome);
                self.queue.ready(Event::DigestJudged { at, kind, outcome }).await?;
                for log in digest.iter().flat_map(|digest| &digest.logs) {
                    let source = Arc::clone(self.source);
                    let (at, hash) = (log.location.clone(), log.hash);
                    let work = async move {
                        let judge = JudgeLog::AsTheAwsCli;
                        let (outcome, _) = fetch_log(source.as_ref(), &at, &hash, judge).await;
                        Event::LogJudged { at, outcome }
                    };
                    self.queue.pending(|| tokio::spawn(work)).await?;
                }
                Ok(())
            }
        }
    }
}
