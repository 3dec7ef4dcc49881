//! The lines of the plan of shards. Beside them it holds the `run-started` event of the whole run,
//! and events about evidence that could not be located.
use crate::locate::place::Place;
use crate::verify::chain::moments::EndedIn;
use crate::verify::discover::jobs::Trail;
use crate::verify::listed_ends::{EndRun, ListedEnds};
use crate::verify::part::AccountRegion;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use trailproof_core::record::wire::{
    ChainShape, FailureShape, SkippedCheckShape, Time, Unreadable,
};
use trailproof_core::vocab::budget;
use trailproof_core::vocab::ids::{AccountId, OrganizationId, Region};
use trailproof_core::vocab::key_layout::{ChainKey, DigestKind, KeyRoot};
use trailproof_core::vocab::time::Timestamp;

/// The number of the schema of plans and shard records.
pub(crate) const SCHEMA: u32 = 1;

/// Intervals on one line of times.
pub(crate) const TIMES: usize = 1_000;

/// A line of a plan.
#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum PlanLine<'a> {
    #[serde(borrow)]
    PlanStarted(Box<PlanStarted<'a>>),
    /// A folder that could not be listed.
    #[serde(borrow)]
    FolderUnread(FolderUnread<'a>),
    /// Times around which log files are searched for events that explain where chains begin and end.
    TimesSearched { times: Vec<(Time, Time)> },
    /// A home region whose log files are searched at all times for the restart of a trail that ended;
    /// without an account, those of every account.
    RestartsSearched { account: Option<String>, region: String },
    /// A trail that continues anywhere.
    TrailContinues(TrailShape),
    /// A chain that should be there and was not found.
    #[serde(borrow)]
    ChainExpected(ChainOnLine<'a>),
    /// A chain outside the scope that continues into the period, of a plan whose shards are surveyed.
    #[serde(borrow)]
    ChainOutside(ChainOnLine<'a>),
    /// A chain of the preceding record, with the digest from which it must continue: bucket, key,
    /// end and SHA-256.
    ChainBefore {
        #[serde(borrow)]
        chain: ChainShape<'a>,
        seam: Option<(String, String, Time, String)>,
    },
    /// One region of one account below a root.
    #[serde(borrow)]
    PlacePlanned(Box<PlacePlanned<'a>>),
    /// An entry of a directory that was skipped.
    EntrySkipped { folder: String },
    /// One shard.
    ShardPlanned(ShardPlanned),
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PlanStarted<'a> {
    pub(crate) schema: u32,
    pub(crate) version: String,
    pub(crate) build: Option<String>,
    pub(crate) stage: StageShape,
    /// The time of the run.
    pub(crate) now: Time,
    pub(crate) bucket: String,
    pub(crate) roots: Vec<String>,
    pub(crate) reading: ReadingShape,
    pub(crate) keys: KeysShape,
    pub(crate) trail_arn: Option<String>,
    /// The prefix of that trail, if its status is about this evidence.
    pub(crate) status_prefix: Option<String>,
    #[serde(borrow)]
    pub(crate) status_not_asked: Option<SkippedCheckShape<'a>>,
    #[serde(borrow)]
    pub(crate) outside_unknown: Option<FailureShape<'a>>,
    #[serde(borrow)]
    pub(crate) expected_over: Option<FailureShape<'a>>,
    pub(crate) shards: u64,
}

/// What the shards of a plan are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StageShape {
    /// To list their digests, for a plan of at most this many shards.
    Survey { most: Option<u64> },
    /// To be verified.
    Verify,
}

/// Where the bytes of the evidence are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadingShape {
    pub(crate) below: Option<StoreShape>,
    pub(crate) rules: Vec<RuleShape>,
}

/// A store: S3, or a directory on the machine that reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StoreShape {
    S3,
    Directory(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RuleShape {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) store: StoreShape,
    pub(crate) to_bucket: String,
    pub(crate) to_prefix: String,
    pub(crate) complete: bool,
}

/// Where the public keys come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KeysShape {
    /// ListPublicKeys.
    Cloudtrail,
    /// Files, with the names that records show and the SHA-256 of each.
    Files { names: String, paths: Vec<String>, sha256: Vec<String> },
    /// No key is trusted.
    None,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct FolderUnread<'a> {
    pub(crate) folder: String,
    #[serde(borrow)]
    pub(crate) read_failure: FailureShape<'a>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct TrailShape {
    trail: String,
    home_region: String,
    organization: Option<String>,
    account: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ChainOnLine<'a> {
    #[serde(borrow)]
    pub(crate) chain: ChainShape<'a>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PlaceShape {
    prefix: String,
    organization: Option<String>,
    account: String,
    region: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PlacePlanned<'a> {
    pub(crate) place: PlaceShape,
    /// Whether it has a folder of digests.
    pub(crate) digests: bool,
    pub(crate) log_folders: Vec<String>,
    #[serde(borrow)]
    pub(crate) read_failure: Option<FailureShape<'a>>,
    pub(crate) listed: Vec<ListedShape>,
}

/// The digests of one chain that were listed.
#[derive(Serialize, Deserialize)]
pub(crate) struct ListedShape {
    trail: String,
    home_region: String,
    kind: String,
    /// First end, step in seconds, and number.
    runs: Vec<(Time, i64, u64)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShardPlanned {
    pub(crate) shard: u64,
    /// Its first account and region; the next shard's is its end.
    pub(crate) from: Option<(String, String)>,
    /// The number of digests that were listed.
    pub(crate) digests: u64,
    /// Accounts whose folders beside the regions are searched with this shard.
    pub(crate) accounts: Vec<String>,
    /// Whether the folders beside the accounts are.
    pub(crate) roots: bool,
}

/// Returns where restarts are searched for.
pub(crate) fn home(account: Option<String>, region: &str) -> Result<EndedIn, Unreadable> {
    let of = "restarts-searched";
    let account = account.map(|text| id(of, "account", &text)).transpose()?;
    Ok((account, id(of, "region", region)?))
}

pub(crate) fn id<T: FromStr>(of: &str, field: &str, text: &str) -> Result<T, Unreadable> {
    text.parse().map_err(|_| Unreadable::value(of, field))
}

impl From<&Trail> for TrailShape {
    fn from(trail: &Trail) -> Self {
        Self {
            trail: trail.name.to_string(),
            home_region: trail.home_region.to_string(),
            organization: trail.organization.as_ref().map(ToString::to_string),
            account: trail.account.as_ref().map(ToString::to_string),
        }
    }
}

impl TryFrom<TrailShape> for Trail {
    type Error = Unreadable;

    fn try_from(shape: TrailShape) -> Result<Self, Unreadable> {
        let of = "trail-continues";
        let organization = shape.organization.map(|text| id(of, "organization", &text));
        Ok(Self {
            name: id(of, "trail", &shape.trail)?,
            home_region: id(of, "home_region", &shape.home_region)?,
            organization: organization.transpose()?,
            account: shape.account.map(|text| id(of, "account", &text)).transpose()?,
        })
    }
}

impl From<&Place> for PlaceShape {
    fn from(place: &Place) -> Self {
        Self {
            prefix: place.root.prefix.clone(),
            organization: place.root.organization.as_ref().map(ToString::to_string),
            account: place.account.to_string(),
            region: place.region.to_string(),
        }
    }
}

impl TryFrom<PlaceShape> for Place {
    type Error = Unreadable;

    fn try_from(shape: PlaceShape) -> Result<Self, Unreadable> {
        let organization: Option<Result<OrganizationId, _>> =
            shape.organization.map(|text| id("place", "organization", &text));
        Ok(Self {
            root: KeyRoot { prefix: shape.prefix, organization: organization.transpose()? },
            account: id("place", "account", &shape.account)?,
            region: id("place", "region", &shape.region)?,
        })
    }
}

impl ListedShape {
    /// Returns the digests of an account's region that lie in `place`.
    pub(crate) fn of(ends: &ListedEnds, place: &Place) -> Vec<Self> {
        let here = ends.iter().filter(|(key, ..)| key.root == place.root);
        here.map(|(key, kind, runs)| Self::new(key, kind, runs)).collect()
    }

    fn new(key: &ChainKey, kind: DigestKind, runs: &[EndRun]) -> Self {
        Self {
            trail: key.trail.to_string(),
            home_region: key.home_region.to_string(),
            kind: kind.code().to_owned(),
            runs: runs.iter().map(|run| (Time(run.first), run.step, run.count)).collect(),
        }
    }

    /// Returns the digests, which lie in `place`.
    pub(crate) fn read(
        self,
        place: &Place,
    ) -> Result<(ChainKey, DigestKind, Vec<EndRun>), Unreadable> {
        let of = "place-planned";
        let key = ChainKey {
            account: place.account.clone(),
            source_region: place.region.clone(),
            trail: id(of, "trail", &self.trail)?,
            home_region: id(of, "home_region", &self.home_region)?,
            root: place.root.clone(),
        };
        let kind = self.kind.parse().map_err(|_| Unreadable::value(of, "kind"))?;
        let all = self.runs.iter().fold(0_u64, |sum, (_, _, count)| sum.saturating_add(*count));
        if usize::try_from(all).map_or(true, |all| all > budget::LISTED_DIGESTS) {
            return Err(Unreadable::value(of, "runs"));
        }
        let run = |(first, step, count): (Time, i64, u64)| EndRun { first: first.0, step, count };
        Ok((key, kind, self.runs.into_iter().map(run).collect()))
    }
}

impl ShardPlanned {
    /// Returns the account and region with which the shard begins.
    pub(crate) fn begins(&self) -> Result<Option<AccountRegion>, Unreadable> {
        let Some((account, region)) = &self.from else { return Ok(None) };
        let of = "shard-planned";
        let account: AccountId = id(of, "from", account)?;
        let region: Region = id(of, "from", region)?;
        Ok(Some((account, region)))
    }
}

/// Returns the intervals on one line.
pub(crate) fn times(times: &[(Timestamp, Timestamp)]) -> Vec<(Time, Time)> {
    times.iter().map(|(from, to)| (Time(*from), Time(*to))).collect()
}
