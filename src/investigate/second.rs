//! The second verdict: what the versions that are left prove.
//!
//! The unchanged engine runs over a view that shows the oldest version of each object. Where that
//! does not prove, one that fits is looked for and shown, and the engine runs again.
use super::affected::{Affected, AffectedObject, Fault, ObjectKind};
use super::tried::{SHOWN, Tried, TryVersions, Trying, Wrong};
use crate::source::ObjectSource;
use crate::source::layer::overlay::VersionsView;
use crate::trust::KeyService;
use crate::verify::plan::VerifyPlan;
use crate::verify::run::verify;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use trailproof_core::bytes::content::Hash;
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::finding::{Finding, FindingCode, Outcome};
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

    /// Returns whether there is content that cannot be read, and that a different version may prove.
    fn is_out_of_reach(&self) -> bool {
        use ReadFailureKind::{Archived, Denied, KmsDenied, OverBudget};
        matches!(self, Self::Unread(Archived | Denied | KmsDenied | OverBudget))
    }
}

/// The result of a second run.
#[derive(Clone, Debug)]
pub(crate) struct Second {
    /// How the affected objects were judged, and all others that are not proven.
    pub(crate) judged: BTreeMap<ObjectLocation, Judged>,
    /// How far the versions were tried of objects whose oldest one does not prove.
    pub(crate) tried: BTreeMap<ObjectLocation, Tried>,
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
    /// may still cover is not among them. `None` if a listing of versions could not be read.
    pub(crate) lost: Option<Vec<(ChainId, Segment)>>,
    /// The summary of the run, which is about its period and scope alone.
    pub(crate) summary: RunSummary,
}

impl Second {
    /// Returns the verdict over everything that the first run looked at: outside of what the second
    /// run looked at, the first one proved everything, unless it left something open.
    pub(crate) fn verdict(&self, first: &Affected) -> Verdict {
        match self.summary.verdict {
            Verdict::Proven if first.open => Verdict::NotProven,
            Verdict::Contradicted if self.is_contradicted_by_untried() => Verdict::NotProven,
            verdict => verdict,
        }
    }

    /// Returns whether a version that was not tried may prove each object that is contradicted.
    fn is_contradicted_by_untried(&self) -> bool {
        let is_wrong = |(_, judged): &(_, &Judged)| matches!(judged, Judged::Finding(_));
        let mut wrong = self.judged.iter().filter(is_wrong).peekable();
        wrong.peek().is_some()
            && wrong.all(|(at, _)| self.tried.get(at).is_some_and(|tried| !tried.all))
    }

    /// Returns the objects that are there and that nothing proves: planted ones, and those of which
    /// no version proves.
    pub(crate) fn unproven(&self) -> impl Iterator<Item = &ObjectLocation> {
        let judged = self.judged.iter().filter(|(_, judged)| judged.is_content_wrong());
        judged.map(|(at, _)| at).chain(&self.unlisted)
    }
}

/// Runs the plan over the view, until no further version of any object could prove more. `first` is
/// what the first run did not prove: the outcome of these objects is wanted even if they are proven.
pub(crate) async fn second_run(
    plan: &VerifyPlan,
    first: &Affected,
    view: &Arc<VersionsView>,
    keys: &Arc<dyn KeyService>,
    limit: TryVersions,
    pass: &mut (dyn FnMut(Passed<'_>) + Send),
) -> Second {
    let affected: HashSet<&ObjectLocation> = first.objects.iter().map(|it| &it.at).collect();
    let mut spans = Spans::new();
    for (chain, span) in &first.spans {
        spans.entry(chain).or_default().push(span);
    }
    let mut trying = Trying::new(view, keys, (plan.period.start, plan.now), limit);
    let mut rounds = 0;
    loop {
        rounds += 1;
        let (mut judged, mut unlisted) = (BTreeMap::new(), Vec::new());
        let mut expected = BTreeMap::new();
        let mut regained = Regained::default();
        if rounds > 1 {
            pass(Passed::Anew);
        }
        let source: Arc<dyn ObjectSource> = view.clone();
        let summary = verify(plan, source, Arc::clone(keys), &mut |event| {
            note(event, &affected, &mut judged, &mut unlisted);
            note_expected(event, &mut expected);
            regained.take(event, &affected, &spans, &mut judged);
            pass(Passed::Event(event));
        })
        .await;
        let wrong = judged.iter().filter_map(|(at, how)| {
            let unread = how.is_out_of_reach();
            let wrong = Wrong { at, expected: expected.get(at), unread };
            (unread || how.is_content_wrong()).then_some(wrong)
        });
        let wrong: Vec<Wrong<'_>> = wrong.collect();
        // One round for each version that is shown, one that returns to the oldest, and the first.
        let may_continue = rounds < SHOWN + 2;
        if !may_continue || !trying.advance(&wrong).await {
            let Regained { logs, beyond, capped, lost, unlisted: not_listed, .. } = regained;
            return Second {
                judged,
                tried: trying.tried(),
                unlisted,
                regained: logs,
                beyond,
                regained_capped: capped,
                lost: (!not_listed).then_some(lost),
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
    /// Whether a listing could not be read.
    unlisted: bool,
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
        self.unlisted |= matches!(event, RunEvent::ListingUnread { .. });
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

/// Remembers what a proven digest records of an object that does not match it.
fn note_expected(event: &RunEvent, expected: &mut BTreeMap<ObjectLocation, Hash>) {
    match event {
        RunEvent::DigestJudged(digest) => {
            if let Outcome::Invalid(Finding::DigestLinkMismatch { expected: hash, .. }) =
                &digest.outcome
            {
                expected.insert(digest.at.clone(), *hash);
            }
        }
        RunEvent::LogJudged(log) if !matches!(log.outcome, Outcome::Valid(_)) => {
            expected.insert(log.at.clone(), log.expected);
        }
        _ => {}
    }
}

fn how<P>(outcome: &Outcome<P>, version_id: Option<&String>) -> Judged {
    match outcome {
        Outcome::Valid(_) => Judged::Proven(version_id.cloned()),
        Outcome::Invalid(finding) => Judged::Finding(finding.into()),
        Outcome::Unverified(why) => Judged::Unread(why.kind),
    }
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
