//! The scenarios, and the bars from the issues that asked for them.
use crate::Outcome;
use crate::directory::{self, Made};
use crate::evidence;
use crate::figures::{Figures, at_least, at_most, each, float, megabytes};
use crate::investigate;
use crate::measure::Run;
use crate::programs::{aws_cli, aws_validate_logs, bare, dry_run, validate_logs, verify};
use crate::s3_scenarios;
use crate::serve::{Server, Store};
use crate::shards;
use crate::world::Sized;
use std::time::Duration;
use trailproof_testkit::trail::LogSizes;

/// Settings for running the scenarios.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Smaller worlds: to check that everything works, not for figures.
    pub(crate) quick: bool,
    /// Number of repetitions of short runs.
    pub(crate) repeat: Option<usize>,
}

/// One scenario.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) words: &'static str,
    pub(crate) run: fn(&Settings) -> Outcome<()>,
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "aws-cli-0ms",
        words: "validate-logs over a week of one account and region, beside the AWS CLI, 0 ms",
        run: |settings| beside_aws(settings, 0, 20.0),
    },
    Scenario {
        name: "aws-cli-10ms",
        words: "the same with 10 ms before each answer",
        run: |settings| beside_aws(settings, 10, 60.0),
    },
    Scenario {
        name: "aws-cli-30ms",
        words: "the same with 30 ms before each answer",
        run: |settings| beside_aws(settings, 30, 100.0),
    },
    Scenario {
        name: "bare",
        words: "validate-logs beside a client that only fetches and a loop that only hashes, 0 ms",
        run: beside_bare,
    },
    Scenario { name: "memory", words: "validate-logs over 7 and over 70 days, 30 ms", run: memory },
    Scenario {
        name: "organization",
        words: "verify over 20 accounts, 17 regions and 7 days, 30 ms",
        run: organization,
    },
    Scenario {
        name: "discovery",
        words: "verify --dry-run over 500 accounts and 17 regions, and verify of it all, 30 ms",
        run: discovery,
    },
    Scenario {
        name: "throttle",
        words: "validate-logs over a week from a store that answers 1,000 requests a second",
        run: throttle,
    },
    Scenario {
        name: "throttle-100",
        words: "the same over two days from a store that answers 100 requests a second",
        run: s3_scenarios::throttle_slow,
    },
    Scenario {
        name: "s3-0ms",
        words: "verify over a week of one account and region, beside a client that only fetches",
        run: |settings| s3_scenarios::busy_week(settings, 0),
    },
    Scenario {
        name: "s3-10ms",
        words: "the same with 10 ms before each answer",
        run: |settings| s3_scenarios::busy_week(settings, 10),
    },
    Scenario {
        name: "s3-30ms",
        words: "the same with 30 ms before each answer",
        run: |settings| s3_scenarios::busy_week(settings, 30),
    },
    Scenario {
        name: "s3-100ms",
        words: "the same with 100 ms before each answer",
        run: |settings| s3_scenarios::busy_week(settings, 100),
    },
    Scenario {
        name: "empty-chains",
        words: "verify over 4 accounts, 17 regions and 7 days with nearly no log file, 30 ms",
        run: s3_scenarios::empty_chains,
    },
    Scenario {
        name: "giant-chain",
        words: "verify over one chain of a year, 30 ms",
        run: s3_scenarios::giant_chain,
    },
    Scenario {
        name: "large-logs",
        words: "verify over log files of 20 MB, 0 ms",
        run: s3_scenarios::large_logs,
    },
    Scenario {
        name: "million",
        words: "verify over 100,000 and over 1,000,000 log files, 0 ms",
        run: million,
    },
    Scenario {
        name: "record",
        words: "verify over a directory of 100,000 small files, with and without a record of the run",
        run: evidence::recording,
    },
    Scenario {
        name: "record-million",
        words: "a run over 1,000,000 log files recorded, replayed as HTML, signed and checked",
        run: evidence::million,
    },
    Scenario {
        name: "directory",
        words: "verify over directories of small, mixed and large files, beside a loop that hashes",
        run: directory::directory,
    },
    Scenario {
        name: "directory-100k",
        words: "verify over directories of 10,000 and 100,000 small files, beside the same",
        run: |settings| directory::many(settings, Made::Copied),
    },
    Scenario {
        name: "mirror",
        words: "verify over mirrors of our own of small, mixed and large files, beside that loop",
        run: directory::mirror,
    },
    Scenario {
        name: "mirror-100k",
        words: "verify over mirrors of our own of 10,000 and 100,000 small files, beside that loop",
        run: |settings| directory::many(settings, Made::MirrorSource),
    },
    Scenario {
        name: "events",
        words: "events searched in a mirror of 1,000,000 log files, beside verify over it",
        run: investigate::events,
    },
    Scenario {
        name: "versions",
        words: "verify --as-of over a bucket with 20 versions of each object, 30 ms",
        run: investigate::versions,
    },
    Scenario {
        name: "plan-8500",
        words: "plan over 500 accounts and 17 regions: 7 days, a quarter, 7 years, 30 ms",
        run: shards::plan_8500,
    },
    Scenario {
        name: "merge-20m",
        words: "merge of 8,500 shard records with 20,000,000 lines, beside decompressing and compressing",
        run: shards::merge_20m,
    },
    Scenario {
        name: "workers",
        words: "two workers at once over shards of an organization's week, beside one run, 0 ms",
        run: shards::workers,
    },
];

fn week(settings: &Settings) -> Sized {
    let hours = if settings.quick { 24 } else { 168 };
    Sized::new(1, 1, hours, 19.8, LogSizes::Realistic)
}

/// Runs `times` times and summarizes the results.
pub(crate) fn repeated(
    server: &mut Server,
    name: &str,
    times: usize,
    run: impl Fn(&str) -> Outcome<Run>,
) -> Outcome<Figures> {
    let mut runs = Vec::new();
    for _ in 0..times.max(1) {
        server.forget()?;
        runs.push(run(&server.endpoint)?);
    }
    let seen = server.seen()?;
    Figures::of(name, runs, seen)
}

/// Returns an error if a run did not reach the verdict that its trail deserves: such a run measures
/// nothing.
pub(crate) fn proven(figures: &Figures) -> Outcome<()> {
    if figures.last.status == Some(0) {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&figures.last.stderr);
    let words: String = words.chars().take(2_000).collect();
    Err(format!("{} ended with {:?}: {words}", figures.name, figures.last.status).into())
}

fn beside_aws(settings: &Settings, latency: u64, bar: f64) -> Outcome<()> {
    let sized = week(settings);
    let mut server = Server::start(sized, Store { latency, rate: None, ..Store::default() })?;
    let times = settings.repeat.unwrap_or(5);
    let ours =
        repeated(&mut server, "trailproof", times, |endpoint| validate_logs(endpoint, sized))?;
    proven(&ours)?;
    let Some(aws) = aws_cli() else {
        println!("  no AWS CLI: name one in TRAILPROOF_AWS_CLI");
        return Ok(());
    };
    // With latency it takes minutes, most of it waiting, which does not vary.
    let times = if latency == 0 { settings.repeat.unwrap_or(3) } else { 1 };
    let theirs = repeated(&mut server, "AWS CLI", times, |endpoint| {
        aws_validate_logs(aws.clone(), endpoint, sized)
    })?;
    proven(&theirs)?;
    if ours.last.stdout != theirs.last.stdout {
        return Err("the two programs disagree".into());
    }
    let output = String::from_utf8_lossy(&ours.last.stdout);
    println!("  both say: {}", output.trim_end().lines().next_back().unwrap_or_default());
    // Run it again, so that other load on the machine affects both.
    let again = repeated(&mut server, "trailproof, again", times.max(3), |endpoint| {
        validate_logs(endpoint, sized)
    })?;
    let wall = (ours.wall + again.wall) / 2;
    at_least("times faster", theirs.wall.as_secs_f64() / wall.as_secs_f64(), bar);
    println!("  times less CPU: {:.1}", theirs.cpu.as_secs_f64() / ours.cpu.as_secs_f64());
    at_most("peak memory, MB", megabytes(ours.peak), 100.0);
    Ok(())
}

fn beside_bare(settings: &Settings) -> Outcome<()> {
    let sized = week(settings);
    let mut server = Server::start(sized, Store::default())?;
    let (objects, inflated, hashing) = server.inflate_and_hash()?;
    println!(
        "inflate and SHA-256 alone: {:.0} µs CPU/object, {objects} objects, {:.0} MB/s",
        each(hashing, objects),
        float(inflated / 1_000_000) / hashing.as_secs_f64()
    );
    let mut ratios = Vec::new();
    // Alternating, so that other load on the machine affects both.
    for _ in 0..settings.repeat.unwrap_or(5) {
        let fetching = repeated(&mut server, "bare client", 1, bare)?;
        proven(&fetching)?;
        let ours = repeated(&mut server, "trailproof", 1, |it| validate_logs(it, sized))?;
        proven(&ours)?;
        let limit = each(fetching.cpu, fetching.seen.gets) + each(hashing, objects);
        ratios.push(each(ours.cpu, ours.seen.gets) / limit);
    }
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    at_most("CPU per object against fetching and hashing alone", ratio, 1.15);
    Ok(())
}

fn memory(settings: &Settings) -> Outcome<()> {
    let (short, long) = if settings.quick { (24, 168) } else { (168, 1680) };
    let mut peaks = Vec::new();
    for hours in [short, long] {
        let sized = Sized::new(1, 1, hours, 19.8, LogSizes::Repeated);
        let mut server =
            Server::start(sized, Store { latency: 30, rate: None, ..Store::default() })?;
        let name = format!("trailproof, {} days", hours / 24);
        let times = settings.repeat.unwrap_or(3);
        let ours = repeated(&mut server, &name, times, |it| validate_logs(it, sized))?;
        proven(&ours)?;
        peaks.push(megabytes(ours.peak));
    }
    flat(&peaks, 100.0);
    Ok(())
}

fn flat(peaks: &[f64], bar: f64) {
    let most = peaks.iter().copied().fold(0.0, f64::max);
    at_most("peak memory, MB", most, bar);
    if let [small, large] = peaks {
        at_most("peak memory of the large run against the small one", large / small, 1.1);
    }
}

fn organization(settings: &Settings) -> Outcome<()> {
    let (accounts, hours) = if settings.quick { (4, 48) } else { (20, 168) };
    let sized = Sized::new(accounts, 17, hours, 0.02, LogSizes::Small);
    let mut server = Server::start(sized, Store { latency: 30, rate: None, ..Store::default() })?;
    let ours =
        repeated(&mut server, "trailproof", settings.repeat.unwrap_or(2), |it| verify(it, sized))?;
    proven(&ours)?;
    at_most("seconds", ours.wall.as_secs_f64(), 60.0);
    at_most("peak memory, MB", megabytes(ours.peak), 200.0);
    Ok(())
}

/// Measures 8,500 chains of a few hours. A dry run lists everything that a run lists before it
/// reads its first digest, and the folders of log files as well.
fn discovery(settings: &Settings) -> Outcome<()> {
    let accounts = if settings.quick { 20 } else { 500 };
    let sized = Sized::new(accounts, 17, 4, 0.02, LogSizes::Small);
    let mut server = Server::start(sized, Store { latency: 30, rate: None, ..Store::default() })?;
    let listing = repeated(&mut server, "trailproof verify --dry-run", 1, |it| dry_run(it, sized))?;
    proven(&listing)?;
    at_most("seconds", listing.wall.as_secs_f64(), 30.0);
    at_most("peak memory, MB", megabytes(listing.peak), 200.0);
    let ours = repeated(&mut server, "trailproof verify", 1, |it| verify(it, sized))?;
    proven(&ours)?;
    at_most("peak memory, MB", megabytes(ours.peak), 200.0);
    Ok(())
}

fn throttle(settings: &Settings) -> Outcome<()> {
    let sized = week(settings);
    let rate = 1_000;
    let mut server =
        Server::start(sized, Store { latency: 10, rate: Some(rate), ..Store::default() })?;
    let ours = repeated(&mut server, "trailproof", settings.repeat.unwrap_or(2), |endpoint| {
        validate_logs(endpoint, sized)
    })?;
    let served = ours.seen.requests - ours.seen.throttled;
    let ideal = Duration::from_secs_f64(float(served) / f64::from(rate));
    println!("  an ideal client at that rate: {:.2} s", ideal.as_secs_f64());
    at_most("times its time", ours.wall.as_secs_f64() / ideal.as_secs_f64(), 1.3);
    proven(&ours)
}

fn million(settings: &Settings) -> Outcome<()> {
    let accounts = if settings.quick { [1, 4] } else { [2, 20] };
    let mut peaks = Vec::new();
    for accounts in accounts {
        let sized = Sized::new(accounts, 17, 168, 17.6, LogSizes::Repeated);
        let mut server = Server::start(sized, Store::default())?;
        let name = format!("trailproof, {accounts} accounts");
        // Peaks vary by some megabytes between runs, and a run ten times as long has more of them.
        let times = settings.repeat.unwrap_or(if peaks.is_empty() { 5 } else { 1 });
        let ours = repeated(&mut server, &name, times, |endpoint| verify(endpoint, sized))?;
        proven(&ours)?;
        let output = String::from_utf8_lossy(&ours.last.stdout);
        println!("  it says: {}", output.lines().nth(3).unwrap_or_default());
        peaks.push(megabytes(ours.peak));
    }
    flat(&peaks, 200.0);
    Ok(())
}
