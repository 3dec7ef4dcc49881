//! What `verify` was asked for, made into a plan.
use super::args::VerifyArgs;
use super::period_arg::{PeriodArgs, period};
use crate::core::budget::SHOWN;
use crate::core::chain_id::{Scope, TrailFilter};
use crate::core::failure::ReadFailure;
use crate::core::ids::TrailArn;
use crate::core::key_layout::ROOT;
use crate::core::location::{escape, excerpt};
use crate::core::time::Timestamp;
use crate::source::ObjectSource;
use crate::trust::{ServiceError, TrailService};
use crate::verify::discover::find_roots;
use crate::verify::folders::list_folders;
use crate::verify::trail_status::StatusOf;
use crate::verify::verify_run::VerifyPlan;
use std::str::FromStr;
use std::sync::Arc;

/// Why there is no plan.
#[derive(Debug)]
pub(super) enum NoPlan {
    /// What was typed cannot be meant.
    Usage(String),
    /// The trail could not be asked, or is not there.
    NotStarted(String),
    /// The bucket could not be listed.
    Unread(String, ReadFailure),
    /// There is nothing of CloudTrail's where it was looked for.
    NothingThere(String),
}

/// What was typed, read and held to its forms; nobody was asked yet.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) bucket: Option<(String, String)>,
    pub(super) trail: Option<TrailArn>,
    pub(super) scope: Scope,
    pub(super) period: super::period_arg::Cut,
}

/// Reads what was typed.
pub(super) fn read(args: &VerifyArgs, now: Timestamp) -> Result<Asked, NoPlan> {
    let typed = PeriodArgs {
        start: args.start_time.as_deref(),
        end: args.end_time.as_deref(),
        last: args.last.as_deref(),
        quarter: args.quarter.as_deref(),
    };
    let period = period(typed, now).map_err(NoPlan::Usage)?;
    let bucket = args.location.as_deref().map(location).transpose()?;
    let trail = args.trail_arn.as_deref().map(|arn| id(arn, "--trail-arn")).transpose()?;
    let mut trails =
        args.trail.iter().map(|text| trail_filter(text)).collect::<Result<Vec<_>, _>>()?;
    trails.extend(trail.clone().map(TrailFilter::Arn));
    let accounts =
        args.account.iter().map(|text| id(text, "--account")).collect::<Result<_, _>>()?;
    let regions = args.regions.iter().map(|text| id(text, "--region")).collect::<Result<_, _>>()?;
    Ok(Asked { bucket, trail, scope: Scope { trails, accounts, regions }, period })
}

fn id<T: FromStr>(text: &str, option: &str) -> Result<T, NoPlan> {
    text.parse().map_err(|_| {
        NoPlan::Usage(format!("invalid value `{}` for `{option}`", excerpt(text, SHOWN)))
    })
}

fn trail_filter(text: &str) -> Result<TrailFilter, NoPlan> {
    if text.starts_with("arn:") {
        return id(text, "--trail").map(TrailFilter::Arn);
    }
    id(text, "--trail").map(TrailFilter::Name)
}

/// `s3://BUCKET[/PREFIX]`, the prefix up to the folder `AWSLogs` if that is part of it.
fn location(text: &str) -> Result<(String, String), NoPlan> {
    let refused = || {
        let text = excerpt(text, SHOWN);
        NoPlan::Usage(format!("cannot read `{text}` as a location\n\nhint: `s3://BUCKET/PREFIX`"))
    };
    let rest = text.strip_prefix("s3://").ok_or_else(refused)?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if bucket.is_empty() || !bucket.bytes().all(named) {
        return Err(refused());
    }
    let mut folders: Vec<&str> = prefix.split('/').filter(|folder| !folder.is_empty()).collect();
    if let Some(root) = folders.iter().position(|folder| *folder == ROOT) {
        folders.truncate(root);
    }
    Ok((bucket.to_owned(), folders.join("/")))
}

/// Asks the trail and the bucket for what is still open.
pub(super) async fn make(
    asked: Asked,
    args: &VerifyArgs,
    source: &dyn ObjectSource,
    trails: Arc<dyn TrailService>,
    now: Timestamp,
) -> Result<VerifyPlan, NoPlan> {
    let Asked { bucket, trail, scope, period: (period, end_was_future) } = asked;
    let (bucket, prefix) = match (bucket, &trail) {
        (Some(bucket), _) => bucket,
        (None, Some(arn)) => ask_trail(arn, trails.as_ref()).await?,
        (None, None) => {
            return Err(NoPlan::Usage("a location or `--trail-arn` is needed".to_owned()));
        }
    };
    let unread = |why| NoPlan::Unread(bucket.clone(), why);
    let roots = find_roots(source, &bucket, &prefix).await.map_err(unread)?;
    if roots.is_empty() {
        let elsewhere = if prefix.is_empty() {
            Vec::new()
        } else {
            find_roots(source, &bucket, "").await.map_err(unread)?
        };
        let above = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let there = list_folders(source, &bucket, &above).await.map_err(unread)?;
        return Err(NoPlan::NothingThere(nothing_there(&bucket, &prefix, &elsewhere, &there)));
    }
    let slash = if prefix.is_empty() { "" } else { "/" };
    Ok(VerifyPlan {
        location: format!("s3://{bucket}{slash}{prefix}"),
        bucket,
        roots,
        scope,
        period,
        end_was_future,
        now,
        status: trail.map(|arn| StatusOf { arn, service: trails }),
        unlisted: args.unlisted || !args.no_unlisted,
    })
}

fn nothing_there(bucket: &str, prefix: &str, elsewhere: &[String], there: &[String]) -> String {
    let slash = if prefix.is_empty() { "" } else { "/" };
    let place = format!("`s3://{}{slash}{}`", escape(bucket), escape(prefix));
    let found: Vec<String> = elsewhere
        .iter()
        .take(10)
        .map(|root| {
            let slash = if root.is_empty() { "" } else { "/" };
            format!("`s3://{}{slash}{}`", escape(bucket), escape(root))
        })
        .collect();
    if found.is_empty() {
        let mut words =
            format!("no folder `{ROOT}` in {place}: nothing of CloudTrail's lies there");
        if !there.is_empty() {
            let names: Vec<String> = there.iter().take(10).map(|name| excerpt(name, 80)).collect();
            words.push_str(&format!("\n\nhint: its folders are `{}`", names.join("`, `")));
        }
        words
    } else {
        let found = found.join(", ");
        format!("no folder `{ROOT}` in {place}\n\nhint: there is one in {found}")
    }
}

async fn ask_trail(arn: &TrailArn, trails: &dyn TrailService) -> Result<(String, String), NoPlan> {
    let refused = |error: ServiceError| NoPlan::NotStarted(error.to_string());
    match trails.trail(arn).await.map_err(refused)? {
        Some(trail) => Ok((trail.bucket, trail.prefix.unwrap_or_default())),
        None => Err(NoPlan::NotStarted(format!(
            "DescribeTrails does not know `{}`\n\nhint: name the bucket, as in `trailproof verify \
             s3://BUCKET --trail-arn …`",
            escape(arn.as_str())
        ))),
    }
}
