//! A run in parts: what is found out before its parts are walked, and how one part is walked.
//!
//! [`survey_all`] finds the places, looks at one account's region after the other, and keeps only what the
//! parts must know of each other, so that memory does not grow with the length of the period. Parts can be
//! surveyed apart, too: [`find_parts`] finds them, [`survey_part`] looks at one, and
//! [`Surveyed::complete`] joins them.
use super::chains::{Prepared, ToWalk};
use super::discover::jobs::{Across, Contribution, Outside};
use super::discover::joined::join_paths;
use super::discover::places::Uncovered;
use super::listed_ends::{ChangedDigest, ListedEnds};
use super::part::{AccountRegion, Part};
use super::plan::VerifyPlan;
use super::run::Opening;
use super::trail_status::DeliversHere;
use super::unlisted::search::{Beside, SearchedPlaces};
use super::unlisted::unvalidated::Unvalidated;
use crate::locate::discover::{Folders, Found, find_places, list_chains};
use crate::locate::place::Place;
use crate::source::many::few_in_order;
use crate::source::{BoxFuture, ObjectSource};
use crate::trust::KeyService;
use crate::trust::key_book::KeyBook;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::vocab::ids::AccountId;

/// Accounts' regions whose listings are held at once. Each is listed in concurrent parts, so a few
/// keep any store busy; seven years of one trail take 0.7 MB.
const AT_ONCE: usize = 32;

/// What is known of a whole run before its parts are walked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surveyed {
    pub(crate) places: SearchedPlaces,
    /// Places whose digests could not be listed.
    pub(crate) unreadable: BTreeMap<Place, ReadFailure>,
    pub(crate) across: Across,
    pub(crate) opening: Opening,
    /// The prefix of the trail whose status is about this evidence.
    pub(crate) status_prefix: Option<String>,
    /// The digests that were listed, by account and region.
    pub(crate) listed: BTreeMap<AccountRegion, ListedEnds>,
    /// Entries below the folders of CloudTrail that were skipped.
    pub(crate) passed_over: BTreeSet<String>,
}

impl Surveyed {
    /// Returns every account and region that a part must cover, in canonical order.
    pub(crate) fn regions(&self) -> BTreeSet<AccountRegion> {
        let places = self.places.places.iter();
        let places = places.map(|place| (place.account.clone(), place.region.clone()));
        let expected = self.across.expected.iter();
        let expected = expected.map(|chain| (chain.account.clone(), chain.source_region.clone()));
        places.chain(expected).collect()
    }

    /// Returns the folders of a part.
    fn folders(&self, part: &Part) -> Folders {
        let mut folders = Folders::default();
        let SearchedPlaces { places, log_folders, without_digests } = &self.places;
        for place in places.iter().filter(|place| part.has(&place.account, &place.region)) {
            if let Some(names) = log_folders.get(place) {
                folders.logs.insert(place.clone(), names.clone());
            }
            if !without_digests.contains(place) {
                folders.digests.insert(place.clone());
            }
        }
        folders
    }
}

/// Finds out what the parts of a run must know of each other.
pub(crate) async fn survey_all(plan: &VerifyPlan, source: &Arc<dyn ObjectSource>) -> Surveyed {
    let (mut surveyed, outside) = find_parts(plan, source).await;
    let part = survey_part(plan, &surveyed, &Part::default(), source).await;
    surveyed.complete(plan, [part], outside);
    surveyed
}

/// Finds the places that the parts of a run are made of, and what lies outside its scope. No digest in
/// scope is listed.
pub(crate) async fn find_parts(
    plan: &VerifyPlan,
    source: &Arc<dyn ObjectSource>,
) -> (Surveyed, Outside) {
    let folders = find_places(source, &plan.bucket, &plan.roots, &plan.scope).await;
    let outside = Outside::look(plan, source).await;
    let mut surveyed = Surveyed::default();
    let places = folders.digests.iter().chain(folders.logs.keys());
    surveyed.places = SearchedPlaces {
        places: places.cloned().collect(),
        without_digests: folders
            .logs
            .keys()
            .filter(|place| !folders.digests.contains(*place))
            .cloned()
            .collect(),
        log_folders: folders.logs,
    };
    surveyed.opening.unread = folders.unread;
    if let Some(status) = &plan.status {
        match status.delivers_here(&plan.place, &plan.roots).await {
            Ok(status) => surveyed.status_prefix = Some(status.prefix().to_owned()),
            Err(not_made) => surveyed.opening.status_not_asked = Some(not_made),
        }
    }
    surveyed.passed_over = super::after_chains::passed_over(source.as_ref());
    (surveyed, outside)
}

/// What was seen of a part of the bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartSurvey {
    pub(crate) contribution: Contribution,
    /// The digests that were listed, by account and region.
    pub(crate) listed: BTreeMap<AccountRegion, ListedEnds>,
    /// Listings that could not be read: the folder and the reason.
    pub(crate) unread: Vec<(String, ReadFailure)>,
    /// Places whose digests could not be listed.
    pub(crate) unreadable: BTreeMap<Place, ReadFailure>,
    /// Entries below the folders of CloudTrail that were skipped.
    pub(crate) passed_over: BTreeSet<String>,
}

/// Lists the digests of a part of the places that were found.
pub(crate) async fn survey_part(
    plan: &VerifyPlan,
    surveyed: &Surveyed,
    part: &Part,
    source: &Arc<dyn ObjectSource>,
) -> PartSurvey {
    let unvalidated = &Unvalidated::new(&plan.bucket, plan.status.clone());
    let mut regions: BTreeMap<AccountRegion, Folders> = BTreeMap::new();
    let at = |place: &Place| (place.account.clone(), place.region.clone());
    let Folders { digests, logs, .. } = surveyed.folders(part);
    for place in digests {
        regions.entry(at(&place)).or_default().digests.insert(place);
    }
    for (place, names) in logs {
        regions.entry(at(&place)).or_default().logs.insert(place, names);
    }
    let looks = regions.into_iter().map(|(at, folders)| -> BoxFuture<'_, _> {
        Box::pin(async move { (at, look(plan, source, folders, unvalidated).await) })
    });
    let looks: Vec<_> = looks.collect();
    let mut survey = PartSurvey::default();
    for (at, looked) in few_in_order(looks, AT_ONCE).await {
        survey.unread.extend(looked.unread);
        survey.unreadable.extend(looked.unreadable);
        survey.listed.insert(at, looked.listed);
        survey.contribution.join(looked.contribution);
    }
    survey.passed_over = super::after_chains::passed_over(source.as_ref());
    survey
}

impl Surveyed {
    /// Adds what was seen of every part, in canonical order.
    pub(crate) fn complete(
        &mut self,
        plan: &VerifyPlan,
        parts: impl IntoIterator<Item = PartSurvey>,
        outside: Outside,
    ) {
        let mut all = Contribution::default();
        for part in parts {
            self.opening.unread.extend(part.unread);
            self.unreadable.extend(part.unreadable);
            self.listed.extend(part.listed);
            self.passed_over.extend(part.passed_over);
            all.join(part.contribution);
        }
        self.opening.unread.sort_by(|(one, _), (other, _)| one.cmp(other));
        self.across = all.across(plan, outside);
    }
}

/// What was seen of one account's region.
struct Looked {
    contribution: Contribution,
    listed: ListedEnds,
    unread: Vec<(String, ReadFailure)>,
    unreadable: BTreeMap<Place, ReadFailure>,
}

async fn look(
    plan: &VerifyPlan,
    source: &Arc<dyn ObjectSource>,
    folders: Folders,
    unvalidated: &Unvalidated,
) -> Looked {
    let (mut found, uncovered) =
        look_at_part(plan, source, folders, BTreeMap::new(), unvalidated).await;
    let listed = ListedEnds::of(&found);
    Looked {
        contribution: Contribution::of(plan, &mut found, &uncovered),
        listed,
        unread: found.unread,
        unreadable: found.unlisted,
    }
}

async fn look_at_part(
    plan: &VerifyPlan,
    source: &Arc<dyn ObjectSource>,
    folders: Folders,
    unreadable: BTreeMap<Place, ReadFailure>,
    unvalidated: &Unvalidated,
) -> (Found, Uncovered) {
    let (bucket, scope) = (plan.bucket.as_str(), &plan.scope);
    let mut found = list_chains(source, bucket, folders, unreadable, scope, plan.period).await;
    join_paths(source.as_ref(), bucket, &mut found.chains).await;
    let uncovered = Uncovered::look(plan, source.as_ref(), &found, unvalidated).await;
    (found, uncovered)
}

/// What walking a part begins with, and how what is listed differs from the survey.
pub(crate) struct PreparedPart<'p> {
    pub(crate) prepared: Prepared<'p>,
    /// Digests that were listed by only one of the two: the bucket changed.
    pub(crate) changed: Vec<ChangedDigest>,
}

/// Prepares the walk of a part. `accounts` are those whose folders beside the regions are searched
/// with the part, and `roots` is whether what lies beside the accounts is.
///
/// # Errors
///
/// Digests that the survey listed could not be listed.
pub(crate) async fn prepare_part<'p>(
    plan: &'p VerifyPlan,
    surveyed: &'p Surveyed,
    (part, accounts, roots): (Part, BTreeSet<AccountId>, bool),
    source: Arc<dyn ObjectSource>,
    keys: Arc<dyn KeyService>,
    unneeded: &Arc<AtomicU64>,
) -> Result<PreparedPart<'p>, (String, ReadFailure)> {
    let unvalidated = Arc::new(Unvalidated::new(&plan.bucket, plan.status.clone()));
    let folders = surveyed.folders(&part);
    let known = surveyed.unreadable.clone();
    let (mut found, uncovered) = look_at_part(plan, &source, folders, known, &unvalidated).await;
    let is_new = |(place, _): &(&Place, &ReadFailure)| !surveyed.unreadable.contains_key(*place);
    if let Some((place, why)) = found.unlisted.iter().find(is_new) {
        return Err((place.digest_folder(), why.clone()));
    }
    let mut before = ListedEnds::default();
    for ((account, region), listed) in &surveyed.listed {
        if part.has(account, region) {
            before.join(listed.clone());
        }
    }
    let changed = before.differences(&ListedEnds::of(&found));
    // What the survey found about the whole run stands; this adds the digests that reach into the
    // period from before it.
    let _ = Contribution::of(plan, &mut found, &uncovered);
    let beside = Beside::Part { part: part.clone(), accounts, roots };
    let search = plan.unlisted.then(|| (surveyed.places.clone(), beside));
    let status = plan.status.clone().zip(surveyed.status_prefix.clone());
    let to_walk = ToWalk {
        plan,
        found,
        uncovered,
        across: &surveyed.across,
        part,
        only: None,
        search,
        status: status.map(|(status, prefix)| DeliversHere::new(status, prefix)),
        unvalidated,
    };
    let book = Arc::new(KeyBook::new(keys, plan.now));
    let prepared = Prepared::new(to_walk, source, book, unneeded).await;
    Ok(PreparedPart { prepared, changed })
}
