//! What a run accounts for in addition to its chains: every place that was found, named or
//! expected.
use crate::locate::discover::Found;
use crate::locate::place::Place;
use crate::source::many::in_order;
use crate::source::{BoxFuture, ObjectSource};
use crate::verify::chain::job::ChainJob;
use crate::verify::plan::VerifyPlan;
use crate::verify::unlisted::folders::has_logs;
use crate::verify::unlisted::unvalidated::Unvalidated;
use std::collections::{BTreeMap, BTreeSet};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::codes::unlisted::UnlistedReason;
use trailproof_core::record::{PlaceDoubt, PlaceInDoubt, PlacesAnswered, Presence, RunEvent};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::{AccountId, OrganizationId, Region};
use trailproof_core::vocab::key_layout::KeyRoot;

/// The places without a listed digest of the period, each with what is known about log files of the
/// period there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uncovered(BTreeMap<Place, Logs>);

/// Whether a place has log files of the period.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Logs {
    /// None: every folder was listed.
    None,
    /// Some, in this folder, with the likely reason.
    In(String, UnlistedReason),
    /// Unknown: a folder could not be listed.
    Unknown(String, ReadFailure),
}

impl Uncovered {
    /// Looks for log files of the period in every place without a digest of the period.
    pub(crate) async fn look(plan: &VerifyPlan, source: &dyn ObjectSource, found: &Found) -> Self {
        let unvalidated = &Unvalidated::new(&plan.bucket, plan.status.clone());
        let places = found.places.iter().filter(|place| !found.covering.contains_key(*place));
        let looks = in_order(places.map(|place| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let names = found.log_folders.get(place).map_or(&[][..], Vec::as_slice);
                (place.clone(), logs(plan, source, place, names, unvalidated).await)
            })
        }))
        .await;
        Self(looks.into_iter().collect())
    }

    /// Returns the places that have log files of the period.
    pub(crate) fn with_logs(&self) -> impl Iterator<Item = &Place> {
        self.0.iter().filter(|(_, logs)| matches!(logs, Logs::In(..))).map(|(place, _)| place)
    }
}

/// Returns whether any of these folders has log files of the period.
async fn logs(
    plan: &VerifyPlan,
    source: &dyn ObjectSource,
    place: &Place,
    names: &[String],
    unvalidated: &Unvalidated,
) -> Logs {
    let mut answer = Logs::None;
    for name in names {
        match has_logs(source, &plan.bucket, place, name, plan.period).await {
            Ok(true) => {
                let reason = unvalidated.reason(&place.root.prefix, Some(place)).await;
                return Logs::In(place.folder(name), reason);
            }
            Ok(false) => {}
            Err(why) => answer = Logs::Unknown(place.folder(name), why),
        }
    }
    answer
}

/// What a run reports about places once its jobs are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    /// Number of places found, by answer.
    places: PlacesAnswered,
    /// Ended chains of each place that has no other answer.
    ended: Vec<BTreeSet<ChainId>>,
    /// Events about places, in canonical order.
    pub(crate) events: Vec<RunEvent>,
}

impl Answers {
    /// Accounts for every place that was found, named or expected.
    pub(crate) fn of(
        plan: &VerifyPlan,
        found: &Found,
        uncovered: &Uncovered,
        jobs: &[ChainJob],
    ) -> Self {
        let absent = jobs.iter().filter(|job| matches!(job.presence, Presence::Absent { .. }));
        let absent: BTreeSet<PlaceKey<'_>> = absent
            .map(|job| {
                let chain = &job.chain;
                (chain.organization.as_ref(), &chain.account, &chain.source_region)
            })
            .collect();
        // A newest digest before the period may be so recent that it accounts for the period.
        let present = jobs.iter().filter(|job| job.presence == Presence::Present);
        let present: BTreeSet<PlaceKey<'_>> = present
            .map(|job| {
                let chain = &job.chain;
                (chain.organization.as_ref(), &chain.account, &chain.source_region)
            })
            .collect();
        let mut answers = Self::default();
        let evidence = Evidence::of(jobs);
        let any = !evidence.chains.is_empty();
        for place in &found.places {
            let is_old = found.older.contains_key(place) && !found.covering.contains_key(place);
            if is_old && present.contains(&key(place)) {
                answers.places.found += 1;
                answers.places.covered += 1;
                continue;
            }
            answers.place(plan, found, (uncovered.0.get(place), any), place, &absent);
        }
        answers.named(plan, &evidence);
        answers.expected(plan, &evidence);
        answers
    }

    fn place(
        &mut self,
        plan: &VerifyPlan,
        found: &Found,
        (logs, evidence): (Option<&Logs>, bool),
        place: &Place,
        absent: &BTreeSet<PlaceKey<'_>>,
    ) {
        let places = &mut self.places;
        places.found += 1;
        let doubt = |why, folder: String| RunEvent::PlaceInDoubt(PlaceInDoubt::folder(why, folder));
        if found.unlisted.contains(place) {
            // The failed listing has its own event.
            places.doubtful += 1;
            return;
        }
        if let Some(covering) = found.covering.get(place) {
            match covering.iter().any(|chain| plan.scope.has(chain)) {
                true => places.covered += 1,
                false => places.left_out += 1,
            }
            return;
        }
        match logs {
            Some(Logs::In(folder, reason)) => {
                let absent = absent.contains(&key(place));
                // If trails are named and found, log files of other trails are out of scope.
                if !absent && !plan.scope.trails.is_empty() && evidence {
                    places.left_out += 1;
                    return;
                }
                places.doubtful += 1;
                // An absent chain has its own events.
                if !absent {
                    let (folder, reason) = (folder.clone(), *reason);
                    self.events.push(RunEvent::LogsWithoutDigests { folder, reason });
                }
            }
            Some(Logs::Unknown(folder, why)) => {
                places.doubtful += 1;
                let (folder, why) = (folder.clone(), why.clone());
                self.events.push(RunEvent::ListingUnread { folder, why });
            }
            Some(Logs::None) | None if found.unreadable.contains(place) => {
                places.doubtful += 1;
                self.events.push(doubt(PlaceDoubt::DigestsUnreadable, place.digest_folder()));
            }
            Some(Logs::None) | None if absent.contains(&key(place)) => places.doubtful += 1,
            Some(Logs::None) | None => match found.older.get(place) {
                Some(older) if older.iter().any(|chain| plan.scope.has(chain)) => {
                    self.ended.push(older.clone());
                }
                Some(_) => places.left_out += 1,
                None => places.empty += 1,
            },
        }
    }

    /// Returns the answers, given the chains whose end nothing explains.
    pub(crate) fn places_with(&self, unexplained: &BTreeSet<ChainId>) -> PlacesAnswered {
        let mut places = self.places;
        for chains in &self.ended {
            match chains.is_disjoint(unexplained) {
                true => places.ended += 1,
                false => places.doubtful += 1,
            }
        }
        places
    }

    /// Checks that each named account, region and trail has evidence, or a chain that is reported
    /// as absent.
    fn named(&mut self, plan: &VerifyPlan, evidence: &Evidence) {
        let scope = &plan.scope;
        self.absent(PlaceDoubt::NamedNotFound, &scope.accounts, &scope.regions, evidence);
        for filter in &scope.trails {
            let is_meant = |chain: &&ChainId| filter.names(chain);
            if !evidence.chains.iter().any(is_meant) {
                self.events.push(RunEvent::PlaceInDoubt(PlaceInDoubt {
                    why: PlaceDoubt::NamedNotFound,
                    folder: None,
                    folders: None,
                    account: None,
                    region: None,
                    trail: Some(filter.to_string()),
                }));
            }
        }
        if scope.organization.is_some() && scope.accounts.is_empty() && evidence.chains.is_empty() {
            for prefix in &plan.roots {
                let organization = scope.organization.clone().flatten();
                let root = KeyRoot { prefix: prefix.clone(), organization };
                let doubt = PlaceInDoubt::folder(PlaceDoubt::NamedNotFound, root.folder());
                self.events.push(RunEvent::PlaceInDoubt(doubt));
            }
        }
    }

    /// Checks the same for what is expected, as far as it is in scope.
    fn expected(&mut self, plan: &VerifyPlan, evidence: &Evidence) {
        let scope = &plan.scope;
        let accounts = plan.expected.accounts.iter().flatten();
        let accounts: Vec<_> = accounts.filter(|one| scope.has_account(one)).cloned().collect();
        let regions = plan.expected.regions.iter().flatten();
        let regions: Vec<_> = regions.filter(|one| scope.has_region(one)).cloned().collect();
        self.absent(PlaceDoubt::ExpectedNotFound, &accounts, &regions, evidence);
    }

    /// Reports each account and region, and each pair if both are given, that has no evidence.
    fn absent(
        &mut self,
        why: PlaceDoubt,
        accounts: &[AccountId],
        regions: &[Region],
        evidence: &Evidence,
    ) {
        let mut absent: BTreeSet<(Option<&AccountId>, Option<&Region>)> = BTreeSet::new();
        for account in accounts {
            // If both are named, the account may have evidence in other regions.
            let whole = regions.is_empty() || why == PlaceDoubt::ExpectedNotFound;
            if whole && !evidence.accounts.contains(account) {
                absent.insert((Some(account), None));
                continue;
            }
            for region in regions {
                if !evidence.places.contains(&(account, region)) {
                    absent.insert((Some(account), Some(region)));
                }
            }
        }
        for region in regions.iter().filter(|_| accounts.is_empty()) {
            if !evidence.regions.contains(region) {
                absent.insert((None, Some(region)));
            }
        }
        self.events.extend(absent.into_iter().map(|(account, region)| {
            RunEvent::PlaceInDoubt(PlaceInDoubt {
                why,
                folder: None,
                folders: None,
                account: account.cloned(),
                region: region.cloned(),
                trail: None,
            })
        }));
    }
}

/// The fields that chains and places have in common.
type PlaceKey<'a> = (Option<&'a OrganizationId>, &'a AccountId, &'a Region);

fn key(place: &Place) -> PlaceKey<'_> {
    (place.root.organization.as_ref(), &place.account, &place.region)
}

/// The chains that have evidence, or that are reported as absent.
struct Evidence<'a> {
    chains: Vec<&'a ChainId>,
    accounts: BTreeSet<&'a AccountId>,
    regions: BTreeSet<&'a Region>,
    places: BTreeSet<(&'a AccountId, &'a Region)>,
}

impl<'a> Evidence<'a> {
    fn of(jobs: &'a [ChainJob]) -> Self {
        let counts = jobs.iter().filter(|job| !matches!(job.presence, Presence::Ended { .. }));
        let chains: Vec<&ChainId> = counts.map(|job| &job.chain).collect();
        Self {
            accounts: chains.iter().map(|chain| &chain.account).collect(),
            regions: chains.iter().map(|chain| &chain.source_region).collect(),
            places: chains.iter().map(|chain| (&chain.account, &chain.source_region)).collect(),
            chains,
        }
    }
}
