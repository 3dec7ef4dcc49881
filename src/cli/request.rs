//! What a run is asked for: read from what was typed, or made by another command.
use super::period_arg::{AskedPeriod, Cut, PeriodArgs, period, time};
use super::place::{BucketPlace, Moved, Place, Within, bucket_name, location, moved};
use super::refusal::Refusal;
use super::selection::Selection;
use super::time_arg::parse_time;
use super::verify_args::VerifyArgs;
use super::{earlier, key_files};
use crate::trust::bundle::Bundle;
use crate::trust::{Member, ServiceError, TrailRecord, TrailService};
use crate::verify::plan::Expected;
use crate::verify::resume::proven_logs::KnownLogs;
use crate::verify::resume::seam::Since;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use trailproof_core::budget::SHOWN;
use trailproof_core::chain_id::{Scope, TrailFilter};
use trailproof_core::explain::{KnownEnd, KnownEndError};
use trailproof_core::ids::{AccountId, Region, TrailArn};
use trailproof_core::location::{escape, excerpt};
use trailproof_core::time::{Period, Timestamp};

/// What a run is asked for, held to its forms; nobody was asked yet.
#[derive(Debug)]
pub(super) struct VerifyRequest {
    /// When the run begins, by the machine's clock, which is read once.
    pub(super) began: Timestamp,
    pub(super) place: Option<Place>,
    /// Whether the location goes on below `AWSLogs`, so that nothing beside it is meant.
    pub(super) below_root: bool,
    pub(super) moved: Vec<Moved>,
    pub(super) trail: Option<TrailArn>,
    pub(super) scope: Scope,
    pub(super) period: AskedPeriod,
    /// The record that the run joins on to.
    pub(super) since: Option<Arc<Since>>,
    pub(super) expect: Expect,
    /// The bucket that a copy is of.
    pub(super) of_bucket: Option<String>,
    pub(super) complete_copy: bool,
    /// Whether log files that no digest names are searched for.
    pub(super) unlisted: bool,
    /// Keys that are believed in place of AWS's, and what they are called.
    pub(super) keys: Option<(Bundle, String)>,
    /// Log files that need not be read again.
    pub(super) known: Option<Arc<KnownLogs>>,
    /// Requests in flight.
    pub(super) concurrency: Option<usize>,
    /// The run that this one repeats: its time, and whether its period was cut.
    pub(super) repeats: Option<(Timestamp, bool)>,
}

/// The record that `--since` names, unless it names a time: `./2026-07-01` names a file of that
/// name.
fn record_at(typed: &str) -> Option<PathBuf> {
    let is_time = parse_time(typed).is_some();
    (!is_time && Path::new(typed).exists()).then(|| typed.into())
}

impl VerifyRequest {
    /// What a location and a period alone ask for.
    pub(super) fn new(
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

    /// What was typed of a location, a period and a scope.
    pub(super) fn read(
        location_typed: Option<&str>,
        selection: &Selection,
        began: Timestamp,
    ) -> Result<Self, Refusal> {
        let period = read_period(selection, None)?;
        Self::read_with(location_typed, selection, period, began)
    }

    fn read_with(
        location_typed: Option<&str>,
        selection: &Selection,
        period: AskedPeriod,
        began: Timestamp,
    ) -> Result<Self, Refusal> {
        let place = location_typed.map(location).transpose()?;
        let scope = Scope {
            trails: selection
                .trail
                .iter()
                .map(|text| trail_filter(text))
                .collect::<Result<_, _>>()?,
            accounts: ids(&selection.account, "--account")?,
            regions: ids(&selection.regions, "--region")?,
            organization: None,
        };
        let request = Self::new(place, period, scope, began)?;
        let expect = expect(selection)?;
        expect.is_within(&request.scope)?;
        Self { expect, ..request }.checked()
    }

    /// What was typed for `verify`.
    pub(super) fn of_verify(args: &VerifyArgs, began: Timestamp) -> Result<Self, Refusal> {
        let since = args.since.as_deref().and_then(record_at).map(|path| earlier::since(&path));
        let since = since.transpose()?;
        let period = match since.as_ref().and_then(Since::start) {
            Some(start) => {
                let end = args.selection.end_time.as_deref().map(time).transpose();
                AskedPeriod::From(start, end.map_err(Refusal::usage)?)
            }
            None => read_period(&args.selection, args.since.as_deref())?,
        };
        let mut request =
            Self::read_with(args.location.as_deref(), &args.selection, period, began)?;
        request.trail = args.trail_arn.as_deref().map(|arn| id(arn, "--trail-arn")).transpose()?;
        request.scope.trails.extend(request.trail.clone().map(TrailFilter::Arn));
        request.since = since.map(Arc::new);
        request.unlisted = args.unlisted || !args.no_unlisted;
        request.known = args.resume.as_deref().map(earlier::known).transpose()?.map(Arc::new);
        request.concurrency = args.concurrency;
        request.copy(&args.relocate, args.bucket.as_deref(), args.complete_copy)?;
        request.believe(&args.public_keys)?;
        Ok(request)
    }

    /// Takes what was typed of copies.
    pub(super) fn copy(
        &mut self,
        relocate: &[String],
        of_bucket: Option<&str>,
        complete: bool,
    ) -> Result<(), Refusal> {
        self.moved = relocate.iter().map(|text| moved(text)).collect::<Result<_, _>>()?;
        self.of_bucket = of_bucket.map(bucket_name).transpose()?.map(str::to_owned);
        self.complete_copy = complete;
        Ok(())
    }

    /// Takes the key bundles that were named.
    pub(super) fn believe(&mut self, paths: &[PathBuf]) -> Result<(), Refusal> {
        self.keys = key_files::read(paths)?.map(|bundle| (bundle, key_files::names(paths)));
        Ok(())
    }

    /// The period of a run at `now`, and whether it was cut.
    pub(super) fn period_at(&self, now: Timestamp) -> Result<Cut, Refusal> {
        self.period.cut(now).map_err(Refusal::usage)
    }

    /// The same, where its period is one.
    fn checked(self) -> Result<Self, Refusal> {
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
pub(super) enum ExpectedAccounts {
    /// Those of the organization, which Organizations lists.
    Organization,
    /// These.
    These(Vec<AccountId>),
}

/// What the caller expects.
#[derive(Debug, Default)]
pub(super) struct Expect {
    pub(super) accounts: Option<ExpectedAccounts>,
    pub(super) regions: Option<Vec<Region>>,
    pub(super) known_ends: Vec<KnownEnd>,
}

impl Expect {
    /// Refuses to expect what the scope leaves out: nobody would look for it.
    fn is_within(&self, scope: &Scope) -> Result<(), Refusal> {
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

fn expect(selection: &Selection) -> Result<Expect, Refusal> {
    let mut expect = Expect::default();
    let mut accounts = Vec::new();
    for text in &selection.expect_accounts {
        if text == "organization" {
            expect.accounts = Some(ExpectedAccounts::Organization);
        } else if let Ok(account) = text.parse() {
            accounts.push(account);
        } else {
            accounts.extend(accounts_in(text)?);
        }
    }
    if !accounts.is_empty() {
        if expect.accounts.is_some() {
            return Err(Refusal::usage(
                "`--expect-accounts organization` stands alone: it names every account",
            ));
        }
        accounts.sort();
        accounts.dedup();
        expect.accounts = Some(ExpectedAccounts::These(accounts));
    }
    if !selection.expect_regions.is_empty() {
        let regions = selection.expect_regions.iter().map(|text| id(text, "--expect-regions"));
        let mut regions = regions.collect::<Result<Vec<_>, _>>()?;
        regions.sort();
        regions.dedup();
        expect.regions = Some(regions);
    }
    for text in &selection.known_end {
        expect.known_ends.push(text.parse().map_err(|why: KnownEndError| {
            let shown = excerpt(text, SHOWN);
            Refusal::usage(format!("invalid value `{shown}` for `--known-end`: {why}"))
        })?);
    }
    expect.known_ends.sort();
    expect.known_ends.dedup();
    Ok(expect)
}

/// The accounts in a file: one or more ids a line, and `#` before a comment.
fn accounts_in(path: &str) -> Result<Vec<AccountId>, Refusal> {
    let shown = excerpt(path, SHOWN);
    let text = std::fs::read_to_string(path).map_err(|error| {
        Refusal::usage(format!(
            "`{shown}` for `--expect-accounts` is neither `organization`, nor an account, nor a \
             file that can be read: {error}"
        ))
    })?;
    let mut accounts = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let ids = line.split([' ', ',', '\t', '\r']).filter(|word| !word.is_empty());
        for word in ids {
            accounts.push(word.parse().map_err(|_| {
                let (number, word) = (number + 1, excerpt(word, SHOWN));
                Refusal::usage(format!("`{shown}`, line {number}: `{word}` is not an account"))
            })?);
        }
    }
    if accounts.is_empty() {
        return Err(Refusal::usage(format!("`{shown}` names no account")));
    }
    Ok(accounts)
}

/// What the caller expects, with the accounts that Organizations lists where they were asked for.
pub(super) async fn expected(
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

/// The period that was typed.
fn read_period(selection: &Selection, since: Option<&str>) -> Result<AskedPeriod, Refusal> {
    let typed = PeriodArgs {
        start: since.or(selection.start_time.as_deref()),
        end: selection.end_time.as_deref(),
        last: selection.last.as_deref(),
        quarter: selection.quarter.as_deref(),
    };
    period(typed).map_err(Refusal::usage)
}

fn id<T: FromStr>(text: &str, option: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| {
        Refusal::usage(format!("invalid value `{}` for `{option}`", excerpt(text, SHOWN)))
    })
}

fn ids<T: FromStr>(texts: &[String], option: &str) -> Result<Vec<T>, Refusal> {
    texts.iter().map(|text| id(text, option)).collect()
}

pub(super) fn trail_filter(text: &str) -> Result<TrailFilter, Refusal> {
    if text.starts_with("arn:") {
        return id(text, "--trail").map(TrailFilter::Arn);
    }
    id(text, "--trail").map(TrailFilter::Name)
}

/// Asks the trail for what is still open. Of an organization's trail with named accounts it is also
/// asked which organization that is: then nothing above the accounts' folders has to be listed.
pub(super) async fn bucket_of(
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
