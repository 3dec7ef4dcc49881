//! What a run reports after all chains: the events that explain their gaps, and log files that no
//! chain names.
use super::discover::ends::Ended;
use super::discover::places::Answers;
use super::run::{GapsOf, Run};
use super::unlisted::found::Stray;
use super::unlisted::search::UnlistedSearch;
use std::collections::BTreeSet;
use trailproof_core::codes::check::{Check, SkipReason, SkippedCheck};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::record::{PlaceDoubt, PlaceInDoubt, RunEvent};
use trailproof_core::trail_event::{Explanations, GapQuery};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::{AccountId, Region};
use trailproof_core::vocab::key_layout::ROOT;
use trailproof_core::vocab::location::ObjectLocation;

impl Run<'_> {
    /// Reports which events explain the gaps and the ends of chains. Returns the ended chains whose
    /// end nothing explains.
    pub(super) fn explain(
        &mut self,
        ended: &[Ended],
        emit: &mut (dyn FnMut(&RunEvent) + Send),
    ) -> BTreeSet<ChainId> {
        let explanations = Explanations::new(&self.causes, &self.reported_chains);
        for GapsOf { chain, also, folders, kms_keys, gaps } in &self.gaps {
            let (bucket, now) = (self.plan.bucket.as_str(), self.plan.now);
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
        for end in ended {
            let Ended { chain, last, proven, counts, .. } = end;
            let event = end.explained(&explanations, self.plan);
            let known = &self.plan.expected.known_ends;
            let stated = *proven && known.iter().any(|known| known.explains(chain, *last));
            if *counts && event.is_none() && !stated {
                unexplained.insert(chain.clone());
            }
            if let Some(event) = event {
                // For a chain that counts as absent, the event explains the absence.
                let from = if *counts { *last } else { self.plan.period.start };
                let (chain, to) = (chain.clone(), self.plan.period.end);
                emit(&RunEvent::GapExplained { chain, from, to, event });
            }
        }
        unexplained
    }

    /// Reports the home regions in which an ended trail may have been started again, if their log
    /// files are not in `searched`. No chain names the owner of an organization's trail, so for one
    /// every account must be in scope.
    pub(super) fn restarts(
        &self,
        ended: &[Ended],
        unexplained: &BTreeSet<ChainId>,
        searched: &BTreeSet<(AccountId, Region)>,
        emit: &mut (dyn FnMut(&RunEvent) + Send),
    ) {
        let is_searched =
            |ChainId { account, home_region, organization, .. }: &ChainId| match organization {
                None => searched.contains(&(account.clone(), home_region.clone())),
                Some(_) => {
                    self.plan.scope.accounts.is_empty()
                        && searched.iter().any(|(_, region)| region == home_region)
                }
            };
        let open = ended.iter().filter(|end| end.counts && !unexplained.contains(&end.chain));
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
    pub(super) fn answer(
        &mut self,
        answers: Answers,
        unexplained: BTreeSet<ChainId>,
        emit: &mut (dyn FnMut(&RunEvent) + Send),
    ) {
        let places = answers.places_with(&unexplained);
        let doubt = |chain| PlaceInDoubt::chain(PlaceDoubt::EndedUnexplained, chain);
        let ends = unexplained.iter().map(|chain| RunEvent::PlaceInDoubt(doubt(chain)));
        for event in answers.events.iter().cloned().chain(ends) {
            match &event {
                RunEvent::LogsWithoutDigests { .. } => self.tally.without_digests += 1,
                RunEvent::ListingUnread { .. } => self.tally.listings_unread += 1,
                RunEvent::PlaceInDoubt(place) => {
                    self.tally.place_in_doubt(place.why, self.plan.period);
                }
                _ => {}
            }
            emit(&event);
        }
        emit(&RunEvent::PlacesAnswered(places));
    }

    /// Reports the entries below the folders of CloudTrail that were skipped: it is not known what
    /// they hold.
    pub(super) fn passed_over(&mut self, emit: &mut (dyn FnMut(&RunEvent) + Send)) {
        let below = |at: &ObjectLocation| at.key.split('/').any(|part| part == ROOT);
        for at in self.source.passed_over().into_iter().filter(below) {
            self.tally.listings_unread += 1;
            let words = "a symbolic link, a special file or a name that cannot be a key";
            let why = ReadFailure::new(ReadFailureKind::NotFollowed, words);
            emit(&RunEvent::ListingUnread { folder: at.key, why });
        }
    }

    /// Reports log files that no proven digest names, or that the search for them was switched off.
    pub(super) async fn unlisted(
        &mut self,
        search: Option<UnlistedSearch>,
        emit: &mut (dyn FnMut(&RunEvent) + Send),
    ) {
        let Some(search) = search else {
            emit(&RunEvent::CheckNotPerformed(SkippedCheck {
                check: Check::UnlistedLogs,
                why: SkipReason::SwitchedOff,
                region: None,
                detail: String::new(),
            }));
            return;
        };
        let (strays, doubts, set_aside) = search.finish().await.into_parts();
        for (key, stray) in strays {
            let at = ObjectLocation::new(self.plan.bucket.as_str(), key);
            match stray {
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
