//! `trailproof keys`: public keys in files.
use super::args::AwsArgs;
use super::interrupt::unless_interrupted;
use super::keys_args::{CheckArgs, FetchArgs, KeysArgs, KeysCommand};
use super::period_arg::{PeriodArgs, period};
use super::program::say;
use super::validate_logs::now;
use crate::aws::config::{AwsConfig, AwsOptions, EndpointScope};
use crate::core::budget::SHOWN;
use crate::core::ids::Region;
use crate::core::location::{escape, excerpt};
use crate::core::time::{DAY, Period};
use crate::trust::KeyService as _;
use crate::trust::bundle::{Bundle, Checked, check, fetched, write_new};
use crate::trust::cloudtrail::CloudTrail;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// A key is wrong: the same status as evidence that is contradicted.
const WRONG: u8 = 1;
const USAGE: u8 = 2;
const NOT_STARTED: u8 = 5;
const OUTPUT_LOST: u8 = 6;

/// Lines of one kind that are shown for one file.
const LINES: usize = 100;

/// Why a command ended early: its exit status and what to say.
type Refusal = (u8, String);

/// Runs the command and returns the exit status.
pub(super) async fn run(aws: &AwsArgs, args: &KeysArgs) -> u8 {
    let work = async {
        match &args.command {
            KeysCommand::Fetch(args) => fetch(aws, args).await,
            KeysCommand::Check(args) => check_files(args),
        }
    };
    match unless_interrupted(work).await {
        Err(signal) => 128 + signal,
        Ok(Ok(status)) => status,
        Ok(Err((status, words))) => {
            say(&format!("error: {words}"));
            status
        }
    }
}

async fn fetch(aws: &AwsArgs, args: &FetchArgs) -> Result<u8, Refusal> {
    let now = now();
    let typed = PeriodArgs {
        start: Some(&args.start_time),
        end: args.end_time.as_deref(),
        last: None,
        quarter: None,
    };
    let (Period { start, end }, _) = period(typed, now).map_err(|words| (USAGE, words))?;
    // Digests next to the period are read too, to anchor it. Of the time after now nobody has all
    // keys, so that is never written down as covered.
    let (from, to) = (start.plus(-DAY), end.plus(DAY).min(now));
    let mut regions: Vec<Region> = Vec::new();
    for text in &args.regions {
        let region = text.parse().map_err(|_| {
            (USAGE, format!("invalid value `{}` for `--region`", excerpt(text, SHOWN)))
        })?;
        regions.push(region);
    }
    let not_started = |error: &dyn std::fmt::Display| (NOT_STARTED, error.to_string());
    let options = AwsOptions {
        profile: aws.profile.clone(),
        region: None,
        endpoint_url: aws.endpoint_url.clone(),
        endpoint_scope: EndpointScope::Every,
    };
    let config = AwsConfig::load(options).await.map_err(|error| not_started(&error))?;
    config.check_credentials().await.map_err(|error| not_started(&error))?;
    let trust = CloudTrail::new(&config);
    let mut keys = BTreeMap::new();
    for region in regions {
        let got = trust.keys(Some(&region), from, to).await;
        let got = got.map_err(|error| (NOT_STARTED, format!("{region}: {error}")))?;
        say(&format!("{region}: {} keys", got.len()));
        keys.insert(region, got);
    }
    let text = fetched(&keys, (from, to));
    write_new(&args.output, &text).map_err(|error| {
        let path = args.output.to_string_lossy();
        (OUTPUT_LOST, format!("cannot write `{}`: {error}", escape(&path)))
    })?;
    Ok(0)
}

fn check_files(args: &CheckArgs) -> Result<u8, Refusal> {
    let mut wrong = false;
    let mut out = io::stdout().lock();
    for path in &args.files {
        let shown = escape(&path.to_string_lossy()).into_owned();
        let bundle = Bundle::read(path)
            .map_err(|why| (NOT_STARTED, format!("cannot use `{shown}`: {why}")))?;
        let checked = check(&bundle);
        wrong |= !checked.wrong.is_empty();
        report(&mut out, path, &bundle, &checked)
            .map_err(|error| (OUTPUT_LOST, format!("cannot write the output: {error}")))?;
    }
    out.flush().map_err(|error| (OUTPUT_LOST, format!("cannot write the output: {error}")))?;
    Ok(if wrong { WRONG } else { 0 })
}

fn report(out: &mut impl Write, path: &Path, bundle: &Bundle, checked: &Checked) -> io::Result<()> {
    writeln!(
        out,
        "{}: {} usable keys in {} regions, at most {} valid at once",
        escape(&path.to_string_lossy()),
        checked.keys,
        checked.regions.len(),
        checked.overlap,
    )?;
    for (kind, lines) in [("wrong", &checked.wrong), ("odd", &checked.odd)] {
        for line in lines.iter().take(LINES) {
            writeln!(out, "  {kind}: {line}")?;
        }
        if lines.len() > LINES {
            writeln!(out, "  {kind}: and {} more", lines.len() - LINES)?;
        }
    }
    if !bundle.of_any_region.is_empty() {
        let count = bundle.of_any_region.len();
        writeln!(
            out,
            "  {count} keys of no region: the file does not tell it; nothing is covered"
        )?;
    }
    for (region, (keys, open)) in &checked.regions {
        writeln!(out, "  {region}: {keys} keys")?;
        for (from, to) in open.iter().take(LINES) {
            writeln!(out, "    not covered: {from} to {to}")?;
        }
    }
    Ok(())
}
