//! What `verify` was asked for, made into a plan.
use super::earlier;
use super::evidence::Evidence;
use super::period_arg::{PeriodArgs, period};
use super::place::{Moved, Place, location, moved};
use super::refusal::Refusal;
use super::time_arg::parse_time;
use super::verify_args::VerifyArgs;
use crate::trust::{ServiceError, TrailService};
use crate::verify::known::KnownLogs;
use crate::verify::plan::VerifyPlan;
use crate::verify::seam::Since;
use crate::verify::trail_status::StatusOf;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use trailproof_core::budget::SHOWN;
use trailproof_core::chain_id::{Scope, TrailFilter};
use trailproof_core::ids::TrailArn;
use trailproof_core::location::{escape, excerpt};
use trailproof_core::time::Timestamp;

/// What was typed, read and held to its forms; nobody was asked yet.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) place: Option<Place>,
    pub(super) moved: Vec<Moved>,
    pub(super) trail: Option<TrailArn>,
    pub(super) scope: Scope,
    pub(super) period: super::period_arg::Cut,
    /// The record that the run joins on to.
    pub(super) since: Option<Since>,
}

/// The record that `--since` names, unless it names a time: `./2026-07-01` names a file of that
/// name.
fn record_at(typed: &str) -> Option<PathBuf> {
    let is_time = parse_time(typed).is_some();
    (!is_time && Path::new(typed).exists()).then(|| typed.into())
}

/// Reads what was typed.
pub(super) fn read(args: &VerifyArgs, now: Timestamp) -> Result<Asked, Refusal> {
    let selection = &args.selection;
    let since = args.since.as_deref().and_then(record_at).map(|path| earlier::since(&path));
    let since = since.transpose()?;
    let joins = since.as_ref().and_then(Since::start).map(|start| start.to_string());
    let typed = PeriodArgs {
        start: joins.as_deref().or(args.since.as_deref()).or(selection.start_time.as_deref()),
        end: selection.end_time.as_deref(),
        last: selection.last.as_deref(),
        quarter: selection.quarter.as_deref(),
    };
    let period = period(typed, now).map_err(Refusal::usage)?;
    let place = args.location.as_deref().map(location).transpose()?;
    let moved = args.relocate.iter().map(|text| moved(text)).collect::<Result<_, _>>()?;
    let trail = args.trail_arn.as_deref().map(|arn| id(arn, "--trail-arn")).transpose()?;
    let mut trails =
        selection.trail.iter().map(|text| trail_filter(text)).collect::<Result<Vec<_>, _>>()?;
    trails.extend(trail.clone().map(TrailFilter::Arn));
    let accounts =
        selection.account.iter().map(|text| id(text, "--account")).collect::<Result<_, _>>()?;
    let regions =
        selection.regions.iter().map(|text| id(text, "--region")).collect::<Result<_, _>>()?;
    let scope = Scope { trails, accounts, regions };
    Ok(Asked { place, moved, trail, scope, period, since })
}

fn id<T: FromStr>(text: &str, option: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| {
        Refusal::usage(format!("invalid value `{}` for `{option}`", excerpt(text, SHOWN)))
    })
}

fn trail_filter(text: &str) -> Result<TrailFilter, Refusal> {
    if text.starts_with("arn:") {
        return id(text, "--trail").map(TrailFilter::Arn);
    }
    id(text, "--trail").map(TrailFilter::Name)
}

/// Asks the trail for what is still open.
pub(super) async fn bucket_of(
    asked: &Asked,
    trails: &dyn TrailService,
) -> Result<(String, String), Refusal> {
    match (&asked.place, &asked.trail) {
        (Some(Place::Bucket(bucket, prefix)), _) => Ok((bucket.clone(), prefix.clone())),
        (_, Some(arn)) => ask_trail(arn, trails).await,
        _ => Err(Refusal::usage("a location or `--trail-arn` is needed")),
    }
}

/// The plan over evidence that was found. `trails` is who knows the trail's status, if anybody may
/// be asked.
pub(super) fn make(
    asked: Asked,
    args: &VerifyArgs,
    evidence: &Evidence,
    trails: Option<Arc<dyn TrailService>>,
    known: Option<Arc<KnownLogs>>,
    now: Timestamp,
) -> VerifyPlan {
    let Asked { trail, scope, period: (period, end_was_future), since, .. } = asked;
    VerifyPlan {
        location: evidence.location.clone(),
        bucket: evidence.bucket.clone(),
        roots: evidence.roots.clone(),
        scope,
        period,
        end_was_future,
        now,
        // A copy may lag behind what the trail says that it delivered.
        status: trail
            .zip(trails)
            .filter(|_| !evidence.copy)
            .map(|(arn, service)| StatusOf { arn, service }),
        unlisted: args.unlisted || !args.no_unlisted,
        complete_copy: args.complete_copy && evidence.copy,
        known,
        since: since.map(Arc::new),
    }
}

async fn ask_trail(arn: &TrailArn, trails: &dyn TrailService) -> Result<(String, String), Refusal> {
    let refused = |error: ServiceError| Refusal::not_started(error.to_string());
    match trails.trail(arn).await.map_err(refused)? {
        Some(trail) => Ok((trail.bucket, trail.prefix.unwrap_or_default())),
        None => Err(Refusal::not_started(format!(
            "DescribeTrails does not know `{}`\n\nhint: name the bucket, as in `trailproof verify \
             s3://BUCKET --trail-arn …`",
            escape(arn.as_str())
        ))),
    }
}
