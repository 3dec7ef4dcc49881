//! Decides which events are about the evidence of a record. All others are context: they never name
//! anybody in a deed.
use super::facts::RecordFacts;
use std::collections::BTreeSet;
use trailproof_core::codes::technique::{NotTied, Technique};
use trailproof_core::control::policy::Truth;
use trailproof_core::trail_event::{
    Deed, Effect, GapQuery, KeyName, NamedTrail, Place, Recorded, Subject, TrailEvent, deed,
};
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::{AccountId, OrganizationId, Region, TrailName};
use trailproof_core::vocab::location::ObjectLocation;

/// What a common prefix of deleted objects must reach into to be about log files or digests of one
/// account: both folders begin like this.
const FOLDER: &str = "/CloudTrail";

/// What the record is about.
#[derive(Debug, Default)]
pub(crate) struct Ties {
    /// Trails with their owners; no owner is known of an organization's trail.
    trails: BTreeSet<(TrailName, Region, Option<AccountId>)>,
    accounts: BTreeSet<AccountId>,
    members: BTreeSet<AccountId>,
    organizations: BTreeSet<OrganizationId>,
    regions: BTreeSet<(AccountId, Region)>,
    keys: BTreeSet<KeyName>,
    /// Where its digests lie: each chain with the folders of its digests.
    places: Vec<(ChainId, String)>,
    bucket: String,
    /// Keys of affected objects, and of log files that no digest names.
    objects: BTreeSet<String>,
}

impl Ties {
    pub(crate) fn of(facts: &RecordFacts, bucket: &str) -> Self {
        let mut ties = Self { bucket: bucket.to_owned(), ..Self::default() };
        for chain in &facts.chains {
            let of_chain = chain.folders.keys().map(|it| (chain.summary.chain.clone(), it.clone()));
            ties.places.extend(of_chain);
            let ChainId { account, source_region, trail, home_region, organization } =
                &chain.summary.chain;
            let owner = organization.is_none().then(|| account.clone());
            ties.trails.insert((trail.clone(), home_region.clone(), owner));
            ties.accounts.insert(account.clone());
            ties.regions.insert((account.clone(), source_region.clone()));
            if let Some(organization) = organization {
                ties.members.insert(account.clone());
                ties.organizations.insert(organization.clone());
            }
            ties.keys.extend(chain.keys.iter().map(|used| used.key.clone()));
        }
        ties.keys.extend(facts.affected.iter().filter_map(|affected| affected.kms_key.clone()));
        let unlisted = facts.unlisted.iter().map(|unlisted| &unlisted.at);
        let here = |at: &&ObjectLocation| at.bucket == bucket;
        let all = facts.affected.iter().map(|affected| &affected.at).chain(unlisted);
        ties.objects.extend(all.filter(here).map(|at| at.key.clone()));
        ties
    }

    /// Judges an event that was found in a log file of a chain.
    pub(crate) fn judge(
        &self,
        event: &TrailEvent,
        log: &ObjectLocation,
        chain: &ChainId,
    ) -> Option<Deed> {
        let bucket = self.bucket.as_str();
        let places = self.places.iter().map(|(chain, folder)| Place { chain, bucket, folder });
        deed(event, Recorded { log, chain, bucket }, places)
    }

    /// Returns why an event is not about the evidence; `None` if it is.
    pub(crate) fn not_tied(&self, deed: &Deed) -> Option<NotTied> {
        use Technique as T;
        if let (Some(key), Some(technique)) = (&deed.key, deed.technique)
            && matches!(
                technique,
                T::ObjectsDeleted | T::VersionsDeleted | T::ObjectsReplaced | T::ObjectsRansomed
            )
        {
            return (!self.objects.contains(key)).then_some(NotTied::OtherObject);
        }
        // A call that deletes several objects names only what their keys begin with, or not even that.
        if deed.technique == Some(T::ObjectsDeleted) {
            let prefix = deed.prefix.as_deref().unwrap_or_default();
            let first = self.objects.range(prefix.to_owned()..).next();
            let may = first.is_some_and(|it| it.starts_with(prefix));
            return (!may).then_some(NotTied::OtherObject);
        }
        if deed.in_bucket || deed.effects.iter().any(|(subject, _)| self.concerns(subject)) {
            return None;
        }
        match (deed.effects.first(), &deed.trail) {
            (Some((Subject::Key(_), _)), _) => Some(NotTied::OtherKey),
            (
                Some((
                    Subject::Trail(_)
                    | Subject::TrailNotAt { .. }
                    | Subject::TrailElsewhere(_)
                    | Subject::TrailMembers(_),
                    _,
                )),
                _,
            ) => Some(NotTied::OtherTrail),
            (Some(_), _) => Some(NotTied::OtherPlace),
            (None, Some(trail)) => (!self.has(trail)).then_some(NotTied::OtherTrail),
            (None, None) => Some(NotTied::OtherResource),
        }
    }

    fn has(&self, trail: &NamedTrail) -> bool {
        let NamedTrail { name, home, owner } = trail;
        let of = |owner: Option<AccountId>| (name.clone(), home.clone(), owner);
        self.trails.contains(&of(Some(owner.clone()))) || self.trails.contains(&of(None))
    }

    fn concerns(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Trail(trail)
            | Subject::TrailNotAt { trail, .. }
            | Subject::TrailElsewhere(trail)
            | Subject::TrailMembers(trail) => self.has(trail),
            // Only calls about the bucket of the evidence have these subjects.
            Subject::Bucket(_)
            | Subject::NotLet { .. }
            | Subject::Objects { .. }
            | Subject::Digest { .. } => true,
            Subject::Key(key) => self.keys.contains(key),
            Subject::Account(account) => self.accounts.contains(account),
            Subject::Member(account) => self.members.contains(account),
            Subject::Members(Some(organization)) => self.organizations.contains(organization),
            Subject::Members(None) => !self.organizations.is_empty(),
            Subject::Region(account, region) => {
                self.regions.contains(&(account.clone(), region.clone()))
            }
        }
    }
}

/// Returns whether a call deleted objects that may be any of the bucket: all that it names is a beginning of
/// their keys that log files share with everything else.
pub(crate) fn is_wide(deed: &Deed) -> bool {
    let prefix = deed.prefix.as_deref().unwrap_or_default();
    let is_bulk = deed.technique == Some(Technique::ObjectsDeleted) && deed.key.is_none();
    is_bulk && !prefix.contains(FOLDER)
}

/// Returns whether an event did something to one chain: surely, or as far as its effects can be decided.
pub(crate) fn concerns(deed: &Deed, of: &GapQuery<'_>) -> Truth {
    if is_wide(deed) {
        return Truth::No;
    }
    let effects = deed.effects.iter().map(|(subject, effect)| match effect {
        Effect::MayStop => is_about(subject, of).min(Truth::Perhaps),
        _ => is_about(subject, of),
    });
    effects.max().unwrap_or(Truth::No)
}

/// Returns whether a subject is one chain, or something that the chain depends on.
pub(crate) fn is_about(subject: &Subject, of: &GapQuery<'_>) -> Truth {
    let chain = of.chain;
    let is_about = match subject {
        Subject::Trail(trail) | Subject::TrailNotAt { trail, .. } => trail.owns(chain),
        Subject::TrailElsewhere(trail) => {
            trail.owns(chain) && chain.source_region != chain.home_region
        }
        Subject::TrailMembers(trail) => trail.owns(chain) && chain.organization.is_some(),
        Subject::Bucket(_) | Subject::NotLet { .. } | Subject::Objects { .. } => true,
        Subject::Digest { chain: of, .. } => **of == *chain,
        Subject::Key(key) => of.keys.contains(key),
        Subject::Account(account) => *account == chain.account,
        Subject::Member(account) => *account == chain.account && chain.organization.is_some(),
        Subject::Members(Some(of)) => chain.organization.as_ref() == Some(of),
        Subject::Members(None) => chain.organization.is_some(),
        Subject::Region(account, region) => {
            *account == chain.account && *region == chain.source_region
        }
    };
    match subject {
        _ if !is_about => Truth::No,
        // A chain of several places goes on while one is left.
        Subject::TrailNotAt { .. } | Subject::NotLet { .. } => {
            of.places().map(|place| subject.excludes(place)).min().unwrap_or(Truth::Perhaps)
        }
        _ => Truth::Yes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailproof_core::trail_event::Effect;

    fn ties() -> Ties {
        let region = |name: &str| name.parse::<Region>().unwrap();
        let account = || "111122223333".parse::<AccountId>().unwrap();
        Ties {
            trails: [("t".parse().unwrap(), region("us-east-1"), Some(account()))].into(),
            accounts: [account()].into(),
            regions: [(account(), region("us-east-1"))].into(),
            keys: [KeyName::from_arn(KEY).unwrap()].into(),
            objects: ["AWSLogs/1/CloudTrail/us-east-1/a".to_owned()].into(),
            ..Ties::default()
        }
    }

    const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1";

    fn trail(name: &str, home: &str, owner: &str) -> Subject {
        let (name, home, owner) =
            (name.parse().unwrap(), home.parse().unwrap(), owner.parse().unwrap());
        Subject::Trail(NamedTrail { name, home, owner })
    }

    fn of(subject: Subject) -> Option<NotTied> {
        let effects = vec![(subject, Effect::Stops)];
        ties().not_tied(&Deed { effects, ..Deed::default() })
    }

    #[test]
    fn a_trail_is_tied_by_name_home_and_owner() {
        assert_eq!(of(trail("t", "us-east-1", "111122223333")), None);
        for other in [
            trail("u", "us-east-1", "111122223333"),
            trail("t", "eu-west-1", "111122223333"),
            trail("t", "us-east-1", "444455556666"),
        ] {
            assert_eq!(of(other), Some(NotTied::OtherTrail));
        }
    }

    #[test]
    fn keys_objects_and_places_are_tied_by_the_record() {
        let key = |arn| Subject::Key(KeyName::from_arn(arn).unwrap());
        assert_eq!(of(key(KEY)), None);
        assert_eq!(of(key("arn:aws:kms:us-east-1:111122223333:key/2")), Some(NotTied::OtherKey));
        assert_eq!(of(Subject::Account("111122223333".parse().unwrap())), None);
        for place in [
            Subject::Account("444455556666".parse().unwrap()),
            Subject::Member("111122223333".parse().unwrap()),
            Subject::Members(None),
            Subject::Region("111122223333".parse().unwrap(), "eu-west-1".parse().unwrap()),
        ] {
            assert_eq!(of(place), Some(NotTied::OtherPlace));
        }
        let technique = Some(Technique::ObjectsDeleted);
        let named = |key: Option<&str>, prefix: Option<&str>| {
            let text = |it: &str| it.to_owned();
            let (key, prefix) = (key.map(text), prefix.map(text));
            ties().not_tied(&Deed { technique, key, prefix, in_bucket: true, ..Deed::default() })
        };
        let other = Some(NotTied::OtherObject);
        assert_eq!(named(Some("AWSLogs/1/CloudTrail/us-east-1/a"), None), None);
        assert_eq!(named(Some("AWSLogs/1/CloudTrail/us-east-1/b"), None), other);
        assert_eq!(named(None, Some("AWSLogs/1/CloudTrail/us-east-1/")), None);
        // What may be about an object that is missing is never dismissed.
        for (prefix, expected) in [
            (None, None),
            (Some(""), None),
            (Some("AWSLogs/"), None),
            (Some("AWSLogs/1/CloudTrail/eu-west-1/"), other),
            (Some("tmp/"), other),
        ] {
            assert_eq!(named(None, prefix), expected, "{prefix:?}");
        }
        for (prefix, expected) in
            [(None, true), (Some("AWSLogs/"), true), (Some("AWSLogs/1/CloudTrail/"), false)]
        {
            let prefix = prefix.map(str::to_owned);
            let deed = Deed { technique, prefix, in_bucket: true, ..Deed::default() };
            assert_eq!(is_wide(&deed), expected);
        }
        assert_eq!(ties().not_tied(&Deed::default()), Some(NotTied::OtherResource));
        assert_eq!(ties().not_tied(&Deed { in_bucket: true, ..Deed::default() }), None);
    }
}
