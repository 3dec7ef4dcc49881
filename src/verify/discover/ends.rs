//! Finds out why chains have no digest in the period: the last digest of each is judged, and the
//! log files of that time are searched for the event that ended the chain.
//!
//! That event is recorded in the trail's home region, or where the chain itself ended. A chain that
//! continues under a different path of the same trail has not ended at all.
use crate::locate::listed_chain::ListedChain;
use crate::locate::one_chain::list_digests;
use crate::source::many::in_order;
use crate::source::{BoxFuture, ObjectSource};
use crate::trust::key_book::KeyBook;
use crate::verify::chain::job::ChainJob;
use crate::verify::chain::message::ChainMessage;
use crate::verify::chain::moments::Moments;
use crate::verify::chain::run::run_chain;
use crate::verify::plan::VerifyPlan;
use crate::verify::schedule::budget::ResultBudget;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::mpsc;
use trailproof_core::codes::finding::Outcome;
use trailproof_core::record::{DigestJudged, Presence, PublicKeyUsed, RunEvent};
use trailproof_core::trail_event::{Cause, ExplainingEvent, Explanations, GapQuery, KeyName};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::{ChainKey, DigestKind};
use trailproof_core::vocab::time::{HOUR, Period, Timestamp};

/// Maximum number of messages of a walk that wait to be processed.
const WAITING: usize = 64;

/// Time searched before and after the end of a chain. It covers the chain's last digest, the event
/// that ended the chain, and a digest under a different path that continues the chain.
const SEARCH_SPAN: i64 = 3 * HOUR;

/// A chain without a digest in the period.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) chain: ChainId,
    pub(crate) also: Vec<ChainId>,
    pub(crate) folders: Vec<String>,
    pub(crate) kms_keys: BTreeSet<KeyName>,
    /// End of its last digest.
    pub(crate) last: Timestamp,
    /// Whether that digest is proven.
    pub(crate) proven: bool,
    /// Whether the run counts the chain as ended, and not as absent.
    pub(crate) counts: bool,
}

/// Events that may explain a gap or an end, kept until the end of the run.
pub(crate) const EVENTS_KEPT: usize = 20_000;

/// Maximum number of events kept from one search.
const CAUSES: usize = 512;

/// The part of a chain that is searched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stretch {
    key: ChainKey,
    from: Timestamp,
    to: Timestamp,
}

/// What the search of a stretch found.
#[derive(Debug, Default)]
struct SearchResult {
    /// Ends of the proven digests, and the keys that they link to.
    proven: Vec<(Timestamp, Option<String>)>,
    causes: Vec<Cause>,
    kms_keys: BTreeSet<KeyName>,
    /// Public keys that prove its digests.
    keys: Vec<PublicKeyUsed>,
}

/// What the ends of chains without digests show.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    pub(crate) ended: Vec<Ended>,
    /// Events found there.
    pub(crate) causes: Vec<Cause>,
    /// Public keys on which these results rely, by the chain whose end they are about.
    pub(crate) keys: BTreeMap<ChainId, Vec<PublicKeyUsed>>,
}

/// Returns whether a chain has no digest in the period but had one before.
fn is_without_digests(job: &ChainJob) -> bool {
    let ended = matches!(job.presence, Presence::Ended { .. } | Presence::Absent { last: Some(_) });
    ended && !job.names_only && job.older.is_some() && job.older_key.is_some()
}

/// Returns the other paths of the trails of chains without digests, by index of the chain.
fn other_paths(jobs: &[ChainJob]) -> BTreeMap<usize, Vec<ChainKey>> {
    let mut paths: BTreeMap<usize, Vec<ChainKey>> = BTreeMap::new();
    // The paths of one chain are adjacent in canonical order.
    let same = |one: &ChainJob, other: &ChainJob| one.chain.differs_only_in_path(&other.chain);
    let mut first = 0;
    for together in jobs.chunk_by(same) {
        let of = (first..).zip(together).filter(|(_, job)| is_without_digests(job));
        for (at, job) in of.filter(|_| together.len() > 1) {
            let others = together.iter().filter(|other| other.chain != job.chain);
            let keys =
                others.filter_map(|other| other.listed.any_key().or(other.older_key.as_ref()));
            paths.insert(at, keys.cloned().collect());
        }
        first += together.len();
    }
    paths
}

/// Looks at the end of each chain that has no digest in the period.
///
/// A chain that continues under a different path is removed, because it is reported there. A chain
/// that counts as absent beside its siblings stays absent whatever ended it, because the event that
/// restarted it may be among what is missing.
pub(crate) async fn look(
    jobs: &mut Vec<ChainJob>,
    source: &Arc<dyn ObjectSource>,
    book: &Arc<KeyBook>,
    budget: &ResultBudget,
) -> Ends {
    let paths = other_paths(jobs);
    let without = || (0..).zip(jobs.iter()).filter(|(_, job)| is_without_digests(job));
    let means = SearchContext { source, book, budget };
    // First each chain's own last digest, which is read by its name. Other places are listed only
    // if it is proven, so that planted names cause no listings.
    let own = in_order(without().map(|(_, job)| -> BoxFuture<'_, SearchResult> {
        Box::pin(async move {
            let (Some(last), Some(key)) = (job.older, &job.older_key) else {
                return SearchResult::default();
            };
            let mut listed = ListedChain::default();
            listed.add(key, DigestKind::Standard, &[last]);
            let period = Period { start: last.plus(-SEARCH_SPAN), end: last };
            seen(job, key, period, listed, means).await
        })
    }))
    .await;
    let mut stretches: BTreeMap<Stretch, &ChainJob> = BTreeMap::new();
    let mut of_chain = Vec::new();
    for ((at, job), own) in without().zip(own) {
        let (Some(last), Some(key)) = (job.older, &job.older_key) else { continue };
        let proven = own.proven.iter().any(|(end, _)| *end == last);
        // Regions end within minutes of each other, so one search of the home region serves all.
        let hour = Timestamp::from_unix(last.unix() - last.unix().rem_euclid(HOUR));
        let around = |key: ChainKey| Stretch {
            key,
            from: hour.plus(-SEARCH_SPAN),
            to: hour.plus(HOUR + SEARCH_SPAN),
        };
        let mut others = Vec::new();
        if proven {
            if key.home_region != key.source_region {
                let home = ChainKey { source_region: key.home_region.clone(), ..key.clone() };
                others.push(around(home));
            }
            others.extend(paths.get(&at).into_iter().flatten().cloned().map(around));
        }
        for stretch in &others {
            stretches.entry(stretch.clone()).or_insert(job);
        }
        of_chain.push((job, last, own, proven, others));
    }
    let looks = stretches.into_iter().map(|(stretch, job)| -> BoxFuture<'_, _> {
        Box::pin(async move {
            let Stretch { key, from, to } = &stretch;
            // If the listing fails, nothing is proven and nothing is explained.
            let found = list_digests(means.source.as_ref(), &job.bucket, key, *from, *to).await;
            let mut listed = ListedChain::default();
            for digest in found.unwrap_or_default() {
                listed.add(&digest.chain, digest.kind, &[digest.end]);
            }
            let period = Period { start: *from, end: *to };
            let seen = seen(job, key, period, listed, means).await;
            (stretch, seen)
        })
    });
    let mut elsewhere: BTreeMap<Stretch, SearchResult> =
        in_order(looks).await.into_iter().collect();
    let mut causes: Vec<Cause> =
        elsewhere.values_mut().flat_map(|seen| std::mem::take(&mut seen.causes)).collect();
    let (mut ended, mut keys) = (Vec::new(), BTreeMap::<_, Vec<PublicKeyUsed>>::new());
    let mut moved: BTreeSet<ChainId> = BTreeSet::new();
    for (job, last, own, proven, others) in of_chain {
        let Some(key) = &job.older_key else { continue };
        let name = key.digest_key(last, DigestKind::Standard);
        let links = |(_, previous): &(Timestamp, Option<String>)| previous.as_ref() == Some(&name);
        let mut others = others.iter().filter_map(|other| elsewhere.get(other));
        let used = others.clone().flat_map(|seen| &seen.keys).chain(&own.keys);
        keys.entry(job.chain.clone()).or_default().extend(used.cloned());
        causes.extend(own.causes);
        // A proven digest of the same trail under a different path links to it.
        if others.any(|seen| seen.proven.iter().any(links)) {
            moved.insert(job.chain.clone());
            continue;
        }
        ended.push(Ended {
            proven,
            kms_keys: own.kms_keys,
            counts: matches!(job.presence, Presence::Ended { .. }),
            folders: vec![key.folder()],
            chain: job.chain.clone(),
            also: job.also.clone(),
            last,
        });
    }
    jobs.retain(|job| !moved.contains(&job.chain));
    Ends { ended, causes, keys }
}

impl Ended {
    /// Returns the event that explains why the chain ended, if its end is proven.
    pub(crate) fn explained(
        &self,
        explanations: &Explanations,
        plan: &VerifyPlan,
    ) -> Option<ExplainingEvent> {
        let concerned = GapQuery {
            chain: &self.chain,
            also: &self.also,
            bucket: &plan.bucket,
            keys: &self.kms_keys,
            folders: &self.folders,
            now: plan.now,
        };
        explanations.explains_end(&concerned, self.last).filter(|_| self.proven)
    }
}

/// What every search needs.
#[derive(Clone, Copy)]
struct SearchContext<'a> {
    source: &'a Arc<dyn ObjectSource>,
    book: &'a Arc<KeyBook>,
    budget: &'a ResultBudget,
}

/// Walks these digests of one chain, as a run over this period alone would.
async fn seen(
    job: &ChainJob,
    key: &ChainKey,
    period: Period,
    listed: ListedChain,
    SearchContext { source, book, budget }: SearchContext<'_>,
) -> SearchResult {
    let mut seen = SearchResult::default();
    if listed.newest().is_none() {
        return seen;
    }
    let walked = ChainJob {
        chain: ChainId::from(key),
        also: Vec::new(),
        period,
        tail_allowed_from: None,
        listed,
        older: None,
        presence: Presence::Present,
        only: None,
        known: None,
        seam: None,
        ..job.clone()
    };
    let of_walk = std::iter::once((&walked.listed, walked.older));
    let moments = Arc::new(Moments::of(of_walk, period, None));
    let (share, turn) = budget.share(0).await;
    share.give_back();
    let (to, mut messages) = mpsc::channel(WAITING);
    let (source, book) = (Arc::clone(source), Arc::clone(book));
    let running = tokio::spawn(run_chain(Arc::new(walked), source, book, moments, None, turn, to));
    while let Some(mut saying) = messages.recv().await {
        for handle in std::mem::take(&mut saying.messages) {
            match handle {
                ChainMessage::Event(event) => {
                    if let RunEvent::DigestJudged(judged) = *event {
                        seen.proven.extend(proven(&judged));
                    }
                }
                ChainMessage::Explains(causes) => {
                    let budget = CAUSES.saturating_sub(seen.causes.len());
                    seen.causes.extend(causes.into_iter().take(budget));
                }
                ChainMessage::EncryptedWith(key) => {
                    seen.kms_keys.insert(key);
                }
                ChainMessage::Key(key) => seen.keys.push(*key),
                ChainMessage::Log(_) | ChainMessage::Names(_) => {}
            }
        }
    }
    if let Err(error) = running.await {
        std::panic::resume_unwind(error.into_panic());
    }
    seen
}

/// Returns the end of a proven digest and the key that it links to.
fn proven(judged: &DigestJudged) -> Option<(Timestamp, Option<String>)> {
    let Outcome::Valid(proof) = &judged.outcome else { return None };
    Some((judged.end, proof.previous.as_ref().map(|previous| previous.at.key.clone())))
}
