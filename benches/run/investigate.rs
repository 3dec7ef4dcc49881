//! Searching verified log files for events, beside verifying them, and reading the versions of a
//! bucket.
use crate::Outcome;
use crate::directory::{KEYS, Made, Written, all_valid, median};
use crate::figures::{at_least, at_most, float, megabytes};
use crate::measure::Run;
use crate::programs::{as_of, trailproof, verify_directory};
use crate::scenarios::Settings;
use crate::serve::{Server, Store};
use crate::world::Sized;
use serde_json::Value;
use trailproof_testkit::trail::LogSizes;

/// The least speed of a search, as a share of that of verifying the same mirror.
const SEARCH: f64 = 0.9;

/// Searches the log files of a mirror for events that are in few of them, beside `verify` over the same
/// mirror, alternating. The search has no record: it verifies the digests too.
pub(crate) fn events(settings: &Settings) -> Outcome<()> {
    let (accounts, hours) = if settings.quick { (1, 24) } else { (20, 168) };
    let sized = Sized::new(accounts, 17, hours, 17.6, LogSizes::Repeated);
    let mirror = Written::new(sized, Made::MirrorSource)?;
    let (from, to) = sized.around();
    let keys = mirror.0.join(KEYS);
    let search = || {
        trailproof(&[
            &"events",
            &mirror.0,
            &"--public-keys",
            &keys,
            &"--start-time",
            &from,
            &"--end-time",
            &to,
            &"--name",
            &"StopLogging",
            &"--name",
            &"DeleteTrail",
            &"--quiet",
            &"--format",
            &"json",
        ])
    };
    let (mut ratios, mut peak) = (Vec::new(), 0);
    // The first round only warms the cache.
    for round in 0..=settings.repeat.unwrap_or(3) {
        let verified = verify_directory(&mirror.0, sized, None)?;
        all_valid(&verified, mirror.1)?;
        let searched = search()?;
        all_searched(&searched, mirror.1)?;
        if round > 0 {
            println!(
                "  verify {:.2} s, events {:.2} s wall, {:.2} s CPU, {:.1} MB at the peak",
                verified.wall.as_secs_f64(),
                searched.wall.as_secs_f64(),
                searched.cpu.as_secs_f64(),
                megabytes(searched.peak)
            );
            ratios.push(verified.wall.as_secs_f64() / searched.wall.as_secs_f64());
            peak = peak.max(searched.peak);
        }
    }
    println!("  {} log files", mirror.1);
    at_least("of the speed of verify", median(ratios), SEARCH);
    at_most("peak memory, MB", megabytes(peak), 200.0);
    Ok(())
}

/// Returns an error if not every log file was searched.
fn all_searched(run: &Run, logs: u64) -> Outcome<()> {
    let found: Value = serde_json::from_slice(&run.stdout)?;
    let searched = found.pointer("/searched/log_files").and_then(Value::as_u64);
    // The time before the first digest is not covered, as in `verify`.
    if run.status == Some(3) && searched == Some(logs) {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&run.stderr);
    Err(format!("ended with {:?}, {searched:?} of {logs} searched: {errors}", run.status).into())
}

/// Versions of each object.
const VERSIONS: u32 = 20;

/// The most seconds for a million versions at 30 ms.
const MILLION: f64 = 60.0;

/// Verifies a bucket as of a time, at which the oldest of twenty versions of each object was current.
/// That lists all versions, in parallel by chain and day, and reads one version of each object.
pub(crate) fn versions(settings: &Settings) -> Outcome<()> {
    let (accounts, hours) = if settings.quick { (1, 24) } else { (4, 72) };
    let sized = Sized::new(accounts, 17, hours, 9.0, LogSizes::Small);
    let store = Store { latency: 30, versions: VERSIONS, ..Store::default() };
    let mut server = Server::start(sized, store)?;
    let mut walls = Vec::new();
    let mut peak = 0;
    let mut versions = 0;
    for _ in 0..settings.repeat.unwrap_or(3) {
        server.forget()?;
        let run = as_of(&server.endpoint, sized)?;
        let seen = server.seen()?;
        if run.status != Some(0) {
            let errors = String::from_utf8_lossy(&run.stderr);
            return Err(format!("verify ended with {:?}: {errors}", run.status).into());
        }
        versions = seen.gets * u64::from(VERSIONS);
        println!(
            "  {:.2} s wall, {:.2} s CPU, {:.1} MB at the peak, {} requests, {} GETs of {versions} \
             versions",
            run.wall.as_secs_f64(),
            run.cpu.as_secs_f64(),
            megabytes(run.peak),
            seen.requests,
            seen.gets,
        );
        walls.push(run.wall.as_secs_f64());
        peak = peak.max(run.peak);
    }
    at_most("seconds for a million versions", median(walls) * 1e6 / float(versions), MILLION);
    at_most("peak memory, MB", megabytes(peak), 200.0);
    Ok(())
}
