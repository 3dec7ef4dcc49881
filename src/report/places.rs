//! The scope, the expected places and the places in doubt, in words.
use super::names::AccountNames;
use super::words;
use trailproof_core::codes::check::{Check, SkipReason, SkippedCheck};
use trailproof_core::record::{PlaceDoubt, PlaceInDoubt, PlacesAnswered, RunStart};
use trailproof_core::vocab::chain_id::ChainHome;
use trailproof_core::vocab::location::{escape, excerpt};

/// Describes for headlines what the scope is limited to, and which checks outside of it were not
/// made. Returns `None` if nothing is left out.
pub(super) fn scope(start: &RunStart, not_made: &[SkippedCheck]) -> Option<String> {
    let mut parts = Vec::new();
    match start.organization.as_deref() {
        None => {}
        Some("") => parts.push("accounts outside any organization".to_owned()),
        Some(organization) => parts.push(format!("organization {organization}")),
    }
    parts.extend(words::scope(&start.trails, &start.accounts, &start.regions));
    let missed = |check| not_made.iter().any(|one| one.check == check);
    let mut words = Vec::new();
    if !parts.is_empty() {
        words.push(format!("{} only", parts.join("; ")));
    }
    let outside = |one: &&SkippedCheck| {
        one.check == Check::ExpectedPlaces && one.why == SkipReason::OutsideLocation
    };
    if not_made.iter().find(outside).is_some() {
        words.push("the rest of the bucket not searched".to_owned());
    } else if missed(Check::ExpectedPlaces) {
        words.push("places outside were not checked".to_owned());
    }
    if missed(Check::Restarts) {
        words.push("restarts of ended trails not searched for".to_owned());
    }
    if let Some(of) = not_made.iter().find(|one| one.why == SkipReason::EarlierRecord) {
        let number = excerpt(&of.detail, SHOWN_PLACE);
        words.push(format!("{number} log files of an earlier record not read again"));
    }
    if missed(Check::StoredContent) {
        words.push("unchanged objects read from the mirror".to_owned());
    }
    if missed(Check::UnlistedLogs) {
        words.push("log files that no digest names not searched for".to_owned());
    }
    let mut others = not_made.iter().filter(|one| one.check == Check::OtherPlaces);
    if let Some(first) = others.next() {
        let place = excerpt(&first.detail, SHOWN_PLACE);
        words.push(match others.count() {
            0 => format!("`{place}` not searched"),
            more => format!("`{place}` and {more} more not searched"),
        });
    }
    (!words.is_empty()).then(|| words.join("; "))
}

/// Describes what the caller expects: accounts, regions and stated ends.
pub(super) fn expected(start: &RunStart) -> String {
    let known = AccountNames::of(start);
    let labels = |accounts: &Vec<String>| -> Vec<String> {
        accounts.iter().map(|account| known.label(account)).collect()
    };
    let names = |names: &Option<Vec<String>>| match names {
        None => "not given".to_owned(),
        Some(names) if names.len() > SHOWN => format!("{} of them", names.len()),
        Some(names) => names.join(", "),
    };
    let mut words = format!(
        "expected accounts: {}; expected regions: {}",
        names(&start.expected_accounts.as_ref().map(labels)),
        names(&start.expected_regions)
    );
    if !start.known_ends.is_empty() {
        let ends = start.known_ends.iter().map(ToString::to_string).collect();
        words = format!("{words}; stated ends: {}", names(&Some(ends)));
    }
    words
}

/// Maximum number of characters of a place in a headline.
const SHOWN_PLACE: usize = 80;

/// Number of names up to which they are listed; more are only counted.
const SHOWN: usize = 20;

/// Describes a place in doubt: its folder, or its account, region and trail.
pub(super) fn place(place: &PlaceInDoubt, names: &AccountNames) -> String {
    if let Some(folder) = &place.folder {
        return match place.folders {
            Some(count) => format!("{count} folders in `{}`", escape(folder)),
            None => format!("`{}`", escape(folder)),
        };
    }
    let mut parts = Vec::new();
    let account = place.account.as_ref().map(|account| names.label(account.as_str()));
    parts.extend(account.map(|account| format!("account {account}")));
    parts.extend(place.region.as_ref().map(|region| format!("region {region}")));
    parts.extend(place.trail.as_ref().map(|trail| format!("trail {}", escape(trail))));
    parts.extend(home(place.home.as_ref()));
    parts.join(", ")
}

/// Describes the home of a trail.
pub(super) fn home(home: Option<&ChainHome>) -> Option<String> {
    let ChainHome { region, organization } = home?;
    let organization = organization.as_ref().map(|id| format!(", organization {id}"));
    Some(format!("home region {region}{}", organization.unwrap_or_default()))
}

/// Returns why a place is in doubt.
pub(super) fn why(why: PlaceDoubt) -> &'static str {
    match why {
        PlaceDoubt::NamedNotFound => "requested, but no digest in the period was found",
        PlaceDoubt::ExpectedNotFound => "expected, but no digest in the period was found",
        PlaceDoubt::DigestsUnreadable => {
            "the digest folder holds objects, but none has the key of a digest"
        }
        PlaceDoubt::NotLookedAt => {
            "not searched: beyond the search limit, or in no place of a chain"
        }
        PlaceDoubt::EndedUnexplained => {
            "the chain ended before the period, and no verified event explains why"
        }
    }
}

/// Describes what was determined about the places that were found.
pub(super) fn answered(places: &PlacesAnswered) -> String {
    let mut parts = vec![format!("{} covered by chains", places.covered)];
    for (count, words) in [
        (places.empty, "without objects in the period"),
        (places.ended, "with a chain that ended before it"),
        (places.left_out, "of other trails only"),
        (places.doubtful, "in doubt"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {words}"));
        }
    }
    parts.join(", ")
}
