//! What a run is asked for, typed and checked: the command line makes it from options, and commands
//! make it for each other.
use super::location::{BucketPlace, Moved, Place, Within};
use super::period::{AskedPeriod, Cut};
use crate::console::refusal::Refusal;
use crate::trust::bundle::Bundle;
use crate::trust::{Member, ServiceError, TrailRecord, TrailService};
use crate::verify::plan::Expected;
use crate::verify::resume::proven_logs::KnownLogs;
use crate::verify::resume::seam::Since;
use std::fmt;
use std::sync::Arc;
use trailproof_core::trail_event::KnownEnd;
use trailproof_core::vocab::chain_id::Scope;
use trailproof_core::vocab::ids::{AccountId, Region, TrailArn};
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::time::{Period, Timestamp};

/// What a run is asked for, held to its forms; nobody was asked yet.
#[derive(Debug)]
pub(crate) struct VerifyRequest {
    /// When the run begins, by the machine's clock, which is read once.
    pub(crate) began: Timestamp,
    pub(crate) place: Option<Place>,
    /// Whether the location goes on below `AWSLogs`, so that nothing beside it is meant.
    pub(crate) below_root: bool,
    pub(crate) moved: Vec<Moved>,
    pub(crate) trail: Option<TrailArn>,
    pub(crate) scope: Scope,
    pub(crate) period: AskedPeriod,
    /// The record that the run joins on to.
    pub(crate) since: Option<Arc<Since>>,
    pub(crate) expect: Expect,
    /// The bucket that a copy is of.
    pub(crate) of_bucket: Option<String>,
    pub(crate) complete_copy: bool,
    /// Whether log files that no digest names are searched for.
    pub(crate) unlisted: bool,
    /// Keys that are believed in place of AWS's, and what they are called.
    pub(crate) keys: Option<(Bundle, String)>,
    /// Log files that need not be read again.
    pub(crate) known: Option<Arc<KnownLogs>>,
    /// Requests in flight.
    pub(crate) concurrency: Option<usize>,
    /// The run that this one repeats: its time, and whether its period was cut.
    pub(crate) repeats: Option<(Timestamp, bool)>,
}

impl VerifyRequest {
    /// What a location and a period alone ask for.
    pub(crate) fn new(
        place: Option<(Place, Option<Within>)>,
        period: AskedPeriod,
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
            below_root: within.is_some(),
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
            concurrency: None,
            repeats: None,
        })
    }

    /// The period of a run at `now`, and whether it was cut.
    pub(crate) fn period_at(&self, now: Timestamp) -> Result<Cut, Refusal> {
        self.period.cut(now).map_err(Refusal::usage)
    }

    /// Returns the request, unless its period is invalid.
    ///
    /// # Errors
    ///
    /// The period is empty, or its end lies before its start.
    pub(crate) fn checked(self) -> Result<Self, Refusal> {
        self.period_at(self.began)?;
        Ok(self)
    }
}

/// Narrows the scope to what a location names below `AWSLogs`.
fn narrow(scope: &mut Scope, within: &Within) -> Result<(), Refusal> {
    if within.organization.is_some() || within.account.is_some() {
        scope.organization = Some(within.organization.clone());
    }
    only(&mut scope.accounts, within.account.as_ref(), "--account")?;
    only(&mut scope.regions, within.region.as_ref(), "--region")
}

/// Leaves only what the location names of what an option names.
fn only<T>(named: &mut Vec<T>, located: Option<&T>, option: &str) -> Result<(), Refusal>
where
    T: Clone + PartialEq + fmt::Display,
{
    let Some(located) = located else { return Ok(()) };
    if let Some(other) = named.iter().find(|named| *named != located) {
        return Err(Refusal::usage(format!(
            "`{option} {other}` names what the location leaves out: it ends in `{located}`"
        )));
    }
    *named = vec![located.clone()];
    Ok(())
}

/// The accounts that the caller expects, as far as they are known without asking anybody.
#[derive(Debug)]
pub(crate) enum ExpectedAccounts {
    /// Those of the organization, which Organizations lists.
    Organization,
    /// These.
    These(Vec<AccountId>),
}

/// What the caller expects.
#[derive(Debug, Default)]
pub(crate) struct Expect {
    pub(crate) accounts: Option<ExpectedAccounts>,
    pub(crate) regions: Option<Vec<Region>>,
    pub(crate) known_ends: Vec<KnownEnd>,
}

impl Expect {
    /// Refuses to expect what the scope leaves out: nobody would look for it.
    pub(crate) fn is_within(&self, scope: &Scope) -> Result<(), Refusal> {
        let outside = |option: &str, what: &dyn fmt::Display| {
            Refusal::usage(format!(
                "`{option} {what}` expects what the scope leaves out, so that nobody would look for \
                 it\n\nhint: leave out the narrower scope, or expect only what lies in it"
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

/// What the caller expects, with the accounts that Organizations lists where they were asked for.
pub(crate) async fn expected(
    expect: &Expect,
    trails: Option<&dyn TrailService>,
    scope: &Scope,
    period: Period,
) -> Result<Expected, Refusal> {
    let accounts = match (&expect.accounts, trails) {
        (None, _) => None,
        (Some(ExpectedAccounts::These(accounts)), _) => Some(accounts.clone()),
        (Some(ExpectedAccounts::Organization), Some(trails)) => {
            let members = trails.accounts().await;
            let members = members.map_err(|error| Refusal::not_started(error.to_string()))?;
            // Who joined later has nothing of the period.
            let there = |member: &Member| {
                member.joined.is_none_or(|joined| joined < period.end)
                    && scope.has_account(&member.account)
            };
            let mut accounts: Vec<AccountId> =
                members.into_iter().filter(there).map(|member| member.account).collect();
            accounts.sort();
            accounts.dedup();
            if accounts.is_empty() {
                let words = "Organizations lists no active account: what to expect is not known";
                return Err(Refusal::not_started(words));
            }
            Some(accounts)
        }
        (Some(ExpectedAccounts::Organization), None) => {
            return Err(Refusal::usage(
                "a copy is verified without asking AWS, so nobody can list the organization's \
                 accounts\n\nhint: `--expect-accounts FILE` names them",
            ));
        }
    };
    let (regions, known_ends) = (expect.regions.clone(), expect.known_ends.clone());
    Ok(Expected { accounts, regions, known_ends })
}

/// Asks the trail for what is still open. Of an organization's trail with named accounts it is also
/// asked which organization that is: then nothing above the accounts' folders has to be listed.
pub(crate) async fn bucket_of(
    asked: &mut VerifyRequest,
    trails: &dyn TrailService,
) -> Result<BucketPlace, Refusal> {
    if let Some(Place::Bucket(bucket, prefix)) = &asked.place {
        let (bucket, prefix) = (bucket.clone(), prefix.clone());
        return Ok(BucketPlace { bucket, prefix, is_root: asked.below_root });
    }
    let Some(arn) = &asked.trail else {
        return Err(Refusal::usage("a location or `--trail-arn` is needed"));
    };
    let trail = ask_trail(arn, trails).await?;
    let prefix = trail.prefix.unwrap_or_default();
    if asked.scope.accounts.is_empty() {
        return Ok(BucketPlace { bucket: trail.bucket, prefix, is_root: false });
    }
    let organization = match trail.organization {
        true => Some(trails.organization().await),
        false => None,
    };
    // Who may not ask for the organization may be allowed to list its folder.
    let is_root = !matches!(organization, Some(Err(_)));
    if is_root {
        asked.scope.organization = Some(organization.and_then(Result::ok));
    }
    Ok(BucketPlace { bucket: trail.bucket, prefix, is_root })
}

async fn ask_trail(arn: &TrailArn, trails: &dyn TrailService) -> Result<TrailRecord, Refusal> {
    let refused = |error: ServiceError| Refusal::not_started(error.to_string());
    match trails.trail(arn).await.map_err(refused)? {
        Some(trail) => Ok(trail),
        None => Err(Refusal::not_started(format!(
            "DescribeTrails does not know `{}`\n\nhint: name the bucket, as in `trailproof verify \
             s3://BUCKET --trail-arn …`",
            escape(arn.as_str())
        ))),
    }
}
