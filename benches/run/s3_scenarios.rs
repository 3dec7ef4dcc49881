//! Whole runs over S3: at every latency and for every shape of bucket, each compared with a client
//! that only fetches the same objects, and with the AWS CLI where it can do the work.
use crate::Outcome;
use crate::figures::{Figures, at_most, each, megabytes};
use crate::programs::{aws_cli, aws_validate_logs, bare, validate_logs, verify};
use crate::scenarios::{Settings, proven, repeated};
use crate::serve::{Server, Store};
use crate::world::Sized;
use std::time::Duration;
use trailproof_testkit::trail::LogSizes;

/// Compares `verify` with fetching alone, alternating, so that other load on the machine affects
/// both.
fn beside_fetching(settings: &Settings, sized: Sized, latency: u64, times: usize) -> Outcome<()> {
    let mut server = Server::start(sized, Store { latency, rate: None, ..Store::default() })?;
    let (objects, inflated, hashing) = server.inflate_and_hash()?;
    println!(
        "inflate and SHA-256 alone: {:.0} µs CPU/object, {objects} objects, {} MB inflated",
        each(hashing, objects),
        inflated / 1_000_000
    );
    let (mut walls, mut cpus, mut peak) = (Vec::new(), Vec::new(), 0);
    let mut serving = Vec::new();
    let mut last = None;
    for _ in 0..settings.repeat.unwrap_or(times) {
        let fetching = repeated(&mut server, "bare client", 1, bare)?;
        proven(&fetching)?;
        let before = server.cpu()?;
        let ours = repeated(&mut server, "trailproof verify", 1, |it| verify(it, sized))?;
        serving.push(each(server.cpu()?.saturating_sub(before), ours.seen.gets));
        proven(&ours)?;
        let limit = each(fetching.cpu, fetching.seen.gets) + each(hashing, objects);
        walls.push(ours.wall.as_secs_f64() / fetching.wall.as_secs_f64());
        cpus.push(each(ours.cpu, ours.seen.gets) / limit);
        peak = peak.max(ours.peak);
        last = Some(ours);
    }
    println!("  times the time of fetching alone: {:.2}", median(&mut walls));
    println!("  times the CPU of fetching and hashing alone: {:.2}", median(&mut cpus));
    println!("  µs of CPU an object in the server, beside: {:.0}", median(&mut serving));
    at_most("peak memory, MB", megabytes(peak), 200.0);
    if let Some(ours) = last {
        let rate = f64::from(u32::try_from(ours.seen.gets)?) / ours.wall.as_secs_f64();
        println!("  objects a second: {rate:.0}");
    }
    Ok(())
}

/// Compares `validate-logs` with the AWS CLI on the same bucket, if the CLI is installed and ends
/// in time.
fn beside_aws(sized: Sized, latency: u64) -> Outcome<()> {
    let Some(aws) = aws_cli() else { return Ok(()) };
    let mut server = Server::start(sized, Store { latency, rate: None, ..Store::default() })?;
    let ours = repeated(&mut server, "trailproof validate-logs", 3, |it| validate_logs(it, sized))?;
    let theirs =
        repeated(&mut server, "AWS CLI", 1, |it| aws_validate_logs(aws.clone(), it, sized))?;
    if ours.last.stdout != theirs.last.stdout {
        return Err("the two programs disagree".into());
    }
    let times = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
    println!("  times faster than the AWS CLI: {:.1}", times(theirs.wall, ours.wall));
    println!("  times less CPU than the AWS CLI: {:.1}", times(theirs.cpu, ours.cpu));
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Measures a busy week of one account and region.
pub(crate) fn busy_week(settings: &Settings, latency: u64) -> Outcome<()> {
    let hours = if settings.quick { 24 } else { 168 };
    beside_fetching(settings, Sized::new(1, 1, hours, 19.8, LogSizes::Realistic), latency, 5)
}

/// Measures four accounts in every region for a week, with nearly no log files.
pub(crate) fn empty_chains(settings: &Settings) -> Outcome<()> {
    let (accounts, hours) = if settings.quick { (1, 48) } else { (4, 168) };
    let sized = Sized::new(accounts, 17, hours, 0.02, LogSizes::Small);
    beside_fetching(settings, sized, 30, 3)
}

/// Measures one chain of a year, with a log file in every fifth hour: the walk itself.
pub(crate) fn giant_chain(settings: &Settings) -> Outcome<()> {
    let hours = if settings.quick { 720 } else { 8_760 };
    let sized = Sized::new(1, 1, hours, 0.2, LogSizes::Small);
    beside_fetching(settings, sized, 30, 3)?;
    let hours = if settings.quick { 240 } else { 720 };
    println!("  beside the AWS CLI, over {} days:", hours / 24);
    beside_aws(Sized::new(1, 1, hours, 0.2, LogSizes::Small), 30)
}

/// Measures log files of twenty megabytes.
pub(crate) fn large_logs(settings: &Settings) -> Outcome<()> {
    let hours = if settings.quick { 4 } else { 12 };
    let sized = Sized::new(1, 1, hours, 2.0, LogSizes::Large);
    beside_fetching(settings, sized, 0, 3)?;
    beside_aws(sized, 0)
}

/// Measures the cost of a throttling store, at two rates.
pub(crate) fn throttle_slow(settings: &Settings) -> Outcome<()> {
    let hours = if settings.quick { 12 } else { 48 };
    let sized = Sized::new(1, 1, hours, 19.8, LogSizes::Realistic);
    let rate = 100;
    let mut server =
        Server::start(sized, Store { latency: 10, rate: Some(rate), ..Store::default() })?;
    let ours: Figures = repeated(&mut server, "trailproof", settings.repeat.unwrap_or(2), |it| {
        validate_logs(it, sized)
    })?;
    let served = u32::try_from(ours.seen.requests - ours.seen.throttled)?;
    let ideal = f64::from(served) / f64::from(rate);
    println!("  an ideal client at that rate: {ideal:.2} s");
    at_most("times its time", ours.wall.as_secs_f64() / ideal, 1.3);
    proven(&ours)
}
