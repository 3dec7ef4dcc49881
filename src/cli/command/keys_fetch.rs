//! `trailproof keys fetch`: fetches the public keys of regions from AWS into a file.
use crate::aws::config::AwsConfig;
use crate::aws::regions::{ORIGIN, partition_of};
use crate::cli::args::aws::AwsArgs;
use crate::cli::args::keys::FetchArgs;
use crate::console::exit::ExitStatus;
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::files::atomic::{check_absent, write};
use crate::report::numbers::counted;
use crate::session::environment::now;
use crate::session::period::{NO_PERIOD, PeriodArgs, period};
use crate::session::store::configured;
use crate::trust::bundle::{Bundle, check, fetched};
use crate::trust::cloudtrail::CloudTrail;
use crate::trust::{KeyRecord, KeyService as _, ServiceError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::location::{escape, excerpt};
use trailproof_core::vocab::time::{DAY, Period, Timestamp};

/// Start of the whole history: CloudTrail has written digests since October 2015, and a key is valid
/// for 30 days.
const FIRST_KEYS: &str = "2015-09-01T00:00:00Z";

/// Region that stands for the commercial partition if no region is configured.
const COMMERCIAL: &str = "us-east-1";

/// Fetches keys, writes the file, and returns the exit status.
///
/// # Errors
///
/// Returns an error if the arguments are invalid, AWS cannot be reached, a named region does not
/// return its keys, or the file cannot be written. The file is then unchanged.
pub(crate) async fn fetch(aws: &AwsArgs, args: &FetchArgs) -> Result<ExitStatus, Refusal> {
    // Checked before any request is made.
    check_absent(&args.output, args.force)?;
    let now = now();
    let typed = PeriodArgs {
        start: Some(args.start_time.as_deref().unwrap_or(FIRST_KEYS)),
        end: args.end_time.as_deref(),
        last: None,
        quarter: None,
    };
    let cut = period(typed).and_then(|asked| asked.ok_or(NO_PERIOD)?.cut(now));
    let (Period { start, end }, _) = cut.map_err(Refusal::usage)?;
    // Digests just outside the period are read too, to anchor it. Keys of the future are not known
    // yet, so future time is never recorded as covered.
    let span = (start.plus(-DAY), end.plus(DAY).min(now));
    let named = named(&args.regions)?;
    let config = configured(aws.access()).await?;
    let mut regions = named.clone();
    if args.all_regions {
        regions.extend(all(&config, &named));
    }
    let mut keys = BTreeMap::new();
    let mut silent = Vec::new();
    for (region, answer) in ask(&Arc::new(CloudTrail::new(&config)), regions, span).await {
        match answer {
            Ok(got) => {
                keys.insert(region, got);
            }
            // The keys of a named region are required.
            Err(error) if named.contains(&region) => {
                let hint = error.hint(&config.renewal());
                return Err(Refusal::not_started(format!("{region}: {error}")).with_hint(hint));
            }
            Err(error) => {
                print_to_stderr(&format!("warning: {region}: no keys: {error}"));
                silent.push(region);
            }
        }
    }
    if keys.is_empty() {
        return Err(Refusal::not_started("no region returned its keys; nothing was written"));
    }
    let text = fetched(&keys, span);
    write(&args.output, text.as_bytes(), args.force)?;
    print_coverage(&args.output, &text);
    let is_empty = |region: &Region| keys.get(region).is_some_and(Vec::is_empty);
    if silent.is_empty() {
        // The keys of a named region are required.
        let complete = !named.iter().any(is_empty);
        return Ok(if complete { ExitStatus::Success } else { ExitStatus::NotProven });
    }
    let regions: Vec<&str> = silent.iter().map(Region::as_str).collect();
    print_to_stderr(&format!(
        "warning: `{}` lacks the keys of {} of {} regions: {}\n\nhint: CloudTrail does not answer \
         in a region that is not enabled for the account or that a policy denies; digests of these \
         regions will be `keys-unavailable`",
        escape(&args.output.to_string_lossy()),
        silent.len(),
        silent.len() + keys.len(),
        regions.join(", "),
    ));
    // Without these keys a run is "not proven".
    Ok(ExitStatus::NotProven)
}

/// Prints, for each region, how many keys the file has and for which digests they are all.
fn print_coverage(output: &Path, text: &str) {
    let Ok(bundle) = Bundle::parse(text.as_bytes()) else { return };
    let checked = check(&bundle);
    for (region, of) in &checked.regions {
        let covered = match (of.covered.first(), of.covered.last()) {
            _ if of.keys == 0 => "so digests of the region will be `keys-unavailable`".to_owned(),
            (Some((from, _)), Some((_, to))) => format!("for digests from {from} to {to}"),
            _ => "not certainly all keys of any time".to_owned(),
        };
        let keys = counted(u64::try_from(of.keys).unwrap_or(u64::MAX), "key");
        print_to_stderr(&format!("{region}: {keys}, {covered}"));
    }
    print_to_stderr(&format!(
        "wrote `{}`: {} of {}",
        escape(&output.to_string_lossy()),
        counted(u64::try_from(checked.keys).unwrap_or(u64::MAX), "usable key"),
        counted(u64::try_from(checked.regions.len()).unwrap_or(u64::MAX), "region"),
    ));
}

pub(super) fn named(typed: &[String]) -> Result<BTreeSet<Region>, Refusal> {
    let region = |text: &String| {
        text.parse().map_err(|_| {
            Refusal::usage(format!("invalid value `{}` for `--region`", excerpt(text, SHOWN)))
        })
    };
    typed.iter().map(region).collect()
}

/// Returns every known region of the partition of the named regions, or else of the configured one.
fn all(config: &AwsConfig, named: &BTreeSet<Region>) -> Vec<Region> {
    let configured = config.region().map_or(COMMERCIAL, AsRef::as_ref);
    let partition = partition_of(named.first().map_or(configured, Region::as_str));
    let count = partition.regions.len();
    print_to_stderr(&format!(
        "asking the {count} regions of partition `{}` in {ORIGIN}",
        partition.name
    ));
    partition.regions.iter().filter_map(|name| name.parse().ok()).collect()
}

type Answer = Result<Vec<KeyRecord>, ServiceError>;

/// Asks all regions at once and returns their answers in the order of the regions.
async fn ask(
    trust: &Arc<CloudTrail>,
    regions: BTreeSet<Region>,
    (from, to): (Timestamp, Timestamp),
) -> BTreeMap<Region, Answer> {
    let mut asked = JoinSet::new();
    for region in regions {
        let trust = Arc::clone(trust);
        asked.spawn(async move {
            let answer = trust.keys(Some(&region), from, to).await;
            (region, answer)
        });
    }
    asked.join_all().await.into_iter().collect()
}
