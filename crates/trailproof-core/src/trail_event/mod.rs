//! Events that explain why there are no digests: somebody stopped the trail, or took away what it
//! needs.
//!
//! Only events of verified log files are looked at. An event explains; it does not excuse: the time
//! stays uncovered.
//!
//! [`causes`] reads the events out of a log file, [`KeptEvents`] holds on to a bounded number of
//! them, and [`Explanations`] says which of them explain a stretch without digests, or a chain's
//! end. What counts as an explaining event is one table, in `operations`.
mod facts;
mod index;
mod kept;
mod known_end;
mod operations;
mod policy;
mod record;

pub use self::facts::Recorded;
pub use self::index::{Concerned, Explanations};
pub use self::kept::KeptEvents;
pub use self::known_end::{KnownEnd, KnownEndError};
pub use self::record::causes;

use crate::vocab::chain_id::ChainId;
use crate::vocab::ids::{AccountId, OrganizationId, Region, TrailName};
use crate::vocab::location::ObjectLocation;
use crate::vocab::time::{HOUR, Timestamp};

/// An event of a verified log file that explains a gap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExplainingEvent {
    /// When it happened.
    pub time: Timestamp,
    /// `eventName`.
    pub name: String,
    /// `eventID`.
    pub id: String,
    /// ARN of who did it, or what else the event tells of them.
    pub principal: String,
    /// `sourceIPAddress`.
    pub address: String,
    /// The log file that holds it.
    pub log: ObjectLocation,
}

/// How far an event may lie from the edge of a stretch that it explains: what a digest covers.
pub const REACH: i64 = HOUR;

/// What an event does to the digests of what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Delivery stops or is hindered, and may go on when the hindrance is gone.
    Stops,
    /// The chain ends until somebody starts it again.
    Ends,
    /// A chain begins: it explains where a gap ends and nothing else.
    Begins,
    /// What had been narrowed is widened again. Explains nothing; a chain did not stay ended after
    /// it.
    Resumes,
    /// Digests that were delivered are removed, or what keeps them is.
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

/// A KMS key: region, account and id of its ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName {
    region: String,
    account: String,
    id: String,
}

impl KeyName {
    /// The key of an ARN `arn:PARTITION:kms:REGION:ACCOUNT:key/ID`.
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

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// All chains of a trail.
    Trail(NamedTrail),
    /// The chains of a trail in regions other than its home region.
    TrailElsewhere(NamedTrail),
    /// The chains that a trail has in the organization's path.
    TrailMembers(NamedTrail),
    /// All that is delivered to a bucket.
    Bucket(String),
    /// Objects of a bucket whose keys begin so, once they are so many days old.
    Objects {
        /// Bucket.
        bucket: String,
        /// Beginning of the keys.
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
    /// All that is encrypted with a key.
    Key(KeyName),
    /// All chains of an account.
    Account(AccountId),
    /// The chains that an account has of its organization's trails.
    Member(AccountId),
    /// The chains of an organization's trails. The organization is known where the event was
    /// recorded by such a trail.
    Members(Option<OrganizationId>),
    /// An account's chains of a region.
    Region(AccountId, Region),
}

/// One thing that an event of a verified log file does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// What it is about.
    pub subject: Subject,
    /// What it does.
    pub effect: Effect,
    /// The event.
    pub event: ExplainingEvent,
    /// The account in whose log files the event was found.
    pub recorded_in: AccountId,
}
