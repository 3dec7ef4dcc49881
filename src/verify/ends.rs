//! Why chains have no digest in the period: the last digest of each is judged, and the log files of
//! that time are searched for the event that ended it.
//!
//! What ends a chain is recorded in the trail's home region, or where the chain itself ended. A chain
//! that another path of the same trail goes on from has not ended at all.
use super::chain_job::ChainJob;
use super::chain_run::run_chain;
use super::chain_says::ChainSays;
use super::keys::KeyBook;
use super::moments::Moments;
use super::plan::VerifyPlan;
use super::room::Room;
use super::verify_run::EVENTS_KEPT;
use crate::locate::listed::ListedChain;
use crate::locate::one_chain::list_digests;
use crate::source::many::in_order;
use crate::source::{BoxFuture, ObjectSource};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::mpsc;
use trailproof_core::chain_id::ChainId;
use trailproof_core::event::{DigestJudged, Presence, RunEvent};
use trailproof_core::explain::{
    Cause, Concerned, ExplainingEvent, Explanations, KeptEvents, KeyName,
};
use trailproof_core::finding::Outcome;
use trailproof_core::key_layout::ChainKey;
use trailproof_core::time::{HOUR, Period, Timestamp};

/// What a walk says that waits to be heard.
const WAITING: usize = 64;

/// From the start of a chain's last digest to the event that ended it or to a digest of another path
/// that goes on from it: what is looked at before and after the end.
const AROUND: i64 = 3 * HOUR;

/// A chain without a digest in the period.
pub(super) struct Ended {
    pub(super) chain: ChainId,
    pub(super) also: Vec<ChainId>,
    pub(super) folders: Vec<String>,
    pub(super) kms_keys: BTreeSet<KeyName>,
    /// End of its last digest.
    pub(super) last: Timestamp,
    /// Whether that digest is proven.
    pub(super) proven: bool,
    /// Whether a proven digest of the same trail under another path links to it.
    goes_on: bool,
    /// Whether the run takes it as one that ended, and not as one that is missing.
    pub(super) counts: bool,
}

/// The part of a chain that is looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stretch {
    key: ChainKey,
    from: Timestamp,
    to: Timestamp,
}

/// What a look at a stretch shows.
#[derive(Debug, Default)]
struct Seen {
    /// The proven digests: their ends, and the keys that they link to.
    proven: Vec<(Timestamp, Option<String>)>,
    causes: Vec<Cause>,
    kms_keys: BTreeSet<KeyName>,
}

/// The chains among these that have no digest in the period and had one before.
fn without_digests(jobs: &[ChainJob]) -> Vec<ChainJob> {
    let last = |job: &&ChainJob| {
        !job.names_only
            && job.older_key.is_some()
            && matches!(job.presence, Presence::Ended { .. } | Presence::Absent { last: Some(_) })
    };
    jobs.iter().filter(last).cloned().collect()
}

/// Other paths of the trails of these chains, by chain.
fn other_paths(ended: &[ChainJob], jobs: &[ChainJob]) -> BTreeMap<ChainId, Vec<ChainKey>> {
    let mut paths: BTreeMap<ChainId, Vec<ChainKey>> = BTreeMap::new();
    // Those of one chain are neighbours in canonical order.
    let same = |one: &&ChainJob, other: &&ChainJob| one.chain.is_same_but_for_path(&other.chain);
    let all: Vec<&ChainJob> = jobs.iter().collect();
    let wanted: BTreeSet<&ChainId> = ended.iter().map(|job| &job.chain).collect();
    for together in all.chunk_by(same).filter(|together| together.len() > 1) {
        for job in together.iter().filter(|job| wanted.contains(&job.chain)) {
            let others = together.iter().filter(|other| other.chain != job.chain);
            let keys =
                others.filter_map(|other| other.listed.any_key().or(other.older_key.as_ref()));
            paths.insert(job.chain.clone(), keys.cloned().collect());
        }
    }
    paths
}

/// Looks at the ends of those among these chains that have one; also returns the events found there.
///
/// A chain that goes on under another path is taken out: it is told there. One that is missing beside
/// its siblings, of which a verified event says why it ended, has ended.
pub(super) async fn look(
    plan: &VerifyPlan,
    jobs: &mut Vec<ChainJob>,
    source: &Arc<dyn ObjectSource>,
    book: &Arc<KeyBook>,
    room: &Room,
) -> (Vec<Ended>, Vec<Cause>) {
    let ended = without_digests(jobs);
    let paths = other_paths(&ended, jobs);
    let mut stretches: BTreeMap<Stretch, ChainJob> = BTreeMap::new();
    let mut of_chain = Vec::new();
    for job in ended {
        let (Some(last), Some(key)) = (job.older, job.older_key.clone()) else { continue };
        let own = Stretch { key: key.clone(), from: last.plus(-AROUND), to: last };
        let mut all = vec![own];
        // Regions end within minutes of each other: one look at the home region does for all.
        let hour = Timestamp::from_unix(last.unix() - last.unix().rem_euclid(HOUR));
        let around =
            |key: ChainKey| Stretch { key, from: hour.plus(-AROUND), to: hour.plus(HOUR + AROUND) };
        if key.home_region != key.source_region {
            all.push(around(ChainKey { source_region: key.home_region.clone(), ..key.clone() }));
        }
        all.extend(paths.get(&job.chain).into_iter().flatten().cloned().map(around));
        for stretch in &all {
            stretches.entry(stretch.clone()).or_insert_with(|| job.clone());
        }
        of_chain.push((job, last, key, all));
    }
    let looks = stretches.into_iter().map(|(stretch, job)| -> BoxFuture<'_, _> {
        Box::pin(async move {
            let seen = seen(&stretch, &job, source, book, room).await;
            (stretch, seen)
        })
    });
    let mut seen: BTreeMap<Stretch, Seen> = in_order(looks).await.into_iter().collect();
    let causes: Vec<Cause> =
        seen.values_mut().flat_map(|seen| std::mem::take(&mut seen.causes)).collect();
    let ended = of_chain.into_iter().map(|(job, last, key, all)| {
        let own = all.first().and_then(|own| seen.get(own));
        let others = all.iter().skip(1).filter_map(|other| seen.get(other));
        let name = key.digest_key(last, trailproof_core::key_layout::DigestKind::Standard);
        let links = |(_, previous): &(Timestamp, Option<String>)| previous.as_ref() == Some(&name);
        Ended {
            proven: own.is_some_and(|seen| seen.proven.iter().any(|(end, _)| *end == last)),
            goes_on: others.into_iter().any(|seen| seen.proven.iter().any(links)),
            kms_keys: own.map(|seen| seen.kms_keys.clone()).unwrap_or_default(),
            counts: matches!(job.presence, Presence::Ended { .. }),
            folders: vec![key.folder()],
            chain: job.chain,
            also: job.also,
            last,
        }
    });
    let mut ended: Vec<Ended> = ended.collect();
    let moved: BTreeSet<ChainId> =
        ended.extract_if(.., |end| end.goes_on).map(|end| end.chain).collect();
    jobs.retain(|job| !moved.contains(&job.chain));
    let mut kept = KeptEvents::new(EVENTS_KEPT);
    causes.iter().cloned().for_each(|cause| kept.take(cause));
    let explanations =
        Explanations::new(&kept, &jobs.iter().map(|job| job.chain.clone()).collect());
    let may = |job: &&ChainJob| job.may_have_ended;
    let may: BTreeSet<ChainId> = jobs.iter().filter(may).map(|job| job.chain.clone()).collect();
    for end in ended.iter_mut().filter(|end| !end.counts && may.contains(&end.chain)) {
        end.counts = end.explained(&explanations, plan).is_some();
    }
    let counts: BTreeMap<&ChainId, Timestamp> =
        ended.iter().filter(|end| end.counts).map(|end| (&end.chain, end.last)).collect();
    for job in jobs.iter_mut() {
        if let Some(last) = counts.get(&job.chain) {
            job.presence = Presence::Ended { last: *last };
        }
    }
    (ended, causes)
}

impl Ended {
    /// The event that says why the chain ended, where its end is proven.
    pub(super) fn explained(
        &self,
        explanations: &Explanations,
        plan: &VerifyPlan,
    ) -> Option<ExplainingEvent> {
        let concerned = Concerned {
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

/// Walks one stretch as a run over it alone would.
async fn seen(
    stretch: &Stretch,
    job: &ChainJob,
    source: &Arc<dyn ObjectSource>,
    book: &Arc<KeyBook>,
    room: &Room,
) -> Seen {
    let Stretch { key, from, to } = stretch;
    // What cannot be listed is not proven, and explains nothing.
    let listed = list_digests(source.as_ref(), &job.bucket, key, *from, *to).await;
    let mut chain = ListedChain::default();
    for digest in listed.unwrap_or_default() {
        chain.add(&digest.chain, digest.kind, &[digest.end]);
    }
    let mut seen = Seen::default();
    if chain.newest().is_none() {
        return seen;
    }
    let walked = ChainJob {
        chain: ChainId::from(key),
        also: Vec::new(),
        period: Period { start: *from, end: *to },
        tail_allowed_from: None,
        listed: chain,
        older: None,
        presence: Presence::Present,
        may_have_ended: false,
        only: None,
        known: None,
        seam: None,
        ..job.clone()
    };
    let moments = Arc::new(Moments::of(std::slice::from_ref(&walked)));
    let (share, turn) = room.share(0).await;
    share.give_back();
    let (to, mut says) = mpsc::channel(WAITING);
    let (source, book) = (Arc::clone(source), Arc::clone(book));
    let running = tokio::spawn(run_chain(Arc::new(walked), source, book, moments, None, turn, to));
    while let Some(mut saying) = says.recv().await {
        for say in std::mem::take(&mut saying.says) {
            match say {
                ChainSays::Event(event) => {
                    if let RunEvent::DigestJudged(judged) = *event {
                        seen.proven.extend(proven(&judged));
                    }
                }
                ChainSays::Explains(causes) => seen.causes.extend(causes),
                ChainSays::EncryptedWith(key) => {
                    seen.kms_keys.insert(key);
                }
                ChainSays::Log(_) | ChainSays::Key(_) | ChainSays::Names(_) => {}
            }
        }
    }
    if let Err(error) = running.await {
        std::panic::resume_unwind(error.into_panic());
    }
    seen
}

/// The end of a digest that is proven, and the key that it links to.
fn proven(judged: &DigestJudged) -> Option<(Timestamp, Option<String>)> {
    let Outcome::Valid(proof) = &judged.outcome else { return None };
    Some((judged.end, proof.previous.as_ref().map(|previous| previous.at.key.clone())))
}
