//! What a run reports after all chains: the events that explain their gaps, log files that no chain
//! names, and the answer for every place.
//!
//! Everything follows from [`AfterChains`], which the chains fill. The parts of a run that were
//! walked apart are joined, in canonical order, before it is reported.
use super::discover::ends::{EVENTS_KEPT, Ended};
use super::discover::places::{PlaceAnswer, account_for};
use super::other_places::OtherPlaces;
use super::plan::VerifyPlan;
use super::unlisted::found::{SearchResults, Stray};
use crate::locate::place::Place;
use crate::source::ObjectSource;
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::codes::check::{Check, SkipReason, SkippedCheck};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::coverage::Segment;
use trailproof_core::record::{
    ChainSummary, PlaceDoubt, PlaceInDoubt, Presence, RunEvent, RunSummary, RunTally,
};
use trailproof_core::trail_event::{Explanations, GapQuery, KeptEvents, KeyName};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::{AccountId, Region};
use trailproof_core::vocab::key_layout::ROOT;
use trailproof_core::vocab::location::ObjectLocation;

/// What a run knows once its chains are walked.
#[derive(Debug)]
pub(crate) struct AfterChains {
    pub(crate) tally: RunTally,
    /// All chains that were reported.
    pub(crate) chains: BTreeSet<ChainId>,
    /// Those that have evidence in the period, or that are absent.
    pub(crate) evidence: BTreeSet<ChainId>,
    /// Accounts and regions with digests of the period, whose log files are searched for events.
    pub(crate) searched: BTreeSet<(AccountId, Region)>,
    /// Chains with stretches that no digest covers.
    pub(crate) gaps: Vec<GapsOf>,
    /// Chains without a digest in the period.
    pub(crate) ended: Vec<Ended>,
    /// Events that may explain a gap.
    pub(crate) causes: KeptEvents,
    /// Places outside the location that have proven digests of the period.
    pub(crate) other_places: OtherPlaces,
    /// The answer for every place that was found.
    pub(crate) answers: BTreeMap<Place, PlaceAnswer>,
    /// What the search for objects that no digest names found; `None` if it was switched off.
    pub(crate) unlisted: Option<SearchResults>,
    /// Entries below the folders of CloudTrail that were skipped.
    pub(crate) passed_over: BTreeSet<String>,
    /// Days of digests that were listed when the run was planned, and that were gone when they were to be
    /// read.
    pub(crate) digests_gone: BTreeSet<String>,
}

/// A chain with stretches that no digest covers, and what may be related to them.
#[derive(Clone, Debug)]
pub(crate) struct GapsOf {
    pub(crate) chain: ChainId,
    pub(crate) also: Vec<ChainId>,
    pub(crate) folders: Vec<String>,
    pub(crate) kms_keys: BTreeSet<KeyName>,
    pub(crate) gaps: Vec<Segment>,
}

impl AfterChains {
    /// Returns what is known before the first chain.
    pub(crate) fn new(plan: &VerifyPlan) -> Self {
        Self {
            tally: RunTally::default(),
            chains: BTreeSet::new(),
            evidence: BTreeSet::new(),
            searched: BTreeSet::new(),
            gaps: Vec::new(),
            ended: Vec::new(),
            causes: KeptEvents::new(EVENTS_KEPT),
            other_places: OtherPlaces::default(),
            answers: BTreeMap::new(),
            unlisted: plan.unlisted.then(SearchResults::default),
            passed_over: BTreeSet::new(),
            digests_gone: BTreeSet::new(),
        }
    }

    /// Takes a chain at its end.
    pub(crate) fn chain(&mut self, summary: &ChainSummary) {
        self.tally.chain(summary);
        if !matches!(summary.presence, Presence::Ended { .. }) {
            self.evidence.insert(summary.chain.clone());
        }
        if summary.presence == Presence::Present {
            let ChainId { account, source_region, .. } = &summary.chain;
            self.searched.insert((account.clone(), source_region.clone()));
        }
        self.chains.insert(summary.chain.clone());
    }

    /// Adds what the next part of the run knows.
    pub(crate) fn join(&mut self, other: Self) {
        self.tally.join(other.tally);
        self.chains.extend(other.chains);
        self.evidence.extend(other.evidence);
        self.searched.extend(other.searched);
        self.gaps.extend(other.gaps);
        self.ended.extend(other.ended);
        other.causes.into_causes().for_each(|cause| self.causes.take(cause));
        self.other_places.join(other.other_places);
        self.answers.extend(other.answers);
        if let (Some(unlisted), Some(other)) = (&mut self.unlisted, other.unlisted) {
            unlisted.join(other);
        }
        self.passed_over.extend(other.passed_over);
        self.digests_gone.extend(other.digests_gone);
    }

    /// Returns why listings that are reported at the end could not be read.
    pub(crate) fn unread(&self) -> impl Iterator<Item = &ReadFailure> {
        let places = self.answers.values().filter_map(|answer| match answer {
            PlaceAnswer::Unknown(_, why) => Some(why),
            _ => None,
        });
        places.chain(self.unlisted.iter().flat_map(SearchResults::doubts))
    }

    /// Decides what is known for good once no chain of an account before `next` is left.
    pub(crate) fn settle(&mut self, plan: &VerifyPlan, next: Option<&AccountId>) {
        if let Some(unlisted) = &mut self.unlisted {
            unlisted.settle(&plan.bucket, next);
        }
    }

    /// Reports everything that follows, and the end of the run.
    pub(crate) fn emit(
        mut self,
        plan: &VerifyPlan,
        emit: &mut (dyn FnMut(&RunEvent) + Send),
    ) -> RunSummary {
        let unexplained = self.explain(plan, emit);
        self.restarts(plan, &unexplained, emit);
        self.unlisted(plan, emit);
        self.other_places.emit(emit);
        self.answer(plan, unexplained, emit);
        for folder in std::mem::take(&mut self.passed_over) {
            self.tally.listings_unread += 1;
            let words = "a symbolic link, a special file or a name that cannot be a key";
            let why = ReadFailure::new(ReadFailureKind::NotFollowed, words);
            emit(&RunEvent::ListingUnread { folder, why });
        }
        for folder in std::mem::take(&mut self.digests_gone) {
            self.tally.listings_unread += 1;
            let words = "digests that were listed when the run was planned are gone";
            let why = ReadFailure::new(ReadFailureKind::ChangedWhileReading, words);
            emit(&RunEvent::ListingUnread { folder, why });
        }
        let summary = self.tally.finish();
        emit(&RunEvent::RunFinished(summary.clone()));
        summary
    }

    /// Reports which events explain the gaps and the ends of chains. Returns the ended chains whose
    /// end nothing explains.
    fn explain(
        &self,
        plan: &VerifyPlan,
        emit: &mut (dyn FnMut(&RunEvent) + Send),
    ) -> BTreeSet<ChainId> {
        let explanations = Explanations::new(&self.causes, &self.chains);
        for GapsOf { chain, also, folders, kms_keys, gaps } in &self.gaps {
            let (bucket, now) = (plan.bucket.as_str(), plan.now);
            let concerned = GapQuery { chain, also, bucket, keys: kms_keys, folders, now };
            for gap in gaps {
                for event in explanations.explain(&concerned, gap) {
                    emit(&RunEvent::GapExplained {
                        chain: chain.clone(),
                        from: gap.from,
                        to: gap.to,
                        event,
                    });
                }
            }
        }
        let mut unexplained = BTreeSet::new();
        for end in &self.ended {
            let Ended { chain, last, proven, counts, .. } = end;
            let event = end.explained(&explanations, plan);
            let known = &plan.expected.known_ends;
            let stated = *proven && known.iter().any(|known| known.explains(chain, *last));
            if *counts && event.is_none() && !stated {
                unexplained.insert(chain.clone());
            }
            if let Some(event) = event {
                // For a chain that counts as absent, the event explains the absence.
                let from = if *counts { *last } else { plan.period.start };
                let (chain, to) = (chain.clone(), plan.period.end);
                emit(&RunEvent::GapExplained { chain, from, to, event });
            }
        }
        unexplained
    }

    /// Reports the home regions in which an ended trail may have been started again, if their log
    /// files are not searched. No chain names the owner of an organization's trail, so for one every
    /// account must be in scope.
    fn restarts(
        &self,
        plan: &VerifyPlan,
        unexplained: &BTreeSet<ChainId>,
        emit: &mut (dyn FnMut(&RunEvent) + Send),
    ) {
        let is_searched =
            |ChainId { account, home_region, organization, .. }: &ChainId| match organization {
                None => self.searched.contains(&(account.clone(), home_region.clone())),
                Some(_) => {
                    plan.scope.accounts.is_empty()
                        && self.searched.iter().any(|(_, region)| region == home_region)
                }
            };
        let open = self.ended.iter().filter(|end| end.counts && !unexplained.contains(&end.chain));
        let regions: BTreeSet<&Region> =
            open.filter(|end| !is_searched(&end.chain)).map(|end| &end.chain.home_region).collect();
        for region in regions {
            emit(&RunEvent::CheckNotPerformed(SkippedCheck {
                check: Check::Restarts,
                why: SkipReason::OutsideLocation,
                region: Some(region.clone()),
                detail: String::new(),
            }));
        }
    }

    /// Reports the answer for every place that was found, named or expected.
    fn answer(
        &mut self,
        plan: &VerifyPlan,
        unexplained: BTreeSet<ChainId>,
        emit: &mut (dyn FnMut(&RunEvent) + Send),
    ) {
        let answers = std::mem::take(&mut self.answers);
        let (events, places) = account_for(plan, answers, &self.evidence, &unexplained);
        let doubt = |chain| PlaceInDoubt::chain(PlaceDoubt::EndedUnexplained, chain);
        let ends = unexplained.iter().map(|chain| RunEvent::PlaceInDoubt(doubt(chain)));
        for event in events.into_iter().chain(ends) {
            match &event {
                RunEvent::LogsWithoutDigests { .. } => self.tally.without_digests += 1,
                RunEvent::ListingUnread { .. } => self.tally.listings_unread += 1,
                RunEvent::PlaceInDoubt(place) => {
                    self.tally.place_in_doubt(place.why, plan.period);
                }
                _ => {}
            }
            emit(&event);
        }
        emit(&RunEvent::PlacesAnswered(places));
    }

    /// Reports log files that no proven digest names, or that the search for them was switched off.
    fn unlisted(&mut self, plan: &VerifyPlan, emit: &mut (dyn FnMut(&RunEvent) + Send)) {
        let Some(found) = self.unlisted.take() else {
            emit(&RunEvent::CheckNotPerformed(SkippedCheck {
                check: Check::UnlistedLogs,
                why: SkipReason::SwitchedOff,
                region: None,
                detail: String::new(),
            }));
            return;
        };
        let (strays, doubts, set_aside) = found.finish(&plan.bucket).into_parts();
        for (key, entry) in strays {
            let at = ObjectLocation::new(plan.bucket.as_str(), key);
            match entry.stray {
                Stray::Unlisted { last_modified, reason } => {
                    self.tally.unlisted += 1;
                    emit(&RunEvent::LogUnlisted { at, last_modified, reason });
                }
                Stray::CopyOf(hash) => emit(&RunEvent::CopyOf { at, hash }),
            }
        }
        for (folder, why) in doubts {
            self.tally.listings_unread += 1;
            emit(&RunEvent::ListingUnread { folder, why });
        }
        self.tally.set_aside = set_aside;
    }
}

/// Returns the entries below the folders of CloudTrail that the source skipped: it is not known what
/// they hold.
pub(crate) fn passed_over(source: &dyn ObjectSource) -> BTreeSet<String> {
    let below = |at: &ObjectLocation| at.key.split('/').any(|part| part == ROOT);
    source.passed_over().into_iter().filter(below).map(|at| at.key).collect()
}
