//! A run in shards gives the bytes of one machine: over generated worlds with random deeds, cut
//! anywhere, in any order, with shards that were worked on more than once.
mod hashed;
mod in_s3;
mod program;
mod refused;
mod surveyed;

use crate::support::by_seed;
use crate::support::worlds::{WorldKeys, WorldSource};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trailproof::locate::roots::find_roots;
use trailproof::report::RunReporter as _;
use trailproof::report::record::{Record, RecordSink};
use trailproof::shard::in_process;
use trailproof::source::ObjectSource;
use trailproof::verify::plan::{Expected, VerifyPlan};
use trailproof::verify::run::verify;
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::record::document::{check_record, record_from};
use trailproof_core::vocab::chain_id::{Scope, TrailFilter};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{Period, Timestamp};
use trailproof_testkit::trail::dice::Dice;
use trailproof_testkit::trail::{
    BuiltTrail, Deed, DeedKind, EventSpec, LogPlan, LogSizes, TrailBuilder, TrailSpec,
};
use trailproof_testkit::world::World;

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Returns the record that one machine writes.
pub(super) fn one_machine(plan: &VerifyPlan, source: &WorldSource) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut record = Record::new(RecordSink::Plain(&mut bytes), None);
    runtime().block_on(verify(plan, again(source), keys(source), &mut |event| {
        let reproducible = event.reproducible();
        record.event(reproducible.as_ref().unwrap_or(event)).unwrap();
    }));
    record.finish().unwrap();
    drop(record);
    bytes
}

/// Returns a source with the same objects and faults.
pub(super) fn again(source: &WorldSource) -> Arc<dyn ObjectSource> {
    Arc::new(WorldSource {
        page: source.page,
        faults: source.faults,
        deny_listing: source.deny_listing,
        etags: source.etags,
        opened: source.opened.clone(),
        ..WorldSource::new(&source.world)
    })
}

pub(super) fn keys(source: &WorldSource) -> Arc<WorldKeys> {
    Arc::new(WorldKeys(Arc::clone(&source.world)))
}

pub(super) fn plan_of(world: &World, period: Period, now: i64) -> VerifyPlan {
    let bucket = world.buckets.keys().next().unwrap();
    let source = WorldSource::new(world);
    let roots = runtime().block_on(find_roots(&source, bucket, "")).unwrap().prefixes;
    VerifyPlan { roots, ..VerifyPlan::new(bucket, period, Timestamp::from_unix(now)) }
}

/// Cuts the run into at most `most` shards, works on them in random order, on some of them twice, and
/// returns the merged record.
fn in_shards(
    plan: &VerifyPlan,
    source: &WorldSource,
    most: Option<usize>,
    dice: &mut Dice,
) -> (Vec<u8>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let (bytes, number) = runtime.block_on(in_process::plan(plan, &again(source), most)).unwrap();
    // The shards may list their digests apart, and the plan is the same.
    let surveyed = plan_of_surveys(plan, source, most, (folder.path(), dice));
    assert_eq!(lines(&surveyed), lines(&bytes));
    let mut order: Vec<u64> = (0..number).collect();
    for _ in 0..=number / 4 {
        order.push(u64::from(dice.below(u32::try_from(number).unwrap())));
    }
    for at in (1..order.len()).rev() {
        order.swap(at, usize::try_from(dice.below(u32::try_from(at + 1).unwrap())).unwrap());
    }
    // Of some shards, some parts are hashed before, and some of these twice.
    let ledgers: Vec<Vec<PathBuf>> = (0..number)
        .map(|shard| {
            let parts = u64::from(dice.below(4));
            let mut ledgers = Vec::new();
            for part in (1..=parts).filter(|_| source.etags) {
                for attempt in 0..dice.below(3) {
                    let hashed = in_process::hash(&bytes, shard, (part, parts), again(source));
                    let ledger = runtime.block_on(hashed).unwrap();
                    let name = format!("hashes-{shard}-{part}-{attempt}");
                    ledgers.push(save(folder.path(), &name, &ledger));
                }
            }
            ledgers
        })
        .collect();
    let mut files = Vec::new();
    for (attempt, shard) in order.into_iter().enumerate() {
        // The ledgers of all shards may lie together.
        let own = match dice.below(2) {
            0 => ledgers[usize::try_from(shard).unwrap()].clone(),
            _ => ledgers.concat(),
        };
        let worked = in_process::work(&bytes, shard, &own, again(source), keys(source));
        let record = runtime.block_on(worked).unwrap();
        files.push(save(folder.path(), &format!("{attempt}"), &record));
    }
    let mut merged = Vec::new();
    in_process::merge(&bytes, &files, &mut merged).unwrap();
    (merged, number)
}

/// Cuts a run into at most `most` shards, lists their digests in random order, those of some twice, and
/// returns the plan that is made of the surveys.
fn plan_of_surveys(
    plan: &VerifyPlan,
    source: &WorldSource,
    most: Option<usize>,
    (folder, dice): (&Path, &mut Dice),
) -> Vec<u8> {
    let runtime = runtime();
    let evidence = again(source);
    let planned = in_process::plan_in_shards(plan, &evidence, most);
    let (first, number) = runtime.block_on(planned).unwrap();
    let mut files = Vec::new();
    for shard in (0..number).rev() {
        for attempt in 0..=dice.below(2) {
            let survey = in_process::survey(&first, shard, again(source));
            let survey = runtime.block_on(survey).unwrap();
            files.push(save(folder, &format!("survey-{shard}-{attempt}"), &survey));
        }
    }
    in_process::plan_of_surveys(&first, &files).unwrap().0
}

pub(super) fn save(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Compares the records of one machine and of shards, in every cut.
fn compare(plan: &VerifyPlan, source: &WorldSource, dice: &mut Dice) -> Result<(), String> {
    let expected = one_machine(plan, source);
    let cuts = [None, Some(1), Some(2), Some(2 + usize::try_from(dice.below(4)).unwrap())];
    for most in cuts {
        let (merged, number) = in_shards(plan, source, most, dice);
        if merged == expected {
            continue;
        }
        let (one, other) = (lines(&expected), lines(&merged));
        let differ = one.iter().zip(&other).position(|(one, other)| one != other);
        let at = differ.unwrap_or(one.len().min(other.len()));
        return Err(format!(
            "{number} shards (at most {most:?}), line {}:\n  {}\n  {}",
            at + 1,
            one.get(at).map_or("", String::as_str),
            other.get(at).map_or("", String::as_str)
        ));
    }
    // What is compared is a record that any reader accepts.
    let mut record = record_from(Box::new(std::io::Cursor::new(expected))).unwrap();
    check_record(&mut record, |_, _| {}).map_err(|why| why.to_string())
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
}

/// Returns trails whose parts know of each other: an organization, single accounts, changed paths.
fn untouched(world: u64) -> BuiltTrail {
    let spec = TrailSpec::new()
        .seed(31 + world)
        .regions(&["us-east-1", "eu-west-1", "ap-south-1"])
        .accounts(&["111122223333", "444455556666"])
        .time("2026-03-01T00:04:11Z", 14)
        .logs(LogPlan::Constant(1), LogSizes::Small);
    match world % 7 {
        0 => spec.organization("o-a1b2c3d4e5").pause(6, 9, 0),
        1 => spec.unexplained_pause(5, 8, 0).rotation(7),
        2 => spec.path_from(7, Some("o-a1b2c3d4e5")),
        3 => spec.organization("o-a1b2c3d4e5").stopped(9).own_phases(),
        4 => spec.backfill(4, 1, 3).own_phases(),
        5 => return restarted(14, None, "other-trail"),
        _ => return restarted(14, Some("o-a1b2c3d4e5"), "other-trail"),
    }
    .build()
}

/// Returns a trail that goes on, beside `other-trail`, which was stopped after its fourth digest. In
/// the log files of the other trail's home region, which only the first trail delivers, logging of
/// the trail `started` began again, well after the hours around the end.
fn restarted(hours: u32, organization: Option<&str>, started: &str) -> BuiltTrail {
    let spec = |name: &str| {
        TrailSpec::new()
            .trail(name, "us-east-1")
            .time("2026-03-01T00:04:11Z", hours)
            .logs(LogPlan::Constant(1), LogSizes::Small)
    };
    let event = EventSpec::new("cloudtrail.amazonaws.com", "StartLogging");
    let event = event.request(&format!("{{\"name\":\"{started}\"}}"));
    let main = spec("main-trail")
        .seed(41)
        .accounts(&["111122223333"])
        .regions(&["us-east-1"])
        .event(hours - 4, event);
    let other = spec("other-trail").seed(42).stopped(4);
    let other = match organization {
        Some(organization) => other
            .organization(organization)
            .accounts(&["444455556666", "999900001111"])
            .regions(&["ap-south-1", "us-east-1"]),
        None => other.accounts(&["111122223333"]).regions(&["ap-south-1", "eu-west-1"]),
    };
    TrailBuilder::new().trail(main).trail(other).build()
}

fn whole(trail: &BuiltTrail) -> Period {
    let period = trail.whole();
    Period { start: Timestamp::from_unix(period.from), end: Timestamp::from_unix(period.to) }
}

/// Returns a random period: all of it, a part, the time after a stop, or one with a tail.
fn period(trail: &BuiltTrail, dice: &mut Dice) -> (Period, i64) {
    let Period { start, end } = whole(trail);
    let hour = 3_600;
    let late = end.plus(9 * hour).unix();
    match dice.below(5) {
        0 => (Period { start, end }, end.unix()),
        1 => (Period { start: start.plus(3 * hour + 700), end: start.plus(9 * hour) }, late),
        2 => {
            (Period { start: end.plus(-hour), end: end.plus(2 * hour) }, end.plus(2 * hour).unix())
        }
        3 => (Period { start: end.plus(2 * hour), end: end.plus(6 * hour) }, late),
        _ => (Period { start, end }, late),
    }
}

/// Returns a random request: everything, narrower scopes, and expectations.
fn request(plan: VerifyPlan, dice: &mut Dice) -> VerifyPlan {
    let mut plan = plan;
    match dice.below(8) {
        0 => plan.scope.regions = vec!["eu-west-1".parse().unwrap()],
        1 => plan.scope.accounts = vec!["444455556666".parse().unwrap()],
        2 => {
            let trail = TrailFilter::Name("absent".parse().unwrap());
            plan.scope = Scope { trails: vec![trail], ..Scope::default() };
        }
        3 => {
            plan.expected = Expected {
                accounts: Some(vec!["999988887777".parse().unwrap()]),
                regions: Some(vec!["us-east-1".parse().unwrap(), "us-west-2".parse().unwrap()]),
                known_ends: Vec::new(),
                names: [("999988887777".parse().unwrap(), "Payments".to_owned())].into(),
            };
        }
        4 => plan.unlisted = false,
        _ => {}
    }
    plan
}

/// Removes all digests, or all log files, of a random account's region, or plants files where a
/// reader of the folder would find them.
fn elsewhere(trail: &mut BuiltTrail, dice: &mut Dice) {
    let chain = usize::try_from(dice.below(u32::try_from(trail.chains.len()).unwrap())).unwrap();
    let digests = trail.chains[chain].digests.clone();
    let bucket = digests[0].bucket.clone();
    let log = digests.iter().flat_map(|digest| &digest.logs).next().cloned();
    let log = log.and_then(|log| Some((trail.current(&bucket, &log.key)?.clone(), log)));
    match (dice.below(8), log) {
        (0, _) => {
            for digest in digests {
                trail.delete(&digest.bucket, &digest.key);
            }
        }
        (1, _) => {
            for log in digests.iter().flat_map(|digest| &digest.logs) {
                trail.delete(&log.bucket, &log.key);
            }
        }
        (2, Some((version, log))) => {
            let account = log.key.split("/CloudTrail/").next().unwrap().to_owned();
            trail.put(&bucket, &format!("{account}/CloudTrail/backup/x.json.gz"), version.clone());
            trail.put(&bucket, &format!("{account}/CloudTrail/.hidden"), version.clone());
            trail.put(&bucket, "AWSLogs/beside.json.gz", version);
        }
        (3, Some((version, log))) => {
            trail.put(&bucket, &log.key.replace("us-east-1", "us-east-2"), version);
        }
        (4, Some((version, log))) => {
            // Beside the regions of an account without objects of the period.
            let name = log.key.rsplit('/').next().unwrap();
            let account = "AWSLogs/123412341234";
            let old = "CloudTrail/us-east-1/2025/01/01/x.json.gz";
            for rest in [old, &format!("other/{name}"), "CloudTrail/EU-WEST-1/x.json.gz"] {
                trail.put(&bucket, &format!("{account}/{rest}"), version.clone());
            }
        }
        (5, Some((version, log))) => {
            // At the levels of a region, which count even if it has no verified time.
            let region = log.key.split("/2026/").next().unwrap();
            for rest in ["x.json.gz", "2026/y.json.gz", "2026/03/01x/z.json.gz", "2026/.hidden"] {
                trail.put(&bucket, &format!("{region}/{rest}"), version.clone());
            }
        }
        (6, Some((version, log))) => {
            // In folders of other organizations.
            let name = log.key.rsplit('/').next().unwrap();
            for above in ["o-zz99yy88xx", "o-zz99yy88xx/o-a1b2c3d4e5/444455556666/CloudTrail"] {
                trail.put(&bucket, &format!("AWSLogs/{above}/{name}"), version.clone());
            }
        }
        _ => {}
    }
}

/// Checks generated worlds with random deeds.
fn generated(seed: u64) {
    let trail = untouched(seed);
    let mut dice = Dice::new(seed, "shards");
    let mut failures = Vec::new();
    for round in 0..6 {
        let mut changed = trail.clone();
        let mut deeds: Vec<Deed> = Vec::new();
        for _ in 0..dice.below(4) {
            let deed = changed.random_deed(&mut dice);
            let is_bomb =
                [DeedKind::DigestBomb, DeedKind::LogBomb].contains(&DeedKind::from(&deed));
            if !is_bomb && changed.apply(deed).is_ok() {
                deeds.push(deed);
            }
        }
        for _ in 0..dice.below(4) {
            elsewhere(&mut changed, &mut dice);
        }
        let (period, now) = period(&changed, &mut dice);
        let plan = request(plan_of(&changed.world, period, now), &mut dice);
        let source = WorldSource { etags: true, ..WorldSource::new(&changed.world) };
        if let Err(why) = compare(&plan, &source, &mut dice) {
            failures.push(format!("round {round}, {deeds:?}, {:?}: {why}", plan.scope));
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n\n"));
}

by_seed!(generated: zero = 0, one = 1, two = 2, three = 3, four = 4, five = 5, six = 6, seven = 7);

/// The trail's start lies in log files of a place that one shard alone reads, and the doubt about the
/// end of its chains in others.
#[test]
fn a_restart_is_found_in_log_files_of_a_different_shard() {
    for (organization, chains) in [(None, 2), (Some("o-a1b2c3d4e5"), 4)] {
        for (started, doubted) in [("other-trail", chains), ("third-trail", 0)] {
            let trail = restarted(20, organization, started);
            let start = Timestamp::from_unix(trail.chains[0].digests[0].end);
            let period = Period { start: start.plus(12 * 3_600), end: start.plus(19 * 3_600) };
            let plan = plan_of(&trail.world, period, period.end.unix() + 9 * 3_600);
            let source = WorldSource::new(&trail.world);
            let record = lines(&one_machine(&plan, &source));
            let is_doubt = |line: &&String| line.contains("\"ended-unexplained\"");
            let context = format!("{organization:?} {started}: {}", record.join("\n"));
            assert_eq!(record.iter().filter(is_doubt).count(), doubted, "{context}");
            let mut dice = Dice::new(3, "restarts");
            compare(&plan, &source, &mut dice).unwrap_or_else(|why| panic!("{context}: {why}"));
        }
    }
}

/// Log files at the levels of a region whose chain ended count if any place has verified time, which
/// only a different shard knows.
#[test]
fn strays_at_the_levels_of_a_region_without_verified_time_are_found() {
    let mut trail = restarted(20, None, "third-trail");
    let start = Timestamp::from_unix(trail.chains[0].digests[0].end);
    let (_, log) = trail.logs().find(|(_, log)| log.key.contains("/ap-south-1/")).unwrap();
    let (bucket, key) = (log.bucket.clone(), log.key.clone());
    let version = trail.current(&bucket, &key).unwrap().clone();
    let region = key.split("/2026/").next().unwrap();
    for rest in ["x.json.gz", "2026/y.json.gz", "2026/03/01x/z.json.gz"] {
        trail.put(&bucket, &format!("{region}/{rest}"), version.clone());
    }
    let source = WorldSource::new(&trail.world);
    let mut dice = Dice::new(4, "levels");
    // In the second period, no place has verified time.
    for (from, to, found) in [(12, 19, 3), (30, 40, 0)] {
        let period = Period { start: start.plus(from * 3_600), end: start.plus(to * 3_600) };
        let plan = plan_of(&trail.world, period, period.end.unix() + 9 * 3_600);
        let record = lines(&one_machine(&plan, &source));
        let is_stray = |line: &&String| line.contains("\"log-unlisted\"");
        assert_eq!(record.iter().filter(is_stray).count(), found, "{}", record.join("\n"));
        compare(&plan, &source, &mut dice).unwrap();
    }
}

#[test]
fn what_cannot_be_read_is_the_same_in_shards() {
    fn denied(at: &ObjectLocation) -> Option<ReadFailureKind> {
        (at.key.contains("T05") || at.key.contains("T0505")).then_some(ReadFailureKind::Denied)
    }
    let trail = untouched(0);
    let mut dice = Dice::new(1, "faults");
    let plan = plan_of(&trail.world, whole(&trail), whole(&trail).end.unix());
    for deny_listing in
        [None, Some("CloudTrail-Digest/eu-west-1/"), Some("/444455556666/"), Some("2026/03/01/")]
    {
        let source =
            WorldSource { faults: denied, deny_listing, page: 7, ..WorldSource::new(&trail.world) };
        compare(&plan, &source, &mut dice).unwrap_or_else(|why| panic!("{deny_listing:?}: {why}"));
    }
}
