//! The second verdict: what the versions that are left prove.
//!
//! The unchanged engine runs over a view that shows the oldest version of each object. Where that
//! does not prove, the next one is shown and the engine runs again: an object with a predictable
//! name can have been planted before CloudTrail wrote its own.
use super::affected::{Affected, AffectedObject, Fault, ObjectKind};
use crate::source::layer::overlay::{VersionsView, versions_of};
use crate::source::many::in_order;
use crate::source::{BoxFuture, ObjectSource};
use crate::trust::KeyService;
use crate::verify::plan::VerifyPlan;
use crate::verify::run::verify;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::finding::{FindingCode, Outcome};
use trailproof_core::coverage::{Coverage, Segment, Uncovered};
use trailproof_core::record::{ChainSummary, ProvenLog, ProvenLogFinder, RunEvent, RunSummary};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::location::ObjectLocation;

/// What a second run passes on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Passed<'e> {
    /// The run begins anew: what was passed on before does not count.
    Anew,
    /// The next event.
    Event(&'e RunEvent),
}

/// How an object was judged over the versions that are left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// A version proves it, the one with this id.
    Proven(Option<String>),
    /// The evidence contradicts it.
    Finding(FindingCode),
    /// It could not be read or checked.
    Unread(ReadFailureKind),
}

impl Judged {
    /// Returns whether there is content, and the evidence contradicts it.
    fn is_content_wrong(&self) -> bool {
        let missing = [FindingCode::DigestMissing, FindingCode::LogMissing];
        matches!(self, Self::Finding(code) if !missing.contains(code))
    }
}

/// The result of a second run.
#[derive(Clone, Debug)]
pub(crate) struct Second {
    /// How the affected objects were judged, and all others that are not proven.
    pub(crate) judged: BTreeMap<ObjectLocation, Judged>,
    /// Objects that no digest names.
    pub(crate) unlisted: Vec<ObjectLocation>,
    /// Log files that are proven by older versions alone: they were affected, or the digest that
    /// names them was, or no digest covered their time.
    pub(crate) regained: Vec<ProvenLog>,
    /// Digests and log files that the first run could not know of, because the digests that lead to
    /// them are missing, and that are proven. They may lie there unharmed.
    pub(crate) beyond: Vec<AffectedObject>,
    /// Whether there are more of either than are kept.
    pub(crate) regained_capped: bool,
    /// Stretches without digests of the first run that no version covers either. What a later digest
    /// may still cover is not among them.
    pub(crate) lost: Vec<(ChainId, Segment)>,
    /// The summary of the run, which is about its period and scope alone.
    pub(crate) summary: RunSummary,
}

impl Second {
    /// Returns the verdict over everything that the first run looked at: outside of what the second
    /// run looked at, the first one proved everything, unless it left something open.
    pub(crate) fn verdict(&self, first: &Affected) -> Verdict {
        match self.summary.verdict {
            Verdict::Proven if first.open => Verdict::NotProven,
            verdict => verdict,
        }
    }

    /// Returns the objects that are there and that nothing proves: planted ones, and those of which
    /// no version proves.
    pub(crate) fn unproven(&self) -> impl Iterator<Item = &ObjectLocation> {
        let judged = self.judged.iter().filter(|(_, judged)| judged.is_content_wrong());
        judged.map(|(at, _)| at).chain(&self.unlisted)
    }
}

/// The versions of an object that are tried, oldest first.
#[derive(Debug)]
struct Candidates {
    ids: Vec<String>,
    /// The one that is shown now.
    shown: usize,
}

/// Runs the plan over the view, until no further version of any object could prove more. `first` is
/// what the first run did not prove: the outcome of these objects is wanted even if they are proven.
pub(crate) async fn second_run(
    plan: &VerifyPlan,
    first: &Affected,
    view: &Arc<VersionsView>,
    keys: &Arc<dyn KeyService>,
    pass: &mut (dyn FnMut(Passed<'_>) + Send),
) -> Second {
    let affected: HashSet<&ObjectLocation> = first.objects.iter().map(|it| &it.at).collect();
    let mut spans = Spans::new();
    for (chain, span) in &first.spans {
        spans.entry(chain).or_default().push(span);
    }
    let mut tried: BTreeMap<ObjectLocation, Candidates> = BTreeMap::new();
    let mut rounds = 0;
    loop {
        rounds += 1;
        let (mut judged, mut unlisted) = (BTreeMap::new(), Vec::new());
        let mut regained = Regained::default();
        if rounds > 1 {
            pass(Passed::Anew);
        }
        let source: Arc<dyn ObjectSource> = view.clone();
        let summary = verify(plan, source, Arc::clone(keys), &mut |event| {
            note(event, &affected, &mut judged, &mut unlisted);
            regained.take(event, &affected, &spans, &mut judged);
            pass(Passed::Event(event));
        })
        .await;
        // One round for each candidate, one that returns to the oldest, and the first.
        let may_continue = rounds < budget::VERSIONS_TRIED + 2;
        if !may_continue || !advance(view, &judged, &mut tried).await {
            let Regained { logs, beyond, capped, lost, .. } = regained;
            return Second {
                judged,
                unlisted,
                regained: logs,
                beyond,
                regained_capped: capped,
                lost,
                summary,
            };
        }
    }
}

/// The stretches without digests of the first run, by chain.
type Spans<'f> = BTreeMap<&'f ChainId, Vec<&'f Segment>>;

/// Collects the log files that only versions prove, and the time that no version covers.
#[derive(Default)]
struct Regained {
    finder: ProvenLogFinder,
    logs: Vec<ProvenLog>,
    beyond: Vec<AffectedObject>,
    capped: bool,
    lost: Vec<(ChainId, Segment)>,
}

impl Regained {
    fn take(
        &mut self,
        event: &RunEvent,
        affected: &HashSet<&ObjectLocation>,
        spans: &Spans<'_>,
        judged: &mut BTreeMap<ObjectLocation, Judged>,
    ) {
        if let RunEvent::ChainFinished(summary) = event {
            self.uncovered(summary, spans);
        }
        let log = self.finder.take(event);
        let Some(digest) = self.finder.digest().cloned() else { return };
        let of_chain = spans.get(&digest.chain).into_iter().flatten();
        let mut of_chain = of_chain.copied();
        let is_of_span = of_chain.any(|span| digest.end > span.from && digest.start < span.to);
        let mut beyond = |at: &ObjectLocation, kind, expected, how| {
            let is_known = affected.contains(at) || !is_of_span && !affected.contains(&digest.at);
            if is_known || self.beyond.len() >= budget::CASE_OBJECTS {
                self.capped |= !is_known;
                return;
            }
            judged.insert(at.clone(), how);
            self.beyond.push(AffectedObject {
                at: at.clone(),
                kind,
                chain: digest.chain.clone(),
                end: digest.end,
                expected,
                fault: Fault::Finding(match kind {
                    ObjectKind::Digest => FindingCode::DigestMissing,
                    ObjectKind::Log => FindingCode::LogMissing,
                }),
            });
        };
        match event {
            RunEvent::DigestJudged(of) if of.counts => {
                let how = how(&of.outcome, of.seen.version_id.as_ref());
                beyond(&digest.at, ObjectKind::Digest, None, how);
            }
            RunEvent::LogJudged(of) if log.is_some() => {
                let how = how(&of.outcome, of.seen.version_id.as_ref());
                beyond(&of.at, ObjectKind::Log, Some(of.expected), how);
            }
            _ => {}
        }
        let Some(log) = log else { return };
        if !affected.contains(&log.at) && !affected.contains(&digest.at) && !is_of_span {
            return;
        }
        if self.logs.len() < budget::CASE_OBJECTS {
            self.logs.push(log);
        } else {
            self.capped = true;
        }
    }

    /// Adds the parts of the chain's stretches that the first run did not cover, and this one does not
    /// cover either.
    fn uncovered(&mut self, summary: &ChainSummary, spans: &Spans<'_>) {
        for segment in summary.segments.iter().filter(|segment| is_lost(segment.coverage)) {
            let of_chain = spans.get(&summary.chain).into_iter().flatten();
            self.lost.extend(of_chain.filter_map(|span| {
                let (from, to) = (segment.from.max(span.from), segment.to.min(span.to));
                (from < to).then(|| (summary.chain.clone(), Segment { from, to, ..*segment }))
            }));
        }
    }
}

/// Returns whether time that no version covers is lost. What follows the newest digest may still be
/// delivered, and before the first digest of a chain there was none to lose.
fn is_lost(coverage: Coverage) -> bool {
    match coverage {
        Coverage::Uncovered(why) => !matches!(why, Uncovered::Tail | Uncovered::BeforeFirstDigest),
        Coverage::Verified | Coverage::Contradicted | Coverage::Unverified | Coverage::Pending => {
            false
        }
    }
}

fn note(
    event: &RunEvent,
    affected: &HashSet<&ObjectLocation>,
    judged: &mut BTreeMap<ObjectLocation, Judged>,
    unlisted: &mut Vec<ObjectLocation>,
) {
    let (at, how) = match event {
        RunEvent::DigestJudged(digest) => {
            (&digest.at, how(&digest.outcome, digest.seen.version_id.as_ref()))
        }
        RunEvent::LogJudged(log) => (&log.at, how(&log.outcome, log.seen.version_id.as_ref())),
        RunEvent::LogUnlisted { at, .. } => return unlisted.push(at.clone()),
        _ => return,
    };
    if affected.contains(at) || !matches!(how, Judged::Proven(_)) {
        judged.insert(at.clone(), how);
    }
}

fn how<P>(outcome: &Outcome<P>, version_id: Option<&String>) -> Judged {
    match outcome {
        Outcome::Valid(_) => Judged::Proven(version_id.cloned()),
        Outcome::Invalid(finding) => Judged::Finding(finding.into()),
        Outcome::Unverified(why) => Judged::Unread(why.kind),
    }
}

/// Shows the next version of each object that is contradicted by its content. Returns whether the
/// view changed.
async fn advance(
    view: &Arc<VersionsView>,
    judged: &BTreeMap<ObjectLocation, Judged>,
    tried: &mut BTreeMap<ObjectLocation, Candidates>,
) -> bool {
    let wrong = judged.iter().filter(|(_, judged)| judged.is_content_wrong()).map(|(at, _)| at);
    let wrong: Vec<&ObjectLocation> = wrong.take(budget::COPIES_READ).collect();
    let new = wrong.iter().copied().filter(|at| !tried.contains_key(*at));
    let listed = in_order(new.map(|at| -> BoxFuture<'_, _> {
        Box::pin(async move { (at, versions_of(view.below().as_ref(), at).await) })
    }))
    .await;
    for (at, versions) in listed {
        // If they cannot be listed, there is nothing else to show.
        let versions = versions.unwrap_or_default();
        let contents = versions.iter().rev().filter(|version| version.content.is_some());
        let ids = contents.map(|version| version.version_id.clone());
        let ids = ids.take(budget::VERSIONS_TRIED).collect();
        tried.insert(at.clone(), Candidates { ids, shown: 0 });
    }
    let mut changed = false;
    for at in wrong {
        let Some(candidates) = tried.get_mut(at) else { continue };
        if candidates.shown >= candidates.ids.len() {
            continue;
        }
        candidates.shown += 1;
        match candidates.ids.get(candidates.shown) {
            Some(next) => view.prefer(at, next),
            // None of them proves: the oldest one is what CloudTrail would have written.
            None if candidates.ids.len() > 1 => view.prefer_none(at),
            None => continue,
        }
        changed = true;
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_before_a_chain_began_or_after_its_newest_digest() {
        let lost = Coverage::all().filter(|coverage| is_lost(*coverage)).map(Coverage::code);
        assert_eq!(lost.collect::<Vec<_>>(), ["gap", "digests-missing", "hole", "absent"]);
    }
}
