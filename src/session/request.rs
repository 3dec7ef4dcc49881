//! What a run is asked for, typed and checked. The command line makes a request from options, and
//! commands make requests for each other.
use super::location::{BucketLocation, Location, LocationScope, RelocateOption};
use super::period::{CutPeriod, RequestedPeriod};
use crate::console::refusal::Refusal;
use crate::trust::bundle::Bundle;
use crate::trust::{Member, ServiceError, TrailRecord, TrailService};
use crate::verify::plan::Expected;
use crate::verify::resume::proven_logs::ProvenLogs;
use crate::verify::resume::seam::PreviousRecord;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use trailproof_core::record::{AcceptedExceptions, ReadVersions};
use trailproof_core::trail_event::KnownEnd;
use trailproof_core::vocab::budget::{ACCOUNT_NAME, SHOWN};
use trailproof_core::vocab::chain_id::{Scope, TrailFilter};
use trailproof_core::vocab::ids::{AccountId, Region, TrailArn};
use trailproof_core::vocab::location::{escape, excerpt};
use trailproof_core::vocab::time::{Period, Timestamp};

/// A checked request for a run. No service has been asked yet.
#[derive(Debug)]
pub(crate) struct VerifyRequest {
    /// When the run begins, by this machine's clock, which is read once.
    pub(crate) began: Timestamp,
    pub(crate) place: Option<Location>,
    /// What the location names below `AWSLogs`; it excludes everything beside it.
    pub(crate) within: Option<LocationScope>,
    pub(crate) moved: Vec<RelocateOption>,
    pub(crate) trail: Option<TrailArn>,
    pub(crate) scope: Scope,
    pub(crate) period: RequestedPeriod,
    /// The record that the run continues from.
    pub(crate) since: Option<Arc<PreviousRecord>>,
    pub(crate) expect: Expect,
    /// The bucket that a copy comes from.
    pub(crate) of_bucket: Option<String>,
    pub(crate) complete_copy: bool,
    /// Whether to search for log files that no digest names.
    pub(crate) unlisted: bool,
    /// Keys to trust instead of those that AWS returns, and the names of their files.
    pub(crate) keys: Option<(Bundle, String)>,
    /// Log files that need not be read again.
    pub(crate) known: Option<Arc<ProvenLogs>>,
    /// Exceptions that somebody reviewed and accepted.
    pub(crate) accepted: Option<AcceptedExceptions>,
    /// The number of requests in flight.
    pub(crate) concurrency: Option<usize>,
    /// Which versions of the objects to read, if not the current ones.
    pub(crate) versions: Option<ReadVersions>,
    /// Whether the scope is the one that a mirror states of itself.
    pub(crate) scope_of_mirror: bool,
    /// The run that this one repeats: its time, and whether its period was cut.
    pub(crate) repeats: Option<(Timestamp, bool)>,
}

impl VerifyRequest {
    /// Makes the request of a location and a period alone.
    pub(crate) fn new(
        place: Option<(Location, Option<LocationScope>)>,
        period: RequestedPeriod,
        mut scope: Scope,
        began: Timestamp,
    ) -> Result<Self, Refusal> {
        let (place, within) = place.map_or((None, None), |(place, within)| (Some(place), within));
        if let Some(within) = &within {
            narrow(&mut scope, within)?;
        }
        Ok(Self {
            began,
            place,
            within,
            moved: Vec::new(),
            trail: None,
            scope,
            period,
            since: None,
            expect: Expect::default(),
            of_bucket: None,
            complete_copy: false,
            unlisted: true,
            keys: None,
            known: None,
            accepted: None,
            concurrency: None,
            versions: None,
            scope_of_mirror: false,
            repeats: None,
        })
    }

    /// Returns the period of a run at `now`, and whether it was cut.
    pub(crate) fn period_at(&self, now: Timestamp) -> Result<CutPeriod, Refusal> {
        self.period.cut(now).map_err(Refusal::usage)
    }

    /// Returns the bucket and the prefix of the location, of which a mirror is made.
    ///
    /// # Errors
    ///
    /// The location is not a bucket.
    pub(crate) fn bucket_to_copy(&self) -> Result<(String, String), Refusal> {
        match &self.place {
            Some(Location::Bucket(bucket, prefix)) => Ok((bucket.clone(), prefix.clone())),
            _ => Err(Refusal::usage(
                "a mirror is a copy of a bucket\n\nhint: `trailproof mirror s3://BUCKET/PREFIX \
                 DIRECTORY`",
            )),
        }
    }

    /// Returns the request if its period is valid, as far as it is known.
    ///
    /// # Errors
    ///
    /// The period is empty, or its end lies before its start.
    pub(crate) fn checked(self) -> Result<Self, Refusal> {
        if self.period != RequestedPeriod::OfEvidence {
            self.period_at(self.began)?;
        }
        Ok(self)
    }
}

/// Narrows the scope to what a location names below `AWSLogs`.
pub(crate) fn narrow(scope: &mut Scope, within: &LocationScope) -> Result<(), Refusal> {
    if within.organization.is_some() || within.account.is_some() {
        scope.organization = Some(within.organization.clone());
    }
    only(&mut scope.accounts, within.account.as_ref(), "--account")?;
    only(&mut scope.regions, within.region.as_ref(), "--region")
}

/// Narrows what an option names to what the location names.
fn only<T>(named: &mut Vec<T>, located: Option<&T>, option: &str) -> Result<(), Refusal>
where
    T: Clone + PartialEq + fmt::Display,
{
    let Some(located) = located else { return Ok(()) };
    if let Some(other) = named.iter().find(|named| *named != located) {
        return Err(Refusal::usage(format!(
            "`{option} {other}` is outside the location, which is limited to `{located}`"
        )));
    }
    *named = vec![located.clone()];
    Ok(())
}

/// Reads a trail that was named, by name or ARN.
pub(crate) fn trail_filter(text: &str) -> Result<TrailFilter, Refusal> {
    id(text, "--trail")
}

/// Reads the value of an option.
pub(crate) fn id<T: FromStr>(text: &str, option: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| {
        Refusal::usage(format!("invalid value `{}` for `{option}`", excerpt(text, SHOWN)))
    })
}

/// The accounts that the user expects, as far as they are known before AWS is asked.
#[derive(Debug)]
pub(crate) enum ExpectedAccounts {
    /// Those of the organization, which Organizations lists.
    Organization,
    /// These accounts.
    These(Vec<AccountId>),
}

/// What the user expects.
#[derive(Debug, Default)]
pub(crate) struct Expect {
    pub(crate) accounts: Option<ExpectedAccounts>,
    /// Names of accounts, which a file gives.
    pub(crate) names: BTreeMap<AccountId, String>,
    pub(crate) regions: Option<Vec<Region>>,
    pub(crate) known_ends: Vec<KnownEnd>,
}

impl Expect {
    /// Refuses to expect something outside of the scope: the run would not look for it.
    pub(crate) fn is_within(&self, scope: &Scope) -> Result<(), Refusal> {
        let outside = |option: &str, what: &dyn fmt::Display| {
            Refusal::usage(format!(
                "`{option} {what}` is outside the scope, so the run would not look for it\n\nhint: \
                 widen the scope, or expect only what lies in it"
            ))
        };
        if let Some(ExpectedAccounts::These(accounts)) = &self.accounts
            && let Some(account) = accounts.iter().find(|account| !scope.has_account(account))
        {
            return Err(outside("--expect-accounts", account));
        }
        let mut regions = self.regions.iter().flatten();
        match regions.find(|region| !scope.has_region(region)) {
            Some(region) => Err(outside("--expect-regions", region)),
            None => Ok(()),
        }
    }
}

/// Returns what the user expects, with the accounts that Organizations lists if they were
/// requested. The service comes with how its credentials are renewed.
pub(crate) async fn expected(
    expect: &Expect,
    trails: Option<(&dyn TrailService, &str)>,
    scope: &Scope,
    period: Period,
) -> Result<Expected, Refusal> {
    let mut names = expect.names.clone();
    let accounts = match (&expect.accounts, trails) {
        (None, _) => None,
        (Some(ExpectedAccounts::These(accounts)), _) => Some(accounts.clone()),
        (Some(ExpectedAccounts::Organization), Some((trails, renewal))) => {
            let members = trails.accounts().await;
            let members = members.map_err(|error| unanswered(&error, renewal))?;
            // An account that joined later has nothing in the period.
            let there = |member: &Member| {
                member.joined.is_none_or(|joined| joined < period.end)
                    && scope.has_account(&member.account)
            };
            let mut accounts = Vec::new();
            for Member { account, name, .. } in members.into_iter().filter(there) {
                names.extend(name.and_then(|name| Some((account.clone(), account_name(&name)?))));
                accounts.push(account);
            }
            accounts.sort();
            accounts.dedup();
            if accounts.is_empty() {
                let words =
                    "Organizations lists no active accounts: it is not known what to expect";
                return Err(Refusal::not_started(words));
            }
            Some(accounts)
        }
        (Some(ExpectedAccounts::Organization), None) => {
            return Err(Refusal::usage(
                "a copy is verified without asking AWS, so the organization's accounts cannot be \
                 listed\n\nhint: name them with `--expect-accounts FILE`",
            ));
        }
    };
    let (regions, known_ends) = (expect.regions.clone(), expect.known_ends.clone());
    Ok(Expected { accounts, names, regions, known_ends })
}

/// Returns a name of an account as it is kept, if it is not empty.
pub(crate) fn account_name(name: &str) -> Option<String> {
    let name: String = name.trim().chars().take(ACCOUNT_NAME).collect();
    (!name.is_empty()).then_some(name)
}

/// Looks up in the trail what the request leaves open. For an organization's trail with named
/// accounts, the organization is looked up too: then nothing above the accounts' folders has to be
/// listed.
pub(crate) async fn bucket_of(
    asked: &mut VerifyRequest,
    (trails, renewal): (&dyn TrailService, &str),
) -> Result<BucketLocation, Refusal> {
    if let Some(Location::Bucket(bucket, prefix)) = &asked.place {
        let (bucket, prefix) = (bucket.clone(), prefix.clone());
        return Ok(BucketLocation { bucket, prefix, is_root: asked.within.is_some() });
    }
    let Some(arn) = &asked.trail else {
        return Err(Refusal::usage("a location or `--trail-arn` is required"));
    };
    let trail = ask_trail(arn, trails, renewal).await?;
    let prefix = trail.prefix.unwrap_or_default();
    if asked.scope.accounts.is_empty() {
        return Ok(BucketLocation { bucket: trail.bucket, prefix, is_root: false });
    }
    let organization = match trail.organization {
        true => Some(trails.organization().await),
        false => None,
    };
    // A caller who may not describe the organization may still be allowed to list its folder.
    let is_root = !matches!(organization, Some(Err(_)));
    if is_root {
        asked.scope.organization = Some(organization.and_then(Result::ok));
    }
    Ok(BucketLocation { bucket: trail.bucket, prefix, is_root })
}

/// Returns the refusal of a run for which a service did not answer, with what the caller can do.
pub(crate) fn unanswered(error: &ServiceError, renewal: &str) -> Refusal {
    Refusal::not_started(error.to_string()).with_hint(error.hint(renewal))
}

async fn ask_trail(
    arn: &TrailArn,
    trails: &dyn TrailService,
    renewal: &str,
) -> Result<TrailRecord, Refusal> {
    match trails.trail(arn).await.map_err(|error| unanswered(&error, renewal))? {
        Some(trail) => Ok(trail),
        None => Err(Refusal::not_started(format!(
            "DescribeTrails does not list `{}`\n\nhint: name the bucket too: `trailproof verify \
             s3://BUCKET --trail-arn …`",
            escape(arn.as_str())
        ))),
    }
}
