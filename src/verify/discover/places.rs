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
use trailproof_core::record::{
    Asked, Evidence, PlaceDoubt, PlaceInDoubt, PlacesAnswered, Presence, RunEvent,
};
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
    pub(crate) async fn look(
        plan: &VerifyPlan,
        source: &dyn ObjectSource,
        found: &Found,
        unvalidated: &Unvalidated,
    ) -> Self {
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

/// The answer for one place that was found, once the jobs are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PlaceAnswer {
    /// A chain in scope has digests there.
    Covered,
    /// Only trails outside of the scope have digests there.
    LeftOut,
    /// It holds no object of the period and no chain that ended.
    Empty,
    /// It is in doubt, and an event of its own says why.
    Doubtful,
    /// It holds log files of the period in this folder, and no chain.
    Logs(String, UnlistedReason),
    /// It is not known whether this folder holds log files.
    Unknown(String, ReadFailure),
    /// This folder of digests holds no key that names a digest.
    Unreadable(String),
    /// These chains ended before the period.
    Ended(BTreeSet<ChainId>),
}

/// Returns the answer for every place that was found.
pub(crate) fn answers(
    plan: &VerifyPlan,
    found: &Found,
    uncovered: &Uncovered,
    jobs: &[ChainJob],
) -> BTreeMap<Place, PlaceAnswer> {
    let with = |is: fn(&Presence) -> bool| -> BTreeSet<PlaceKey<'_>> {
        let jobs = jobs.iter().filter(|job| is(&job.presence));
        jobs.map(|job| {
            let chain = &job.chain;
            (chain.organization.as_ref(), &chain.account, &chain.source_region)
        })
        .collect()
    };
    let absent = with(|presence| matches!(presence, Presence::Absent { .. }));
    // A newest digest before the period may be so recent that it accounts for the period.
    let present = with(|presence| *presence == Presence::Present);
    let answer = |place: &Place| {
        let is_old = found.older.contains_key(place) && !found.covering.contains_key(place);
        if is_old && present.contains(&key(place)) {
            return PlaceAnswer::Covered;
        }
        answer(plan, found, uncovered.0.get(place), place, absent.contains(&key(place)))
    };
    found.places.iter().map(|place| (place.clone(), answer(place))).collect()
}

fn answer(
    plan: &VerifyPlan,
    found: &Found,
    logs: Option<&Logs>,
    place: &Place,
    absent: bool,
) -> PlaceAnswer {
    // The failed listing has its own event, and so has an absent chain.
    if found.unlisted.contains_key(place) {
        return PlaceAnswer::Doubtful;
    }
    if let Some(covering) = found.covering.get(place) {
        return match covering.iter().any(|chain| plan.scope.has(chain)) {
            true => PlaceAnswer::Covered,
            false => PlaceAnswer::LeftOut,
        };
    }
    match logs {
        Some(Logs::In(..)) if absent => PlaceAnswer::Doubtful,
        Some(Logs::In(folder, reason)) => PlaceAnswer::Logs(folder.clone(), *reason),
        Some(Logs::Unknown(folder, why)) => PlaceAnswer::Unknown(folder.clone(), why.clone()),
        Some(Logs::None) | None if found.unreadable.contains(place) => {
            PlaceAnswer::Unreadable(place.digest_folder())
        }
        Some(Logs::None) | None if absent => PlaceAnswer::Doubtful,
        Some(Logs::None) | None => match found.older.get(place) {
            Some(older) if older.iter().any(|chain| plan.scope.has(chain)) => {
                PlaceAnswer::Ended(older.clone())
            }
            Some(_) => PlaceAnswer::LeftOut,
            None => PlaceAnswer::Empty,
        },
    }
}

/// Returns the events about places and the number of places by answer. `evidence` holds the chains
/// that have evidence or that are reported as absent, and `unexplained` those whose end nothing
/// explains.
pub(crate) fn account_for(
    plan: &VerifyPlan,
    answers: BTreeMap<Place, PlaceAnswer>,
    evidence: &BTreeSet<ChainId>,
    unexplained: &BTreeSet<ChainId>,
) -> (Vec<RunEvent>, PlacesAnswered) {
    let mut account = Account::default();
    account.places.found = u64::try_from(answers.len()).unwrap_or(u64::MAX);
    // If trails are named and found, log files of other trails are out of scope.
    let named = !plan.scope.trails.is_empty() && !evidence.is_empty();
    for answer in answers.into_values() {
        account.place(answer, named, unexplained);
    }
    account.asked(plan, evidence);
    (account.events, account.places)
}

/// The account of the places of a run.
#[derive(Debug, Default)]
struct Account {
    places: PlacesAnswered,
    events: Vec<RunEvent>,
}

impl Account {
    fn place(&mut self, answer: PlaceAnswer, named: bool, unexplained: &BTreeSet<ChainId>) {
        let places = &mut self.places;
        match answer {
            PlaceAnswer::Covered => places.covered += 1,
            PlaceAnswer::LeftOut => places.left_out += 1,
            PlaceAnswer::Empty => places.empty += 1,
            PlaceAnswer::Doubtful => places.doubtful += 1,
            PlaceAnswer::Logs(..) if named => places.left_out += 1,
            PlaceAnswer::Logs(folder, reason) => {
                places.doubtful += 1;
                self.events.push(RunEvent::LogsWithoutDigests { folder, reason });
            }
            PlaceAnswer::Unknown(folder, why) => {
                places.doubtful += 1;
                self.events.push(RunEvent::ListingUnread { folder, why });
            }
            PlaceAnswer::Unreadable(folder) => {
                places.doubtful += 1;
                let doubt = PlaceInDoubt::folder(PlaceDoubt::DigestsUnreadable, folder);
                self.events.push(RunEvent::PlaceInDoubt(doubt));
            }
            PlaceAnswer::Ended(chains) if chains.is_disjoint(unexplained) => places.ended += 1,
            PlaceAnswer::Ended(_) => places.doubtful += 1,
        }
    }

    /// Reports what was named or is expected, as far as it is in scope, and has no chain with
    /// evidence or that is reported as absent.
    fn asked(&mut self, plan: &VerifyPlan, chains: &BTreeSet<ChainId>) {
        let scope = &plan.scope;
        let accounts = plan.expected.accounts.as_deref().unwrap_or_default();
        let regions = plan.expected.regions.as_deref().unwrap_or_default();
        let asked = Asked::new(scope, accounts, regions);
        let evidence: Evidence = chains.iter().collect();
        let named = asked.named_absent(&evidence).chain(asked.trails_absent(&evidence));
        self.events.extend(named.map(RunEvent::PlaceInDoubt));
        if scope.organization.is_some() && scope.accounts.is_empty() && chains.is_empty() {
            for prefix in &plan.roots {
                let organization = scope.organization.clone().flatten();
                let root = KeyRoot { prefix: prefix.clone(), organization };
                let doubt = PlaceInDoubt::folder(PlaceDoubt::NamedNotFound, root.folder());
                self.events.push(RunEvent::PlaceInDoubt(doubt));
            }
        }
        self.events.extend(asked.expected_absent(&evidence).map(RunEvent::PlaceInDoubt));
    }
}

/// The fields that chains and places have in common.
type PlaceKey<'a> = (Option<&'a OrganizationId>, &'a AccountId, &'a Region);

fn key(place: &Place) -> PlaceKey<'_> {
    (place.root.organization.as_ref(), &place.account, &place.region)
}
