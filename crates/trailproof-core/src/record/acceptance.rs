//! Everything in a run that forbids "proven", and how it compares with the accepted exceptions.
//!
//! Uses events alone, so that a run and a recount of its record cannot differ.
use super::chain_tally::ChainTally;
use super::event::{DigestJudged, RunEvent};
use super::exception::{ExceptionIndex, ExceptionsJudged, Objection, ObjectionCode};
use super::summary::{ChainSummary, RunSummary};
use crate::codes::finding::{FindingCode, Outcome};
use crate::codes::notice::Notice;
use crate::coverage::{Coverage, Uncovered};
use crate::verdict::Verdict;
use crate::vocab::budget::EXCEPTIONS;
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::{Period, Timestamp};

/// Follows the events of a run with accepted exceptions.
#[derive(Debug, Default)]
pub struct AcceptanceTally {
    exceptions: Option<ExceptionIndex>,
    objections: Objections,
    judged: ExceptionsJudged,
}

impl AcceptanceTally {
    /// Takes the next event.
    pub fn take(&mut self, event: &RunEvent) {
        if let RunEvent::RunStarted(start) = event {
            self.exceptions = start.exception_index();
            let entries = start.accepted.as_ref().map_or(0, |file| file.entries.len());
            self.judged.matches = vec![0; entries];
        }
        let Some(exceptions) = &self.exceptions else { return };
        let judged = &mut self.judged;
        self.objections.take(event, &mut |objection, number| {
            judged.objections += number;
            let Some((at, accepts)) = objection.and_then(|one| exceptions.find(one)) else {
                return;
            };
            if let Some(matches) = judged.matches.get_mut(at) {
                *matches += number;
            }
            judged.accepted += if accepts { number } else { 0 };
        });
    }

    /// Returns the result of a run that ends with `summary`, or `None` if the run has no accepted
    /// exceptions.
    pub fn finish(self, summary: &RunSummary) -> Option<ExceptionsJudged> {
        self.exceptions?;
        let ExceptionsJudged { objections, accepted, .. } = self.judged;
        let refused = matches!(summary.verdict, Verdict::NotProven | Verdict::Contradicted);
        let all_accepted =
            refused && objections > 0 && objections == accepted && summary.coverage.verified > 0;
        Some(ExceptionsJudged { all_accepted, ..self.judged })
    }
}

/// Finds everything that forbids "proven" in the events of a run.
///
/// Time that is contradicted or unverified only because of its log files is no objection beside them:
/// their proven digest shows which time they are about. Below a digest that is not proven, no other
/// digest is known to follow. That time is an objection of its own: otherwise whoever accepts the
/// digest would also accept what is deleted before it later.
#[derive(Debug, Default)]
pub struct Objections {
    period: Option<(Period, Option<Timestamp>)>,
    open: Option<OpenChain>,
}

/// Takes an objection and how often it counts. `None` stands for objections that are too many to be
/// kept one by one, so that no exception accepts them.
pub type SeeObjection<'a> = dyn FnMut(Option<&Objection<'_>>, u64) + 'a;

#[derive(Debug)]
struct OpenChain {
    /// Divides the period as if every log file were valid.
    by_digests: ChainTally,
    /// Number of objections that are counted in the chain's summary.
    counted: u64,
    /// Copies of other places' digests, which are objections only if nothing else is there.
    copies: Vec<(ObjectionCode, ObjectLocation)>,
    /// Number of copies that are not kept.
    more_copies: u64,
}

impl Objections {
    /// Takes the next event, and passes each objection to `see`.
    pub fn take(&mut self, event: &RunEvent, see: &mut SeeObjection<'_>) {
        match event {
            RunEvent::RunStarted(start) => {
                self.period = Some((start.period, start.tail_allowed_from));
            }
            RunEvent::ChainStarted { .. } => {
                self.open = self.period.map(|(period, tail_allowed_from)| OpenChain {
                    by_digests: ChainTally::new(period, tail_allowed_from),
                    counted: 0,
                    copies: Vec::new(),
                    more_copies: 0,
                });
            }
            RunEvent::DigestJudged(judged) => self.digest(judged, see),
            RunEvent::LogJudged(judged) => {
                if let Some(code) = code(&judged.outcome) {
                    self.in_chain(&Objection::Object(code, &judged.at), see);
                }
            }
            RunEvent::SeamJudged(seam) => {
                if let Some(finding) = &seam.finding {
                    let code = ObjectionCode::Finding(FindingCode::from(finding));
                    self.in_chain(&Objection::Object(code, &seam.at), see);
                }
                if !seam.joined {
                    see(Some(&Objection::Object(ObjectionCode::NotJoined, &seam.at)), 1);
                }
            }
            RunEvent::TrailStatus { chain, finding: Some(finding), .. } => {
                self.in_chain(&Objection::Chain(FindingCode::from(finding), chain), see);
            }
            RunEvent::ChainFinished(summary) => self.chain(summary, see),
            RunEvent::ListingUnread { folder, why } => {
                see(Some(&Objection::Folder(ObjectionCode::Unread(why.kind), folder)), 1);
            }
            RunEvent::LogUnlisted { at, .. } => {
                see(Some(&Objection::Object(ObjectionCode::Unlisted, at)), 1);
            }
            RunEvent::LogsWithoutDigests { folder, .. } => {
                see(Some(&Objection::Folder(ObjectionCode::WithoutDigests, folder)), 1);
            }
            RunEvent::PlaceInDoubt(place) => see(Some(&Objection::Place(place)), 1),
            _ => {}
        }
    }

    /// Counts an objection that the chain's summary counts too.
    fn in_chain(&mut self, objection: &Objection<'_>, see: &mut SeeObjection<'_>) {
        if let Some(open) = &mut self.open {
            open.counted += 1;
        }
        see(Some(objection), 1);
    }

    fn digest(&mut self, judged: &DigestJudged, see: &mut SeeObjection<'_>) {
        let code = code(&judged.outcome);
        if let Some(open) = &mut self.open {
            open.by_digests.digest(judged);
            if let Some(code) = code.filter(|_| judged.notices.contains(&Notice::DigestCopied)) {
                // Anyone who can write to the bucket can plant any number of copies.
                if open.copies.len() < EXCEPTIONS {
                    open.copies.push((code, judged.at.clone()));
                } else {
                    open.more_copies += 1;
                }
                return;
            }
        }
        if let Some(code) = code.filter(|_| judged.counts) {
            self.in_chain(&Objection::Object(code, &judged.at), see);
        }
    }

    fn chain(&mut self, summary: &ChainSummary, see: &mut SeeObjection<'_>) {
        let Some(open) = self.open.take() else { return };
        // The summary counts copies only if the chain has nothing else.
        if summary.counts.findings() + summary.counts.unverified() > open.counted {
            for (code, at) in &open.copies {
                see(Some(&Objection::Object(*code, at)), 1);
            }
            if open.more_copies > 0 {
                see(None, open.more_copies);
            }
        }
        let older = summary.segments.first().is_none_or(|first| {
            first.coverage != Coverage::Uncovered(Uncovered::BeforeFirstDigest)
        });
        let (chain, presence) = (summary.chain.clone(), summary.presence.clone());
        for segment in open.by_digests.finish(chain, presence, older).segments {
            match segment.coverage {
                Coverage::Verified | Coverage::Pending => {}
                Coverage::Contradicted | Coverage::Unverified | Coverage::Uncovered(_) => {
                    see(Some(&Objection::Time(&summary.chain, segment)), 1);
                }
            }
        }
    }
}

/// Returns the code of an outcome that forbids "proven".
fn code<P>(outcome: &Outcome<P>) -> Option<ObjectionCode> {
    match outcome {
        Outcome::Valid(_) => None,
        Outcome::Invalid(finding) => Some(ObjectionCode::Finding(FindingCode::from(finding))),
        Outcome::Unverified(why) => Some(ObjectionCode::Unread(why.kind)),
    }
}
