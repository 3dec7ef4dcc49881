//! `trailproof trail-config`: is the trail configured so that its logs can be evidence?
use crate::aws::advice;
use crate::aws::config::AwsOptions;
use crate::aws::words::SetupError;
use crate::cli::args::aws::AwsArgs;
use crate::cli::args::trail_config::{ConfigFormat, TrailConfigArgs, Unknown};
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::console::exit::ExitStatus;
use crate::console::refusal::{Refusal, print_result};
use crate::console::stream::print_to_stderr;
use crate::files::atomic;
use crate::report::trail_config::result::{Basis, ConfigReport};
use crate::report::trail_config::{code_scanning, html, json, junit, ocsf, text, words};
use crate::session::environment::now;
use crate::session::store::configured;
use crate::trail_config::assess::{Assessment, Read};
use crate::trail_config::join::join;
use crate::trail_config::live::{Live, LiveRoles, first_region};
use crate::trail_config::{cloudformation, given, input, record, terraform};
use serde_json::Value;
use std::io;
use std::path::Path;
use trailproof_core::control::facts::Wanted;
use trailproof_core::vocab::location::{escape, excerpt};

/// Runs the command and returns the exit status.
pub(crate) async fn run(aws: &AwsArgs, args: &TrailConfigArgs) -> ExitStatus {
    if args.evidence_script {
        let printed = print_result(given::SCRIPT.as_bytes(), ExitStatus::Success);
        return printed.unwrap_or_else(|refusal| refusal.print());
    }
    match unless_interrupted(report(aws, args)).await {
        Err(signal) => signal,
        Ok(ended) => {
            ended.and_then(|report| write(args, &report)).unwrap_or_else(|refusal| refusal.print())
        }
    }
}

/// Checks the configuration.
///
/// # Errors
///
/// An input cannot be used, or has no trail.
pub(super) async fn report(aws: &AwsArgs, args: &TrailConfigArgs) -> Result<ConfigReport, Refusal> {
    if let [one, other] = args.join.as_slice() {
        let joined = join(result(one)?, result(other)?);
        return joined
            .map_err(|why| Refusal::usage(format!("the results cannot be joined: {why}")));
    }
    let mut assessment = Assessment {
        wanted: Wanted { retention_days: args.retention_days, at_hand_days: args.at_hand_days },
        framework: args.framework.clone(),
        unknown_fails: args.unknown == Unknown::Fail,
        ..Assessment::default()
    };
    if args.location.is_some() || args.trail_arn.is_some() {
        live(aws, args, &mut assessment).await?;
    }
    if let Some(path) = &args.terraform {
        let (content, file) = input::read(path)?;
        let document = terraform::Document::read(&content, &path.to_string_lossy())?;
        let basis = match document.kind {
            terraform::Kind::Plan => Basis::Plan,
            terraform::Kind::State => Basis::State,
        };
        let read = |(facts, tainted)| Read { facts, basis, tainted };
        assessment
            .trails
            .extend(terraform::facts(&document, &args.data_bucket).into_iter().map(read));
        assessment.incomplete = document.incomplete;
        assessment.sensitive.extend(document.sensitive);
        assessment.inputs.push(file);
    }
    if let Some(path) = &args.cloudformation {
        let (content, file) = input::read(path)?;
        let facts = cloudformation::facts(&content, &path.to_string_lossy(), &args.data_bucket)?;
        let read = |facts| Read { facts, basis: Basis::Template, tainted: false };
        assessment.trails.extend(facts.into_iter().map(read));
        assessment.inputs.push(file);
    }
    if let Some(folder) = &args.evidence {
        let found = given::read(folder)?;
        if !found.unknown.is_empty() {
            print_to_stderr(&format!(
                "note: not read, of no known operation: {}",
                found.unknown.join(", ")
            ));
        }
        let facts = found.answers.facts(&found.described, found.as_of, &args.data_bucket);
        assessment.trails.push(Read { facts, basis: Basis::Given, tainted: false });
        assessment.as_of = found.as_of;
        assessment.inputs.extend(found.inputs);
    }
    if let Some(path) = &args.record {
        let shown = escape(&path.to_string_lossy()).into_owned();
        let used = record::take(path, &mut assessment.trails).map_err(|why| {
            Refusal::not_started(format!("cannot use the record `{shown}`: {why}"))
        })?;
        let delivers = |read: &Read| read.facts.trail.bucket.value() == Some(&used.bucket);
        if !assessment.trails.is_empty() && !assessment.trails.iter().any(delivers) {
            return Err(Refusal::usage(format!(
                "the record `{shown}` is of the bucket `{}`, to which no trail of the input delivers",
                escape(&used.bucket)
            )));
        }
        assessment.records.push(used);
    }
    if assessment.trails.is_empty() {
        return Err(Refusal::nothing_found("the input has no trail"));
    }
    let malformed = |error: serde_json::Error| Refusal::not_started(error.to_string());
    assessment.report().map_err(malformed)
}

/// Asks AWS about the trail that was named, or about all that deliver to the location.
async fn live(
    aws: &AwsArgs,
    args: &TrailConfigArgs,
    assessment: &mut Assessment,
) -> Result<(), Refusal> {
    let place = match args.location.as_deref() {
        Some(location) => Some(bucket_and_prefix(location)?),
        None => None,
    };
    if let Some(folder) = &args.responses {
        check_new(folder)?;
    }
    let setup = |error: SetupError| Refusal::not_started(advice::setup(&error));
    let options = AwsOptions { region: aws.region.clone(), ..aws.access() };
    let config = configured(options).await?;
    let arn = args.trail_arn.as_deref();
    let region = first_region(&config, arn).map_err(setup)?;
    let roles = LiveRoles {
        bucket: args.bucket_role.clone(),
        key: args.key_role.clone(),
        organization: args.organization_role.clone(),
    };
    let mut live = Live::new(&config, &roles).await;
    assessment.as_of = Some(now());
    let described = live.described(&region, arn).await.map_err(|unread| {
        Refusal::not_started(format!(
            "cannot describe trails in {region}: {}",
            words::unread(&unread)
        ))
    })?;
    let delivers = |trail: &&Value| {
        let text = |name: &str| trail.get(name).and_then(Value::as_str).unwrap_or_default();
        place.as_ref().is_none_or(|(bucket, prefix)| {
            text("S3BucketName") == bucket
                && (prefix.is_empty() || text("S3KeyPrefix").trim_end_matches('/') == prefix)
        })
    };
    let trails: Vec<&Value> = described.iter().filter(delivers).collect();
    if trails.is_empty() {
        let words = match &place {
            Some((bucket, _)) => format!(
                "no trail that DescribeTrails returns in {region} delivers to `{}`\n\n\
                 hint: a trail of one region is found with `--region`, and any trail by `--trail-arn`",
                escape(bucket)
            ),
            None => "there is no trail with that ARN".to_owned(),
        };
        return Err(Refusal::nothing_found(words));
    }
    let shared = live.about_organization().await;
    for trail in trails {
        let answers = live.about_trail(trail, &shared).await;
        let facts = answers.facts(trail, Some(now()), &args.data_bucket);
        assessment.trails.push(Read { facts, basis: Basis::Live, tainted: false });
    }
    let (calls, bodies) = live.into_calls();
    if let Some(folder) = &args.responses {
        keep(folder, &bodies)?;
    }
    assessment.calls = calls;
    Ok(())
}

/// Returns bucket and prefix of `s3://BUCKET[/PREFIX]`.
fn bucket_and_prefix(location: &str) -> Result<(String, String), Refusal> {
    let rest = location.strip_prefix("s3://").filter(|rest| !rest.is_empty());
    let Some(rest) = rest else {
        let shown = excerpt(location, 200);
        return Err(Refusal::usage(format!("`{shown}` is not of the form `s3://BUCKET[/PREFIX]`")));
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    Ok((bucket.to_owned(), prefix.trim_end_matches('/').to_owned()))
}

/// Refuses a folder that is there already: it may hold the answers of a different run.
fn check_new(folder: &Path) -> Result<(), Refusal> {
    if folder.exists() {
        let shown = escape(&folder.to_string_lossy()).into_owned();
        return Err(Refusal::usage(format!("`{shown}` already exists")));
    }
    Ok(())
}

/// Writes each answer as it was received, numbered as the requests of the result are.
fn keep(folder: &Path, bodies: &[Vec<u8>]) -> Result<(), Refusal> {
    let lost = |error: io::Error| {
        let shown = escape(&folder.to_string_lossy()).into_owned();
        Refusal::output_lost(format!("cannot write `{shown}`: {error}"))
    };
    std::fs::create_dir_all(folder).map_err(lost)?;
    for (at, body) in bodies.iter().enumerate() {
        let kind = if body.starts_with(b"<") { "xml" } else { "json" };
        atomic::write(&folder.join(format!("{at:03}.{kind}")), body, false)?;
    }
    Ok(())
}

/// Reads a result file.
fn result(path: &Path) -> Result<ConfigReport, Refusal> {
    let (content, _) = input::read(path)?;
    let shown = escape(&path.to_string_lossy()).into_owned();
    json::read(&content).map_err(|why| Refusal::not_started(format!("`{shown}` {why}")))
}

fn write(args: &TrailConfigArgs, report: &ConfigReport) -> Result<ExitStatus, Refusal> {
    let lost = |error: io::Error| Refusal::output_lost(format!("cannot make an output: {error}"));
    let mut files: Vec<(&Path, io::Result<Vec<u8>>)> = Vec::new();
    for file in &args.report {
        files.push((&file.path, html::html(report)));
    }
    if let Some(path) = &args.junit {
        files.push((path, junit::junit(report)));
    }
    if let Some(path) = &args.ocsf {
        files.push((path, ocsf::ocsf(report)));
    }
    if let Some(path) = &args.sarif {
        if report.trails.iter().any(|trail| !trail.basis.is_static()) {
            return Err(Refusal::usage("`--sarif` is for `--terraform` and `--cloudformation`"));
        }
        files.push((path, code_scanning::sarif(report)));
    }
    let status = status(args, report);
    for (path, bytes) in files {
        let written = bytes.map_err(lost).and_then(|bytes| atomic::write(path, &bytes, args.force));
        if let Err(refusal) = written {
            let lost = refusal.print();
            return Ok(if status.outranks_lost_output() { status } else { lost });
        }
    }
    let bytes = match args.format {
        ConfigFormat::Text => text::text(report).into_bytes(),
        ConfigFormat::Json => json::json(report).map_err(lost)?,
        ConfigFormat::Jsonl => json::json_lines(report).map_err(lost)?,
        ConfigFormat::Github => code_scanning::github(report).into_bytes(),
    };
    print_result(&bytes, status)
}

/// Returns 0 if every check passes or does not apply, 1 if one fails, and 3 if `--require-all` is given and
/// one was not decided.
fn status(args: &TrailConfigArgs, report: &ConfigReport) -> ExitStatus {
    let counts = report.counts();
    if counts.fail > 0 {
        ExitStatus::Contradicted
    } else if args.require_all && counts.not_available + counts.manual > 0 {
        ExitStatus::NotProven
    } else {
        ExitStatus::Success
    }
}
