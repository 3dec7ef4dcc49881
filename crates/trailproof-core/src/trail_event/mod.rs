//! Events that explain why there are no digests: the trail was stopped, or something that it needs
//! was taken away.
//!
//! Only events in verified log files are considered. An event explains; it does not excuse: the
//! time stays uncovered.
//!
//! [`causes`] extracts the events from a log file, [`KeptEvents`] keeps a bounded number of them,
//! and [`Explanations`] finds those that explain a stretch without digests, or a chain's end. The
//! explaining events are defined in one table, in `operations`.
mod age_rules;
mod compare;
mod contents;
mod deeds;
mod facts;
mod index;
mod kept;
mod kms_use;
mod known_end;
mod operations;
mod place;
mod policy;
mod record;
mod search;
mod secrets;

pub use self::age_rules::{Act, AgeRule, Due};
pub use self::compare::{Change, Comparison, EventChange, FieldChange, compare};
pub use self::contents::{events, without_secrets};
pub use self::deeds::{DEED_NAMES, Deed, LockChange, MarkerChange, deed};
pub use self::facts::Recorded;
pub use self::index::{Explanations, GapQuery};
pub use self::kept::KeptEvents;
pub use self::kms_use::{KmsUse, kms_use};
pub use self::known_end::{KnownEnd, KnownEndError};
pub use self::place::Place;
pub use self::policy::DeliveryPolicy;
pub use self::record::{causes, causes_of};
pub use self::search::{EventFilter, EventRate, FoundEvents, TrailEvent};

use crate::control::policy::Truth;
use crate::vocab::chain_id::ChainId;
use crate::vocab::ids::{AccountId, OrganizationId, Region, TrailName};
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::{HOUR, Timestamp};

/// An event in a verified log file that explains a gap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExplainingEvent {
    /// When it happened.
    pub time: Timestamp,
    /// `eventName`.
    pub name: String,
    /// `eventID`.
    pub id: String,
    /// ARN of the principal, or whatever else the event records about it.
    pub principal: String,
    /// `sourceIPAddress`.
    pub address: String,
    /// The log file that holds it.
    pub log: ObjectLocation,
}

/// Maximum distance in seconds between an event and the edge of a stretch that it explains: the
/// interval that a digest covers.
pub const REACH: i64 = HOUR;

/// The effect of an event on the digests of its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Delivery stops or is hindered, and may continue when the cause is gone.
    Stops,
    /// The same, perhaps: what the call set cannot be decided. Explains nothing.
    MayStop,
    /// The chain ends until it is started again.
    Ends,
    /// A chain begins: the event explains where a gap ends and nothing else.
    Begins,
    /// A restriction is lifted. Explains nothing, but a chain did not stay ended after it.
    Resumes,
    /// Delivered digests, or what protects them, are removed.
    Removes,
}

/// The trail that an event names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedTrail {
    /// Its name.
    pub name: TrailName,
    /// Its home region: the ARN's, or the region in which the call was made.
    pub home: Region,
    /// Its owner: the ARN's account, or the account in which the call was made.
    pub owner: AccountId,
}

impl NamedTrail {
    /// Returns whether a chain is one of this trail. The keys of an organization's trail do not name
    /// its owner.
    pub fn owns(&self, chain: &ChainId) -> bool {
        self.name == chain.trail
            && self.home == chain.home_region
            && (chain.organization.is_some() || self.owner == chain.account)
    }
}

/// A KMS key: region, account and id of its ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName {
    region: String,
    account: String,
    id: String,
}

impl KeyName {
    /// Returns the key with these names.
    pub fn new(
        region: impl Into<String>,
        account: impl Into<String>,
        id: impl Into<String>,
    ) -> Self {
        Self { region: region.into(), account: account.into(), id: id.into() }
    }

    /// Returns its region, account and id.
    pub fn parts(&self) -> (&str, &str, &str) {
        (&self.region, &self.account, &self.id)
    }

    /// Returns the first key whose ARN a message names.
    pub fn in_text(text: &str) -> Option<Self> {
        let ends = |it: char| !(it.is_ascii_alphanumeric() || ":/-_".contains(it));
        text.match_indices("arn:").find_map(|(at, _)| {
            let rest = text.get(at..)?;
            Self::from_arn(rest.split(ends).next()?.trim_end_matches(':'))
        })
    }

    /// Returns the key with the ARN `arn:PARTITION:kms:REGION:ACCOUNT:key/ID`.
    pub fn from_arn(arn: &str) -> Option<Self> {
        if arn.len() > 2_048 {
            return None;
        }
        let mut parts = arn.splitn(6, ':');
        let (head, _, service) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let id = resource.strip_prefix("key/")?;
        (head == "arn" && service == "kms" && !id.is_empty()).then(|| Self {
            region: region.to_owned(),
            account: account.to_owned(),
            id: id.to_owned(),
        })
    }
}

/// The subject of an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// All chains of a trail.
    Trail(NamedTrail),
    /// The chains of a trail that lie elsewhere than at the place to which it delivers from now on.
    TrailNotAt {
        /// The trail.
        trail: NamedTrail,
        /// The bucket, if the call names one.
        bucket: Option<String>,
        /// The prefix, if the call names one. Empty if there is none.
        prefix: Option<String>,
    },
    /// The chains of a trail in regions other than its home region.
    TrailElsewhere(NamedTrail),
    /// The chains of a trail below the organization's path.
    TrailMembers(NamedTrail),
    /// Everything that is delivered to a bucket.
    Bucket(String),
    /// What is delivered to a bucket, and a policy does not let CloudTrail deliver.
    NotLet {
        /// The bucket.
        bucket: String,
        /// The policy.
        policy: DeliveryPolicy,
    },
    /// Objects in a bucket whose keys begin with a prefix, once they reach an age.
    Objects {
        /// Bucket.
        bucket: String,
        /// Prefix of the keys.
        prefix: String,
        /// Age in days.
        days: u32,
    },
    /// One digest.
    Digest {
        /// The chain that its key names.
        chain: Box<ChainId>,
        /// Its end.
        end: Timestamp,
    },
    /// Everything that is encrypted with a key.
    Key(KeyName),
    /// All chains of an account.
    Account(AccountId),
    /// An account's chains of its organization's trails.
    Member(AccountId),
    /// The chains of an organization's trails. The organization is known if such a trail recorded
    /// the event.
    Members(Option<OrganizationId>),
    /// An account's chains in a region.
    Region(AccountId, Region),
}

impl Subject {
    /// Returns whether a place is among those that the call of the subject is about: the places where a trail
    /// no longer delivers, or where a policy lets CloudTrail deliver no longer. Undecided if that is not known.
    /// All other subjects do not depend on places.
    pub fn excludes(&self, place: Place<'_>) -> Truth {
        match self {
            Self::TrailNotAt { bucket, prefix, .. } => {
                let other_bucket = bucket.as_ref().is_some_and(|it| it != place.bucket);
                let here = place.prefix();
                let other_prefix = prefix.as_ref().zip(here).is_some_and(|(it, here)| it != here);
                match (other_bucket || other_prefix, prefix.is_some() && here.is_none()) {
                    (true, _) => Truth::Yes,
                    (false, true) => Truth::Perhaps,
                    (false, false) => Truth::No,
                }
            }
            Self::NotLet { bucket, policy } if bucket == place.bucket => {
                policy.judge()(place).opposite()
            }
            Self::NotLet { .. } => Truth::No,
            _ => Truth::Yes,
        }
    }
}

/// One effect of an event in a verified log file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// The subject.
    pub subject: Subject,
    /// The effect.
    pub effect: Effect,
    /// The event.
    pub event: ExplainingEvent,
    /// The account whose log files hold the event.
    pub recorded_in: AccountId,
}
