//! One run cut into shards: what its plan, its workers and its merge take.
use crate::Outcome;
use crate::evidence::Folder;
use crate::figures::{at_least, at_most, float, megabytes};
use crate::measure::Run;
use crate::programs::{bare_merge, plan, trailproof, verify_reproducible, work};
use crate::scenarios::Settings;
use crate::serve::{Server, Store};
use crate::world::{HOUR, Sized, listed_from};
use fastrand::Rng;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter};
use std::path::Path;
use std::time::Duration;
use trailproof::report::RunReporter as _;
use trailproof::report::record::{Record, RecordSink};
use trailproof_testkit::trail::LogSizes;
use trailproof_testkit::trail::location::iso;

/// The compression level of records.
const LEVEL: i32 = 3;

/// The share of the rate of decompressing and compressing that a merge must reach.
const SHARE: f64 = 0.8;

/// Seven years of hours, as in the size for which the bars are.
const YEARS: u32 = 61_362;

fn print(name: &str, run: &Run) {
    println!(
        "{name:<28} {:>9.2} s wall {:>9.2} s CPU {:>7.1} MB peak",
        run.wall.as_secs_f64(),
        run.cpu.as_secs_f64(),
        megabytes(run.peak)
    );
}

/// Returns an error if a program did not end with one of these statuses.
fn ended(name: &str, run: &Run, statuses: &[i32]) -> Outcome<()> {
    print(name, run);
    if run.status.is_some_and(|status| statuses.contains(&status)) {
        return Ok(());
    }
    let words: String = String::from_utf8_lossy(&run.stderr).chars().take(2_000).collect();
    Err(format!("{name} ended with {:?}: {words}", run.status).into())
}

/// Places whose digests the bench lists to measure a survey.
const SURVEYED: u64 = 85;

/// Measures `plan` over 8,500 places and three lengths of time, from a store that computes its listings:
/// in one step up to a quarter, and with surveys in shards.
pub(crate) fn plan_8500(settings: &Settings) -> Outcome<()> {
    let (accounts, lengths): (u32, &[(&str, u32)]) = match settings.quick {
        true => (20, &[("7 days", 168), ("a quarter", 2_208)]),
        false => (500, &[("7 days", 168), ("a quarter", 2_208), ("7 years", YEARS)]),
    };
    let folder = Folder::new()?;
    for &(name, hours) in lengths {
        let mut server = Server::of_listings(accounts, hours, 30)?;
        let begin = listed_from(hours);
        let (from, to) = (iso(begin + HOUR), iso(begin + i64::from(hours) * HOUR));
        let mut planned = |options: &[&str], file: &str| -> Outcome<(Run, u64)> {
            server.forget()?;
            let path = folder.file(file);
            let planned = plan(&server.endpoint, (&from, &to), options, &path)?;
            ended(&format!("plan {}, {name}", options.join(" ")), &planned, &[0])?;
            let shards: u64 = String::from_utf8_lossy(&planned.stdout).trim().parse()?;
            if shards != u64::from(accounts) * 17 {
                return Err(format!("{shards} shards").into());
            }
            let seen = server.seen()?;
            let bytes = float(fs::metadata(&path)?.len());
            let serving = server.cpu()?.as_secs_f64();
            println!(
                "  {} requests, {} in flight, {serving:.1} s of CPU in the server, {:.2} MB of plan",
                seen.requests,
                seen.in_flight,
                bytes / 1e6
            );
            Ok((planned, shards))
        };
        let (first, shards) = planned(&["--survey-in-shards"], "first.jsonl")?;
        at_most("seconds", first.wall.as_secs_f64(), 60.0);
        at_most("peak memory, MB", megabytes(first.peak), 200.0);
        if hours < YEARS {
            planned(&[], "plan.jsonl")?;
        }
        surveys(&folder, &server, shards)?;
    }
    Ok(())
}

/// Measures a survey of some shards, and the plan that is made of the surveys of all. Those of the other
/// shards are the last with different names.
fn surveys(folder: &Folder, server: &Server, shards: u64) -> Outcome<()> {
    let (first, next) = (folder.file("first.jsonl"), folder.file("next.jsonl"));
    let to = folder.file("surveys");
    fs::create_dir_all(&to)?;
    let few = SURVEYED.min(shards);
    let surveyed = work(&server.endpoint, &first, 0..few, &to)?;
    ended(&format!("work, {few} surveys"), &surveyed, &[0])?;
    let file = |shard: u64| to.join(format!("survey-{shard:06}.jsonl.zst"));
    let mut places = Vec::new();
    for line in BufReader::new(File::open(&first)?).lines() {
        let line: serde_json::Value = serde_json::from_str(&line?)?;
        let text = |of: &str| line["place"][of].as_str().map(str::to_owned);
        places.extend(text("account").zip(text("region")));
    }
    let of = |shard: u64| usize::try_from(shard).ok().and_then(|at| places.get(at));
    let (own, all) = (file(few - 1), few..shards);
    let mut lines = Vec::new();
    for line in BufReader::new(zstd::Decoder::new(File::open(&own)?)?).lines() {
        lines.push(line?);
    }
    let (account, region) = of(few - 1).ok_or("the plan has too few places")?;
    for shard in all {
        let (at, there) = of(shard).ok_or("the plan has too few places")?;
        let mut survey =
            Record::new(RecordSink::zstd(BufWriter::new(File::create(file(shard))?))?, None);
        for line in lines.iter().filter(|line| !line.contains("\"event\":\"record-finished\"")) {
            let line = line.replace(account, at).replace(region, there);
            let line =
                line.replace(&format!("\"shard\":{}", few - 1), &format!("\"shard\":{shard}"));
            survey.line(|buffer| {
                buffer.extend_from_slice(line.as_bytes());
                buffer.push(b'\n');
                Ok(())
            })?;
        }
        survey.end();
        survey.finish()?;
    }
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 6] =
        [&"merge", &first, &to, &"--plan", &next, &"--force"];
    let merged = trailproof(&arguments)?;
    ended(&format!("merge --plan, {shards} surveys"), &merged, &[0])?;
    at_most("seconds", merged.wall.as_secs_f64(), 60.0);
    at_most("peak memory, MB", megabytes(merged.peak), 200.0);
    let bytes = float(fs::metadata(&next)?.len());
    println!("  {:.2} MB of surveys, {:.2} MB of plan", float(sizes(&to)?) / 1e6, bytes / 1e6);
    fs::remove_dir_all(&to)?;
    Ok(())
}

/// Measures `merge` over genuine shard records with further lines about log files.
pub(crate) fn merge_20m(settings: &Settings) -> Outcome<()> {
    let (accounts, lines) = if settings.quick { (20, 200_000) } else { (500, 20_000_000) };
    let sized = Sized::new(accounts, 17, 4, 0.02, LogSizes::Small);
    let folder = Folder::new()?;
    let (path, shards) = (folder.file("plan.jsonl"), folder.file("shards"));
    fs::create_dir(&shards)?;
    let number = {
        let server = Server::start(sized, Store::default())?;
        let (from, to) = sized.proven();
        let planned = plan(&server.endpoint, (&from, &to), &[], &path)?;
        ended("plan", &planned, &[0])?;
        let number: u64 = String::from_utf8_lossy(&planned.stdout).trim().parse()?;
        ended("work, all shards", &work(&server.endpoint, &path, 0..number, &shards)?, &[0])?;
        number
    };
    for (number, file) in (0..).zip(files(&shards)?) {
        lengthen(&file, lines / u64::from(accounts * 17), number)?;
    }
    let stored: u64 = sizes(&shards)?;
    println!(
        "  {number} records of {:.0} MB, with {lines} further lines",
        float(stored / 1_000_000)
    );
    let (merged, bare) = (folder.file("merged.jsonl.zst"), folder.file("bare.zst"));
    let (mut ratios, mut peak) = (Vec::new(), 0);
    // Alternating, so that other load on the machine affects both.
    for _ in 0..settings.repeat.unwrap_or(3) {
        let loop_only = bare_merge(&shards, &bare)?;
        ended("decompress and compress", &loop_only, &[0])?;
        fs::remove_file(&bare)?;
        let arguments: [&dyn AsRef<std::ffi::OsStr>; 6] =
            [&"merge", &path, &shards, &"--record", &merged, &"--force"];
        let ours = trailproof(&arguments)?;
        ended("merge", &ours, &[0])?;
        ratios.push(loop_only.wall.as_secs_f64() / ours.wall.as_secs_f64());
        peak = peak.max(ours.peak);
    }
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    at_least("of the rate of decompressing and compressing", ratio, SHARE);
    at_most("peak memory, MB", megabytes(peak), 200.0);
    Ok(())
}

fn files(folder: &Path) -> Outcome<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}

fn sizes(folder: &Path) -> Outcome<u64> {
    let mut all = 0;
    for file in files(folder)? {
        all += fs::metadata(file)?.len();
    }
    Ok(all)
}

/// Adds lines about log files to a shard record, behind its first digest.
fn lengthen(file: &Path, lines: u64, seed: u64) -> Outcome<()> {
    let mut random = Rng::with_seed(seed);
    let longer = file.with_extension("longer");
    let out = BufWriter::new(File::create(&longer)?);
    let mut record = Record::new(RecordSink::zstd(out)?, None);
    let mut put = |line: &str| {
        record.line(|buffer| {
            buffer.extend_from_slice(line.as_bytes());
            buffer.push(b'\n');
            Ok(())
        })
    };
    let (mut added, mut counted) = (false, false);
    let (mut stored, mut inflated) = (0, 0);
    for line in BufReader::new(zstd::Decoder::new(File::open(file)?)?).lines() {
        let line = line?;
        if line.contains("\"event\":\"record-finished\"") {
            break;
        }
        // The digest says how many log files it names, and the end of its chain how many were judged.
        // An anchor's log files are of no chain.
        let names = line.contains("\"log_files\":") && !line.contains("\"anchor\"");
        if !added && names && line.contains("\"event\":\"digest-judged\"") {
            added = true;
            put(&more(&line, "\"log_files\":", lines)?)?;
            for number in 0..lines {
                let (line, bytes) = log_line(&mut random, number);
                stored += bytes.0;
                inflated += bytes.1;
                put(&line)?;
            }
        } else if !counted && line.contains("\"event\":\"chain-finished\"") {
            counted = true;
            let line = more(&line, "\"log_files\":{\"valid\":", lines)?;
            let line = more(&line, "\"stored_bytes\":", stored)?;
            put(&more(&line, "\"inflated_bytes\":", inflated)?)?;
        } else {
            put(&line)?;
        }
    }
    record.end();
    record.finish()?;
    fs::rename(longer, file)?;
    Ok(())
}

/// Adds to the number that follows a name in a line.
fn more(line: &str, name: &str, by: u64) -> Outcome<String> {
    let (before, after) = line.split_once(name).ok_or("the line has no such number")?;
    let end = after.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(after.len());
    let (number, rest) = after.split_at(end);
    Ok(format!("{before}{name}{}{rest}", number.parse::<u64>()? + by))
}

/// Returns a line about a log file, with a name and hashes as little compressible as genuine ones, and how many
/// bytes it has stored and inflated.
fn log_line(random: &mut Rng, number: u64) -> (String, (u64, u64)) {
    let mut hex = |digits: usize| -> String {
        (0..digits).map(|_| char::from_digit(random.u32(0..16), 16).unwrap_or('0')).collect()
    };
    let (unique, sha256, etag) = (hex(16), hex(64), hex(32));
    let (hour, minute) = (number / 60 % 24, number % 60);
    let (inflated, stored) = (20_000 + number % 7_919, 3_000 + number % 1_009);
    let line = format!(
        "{{\"event\":\"log-judged\",\"bucket\":\"organization-trail-logs\",\"key\":\
         \"AWSLogs/o-exampleorg1/100000000001/CloudTrail/us-west-2/2026/03/01/\
         100000000001_CloudTrail_us-west-2_20260301T{hour:02}{minute:02}Z_{unique}.json.gz\",\
         \"outcome\":\"valid\",\"sha256\":\"{sha256}\",\"inflated_bytes\":{inflated},\
         \"stored_bytes\":{stored},\"etag\":\"{etag}\"}}"
    );
    (line, (stored, inflated))
}

/// Decompresses every record of a folder and compresses all of them into one file, on one thread:
/// `--bare-merge FOLDER FILE`.
pub(crate) fn recompress(mut arguments: impl Iterator<Item = String>) -> Outcome<()> {
    let mut next = || arguments.next().ok_or("too few arguments of `--bare-merge`");
    let (folder, file) = (next()?, next()?);
    let mut out = zstd::Encoder::new(BufWriter::new(File::create(file)?), LEVEL)?;
    for file in files(Path::new(&folder))? {
        io::copy(&mut zstd::Decoder::new(File::open(file)?)?, &mut out)?;
    }
    out.finish()?.into_inner()?.sync_all()?;
    Ok(())
}

/// Measures two workers at once, each with half of the shards, beside one run over the same bucket.
pub(crate) fn workers(settings: &Settings) -> Outcome<()> {
    let (accounts, hours) = if settings.quick { (4, 24) } else { (20, 168) };
    let sized = Sized::new(accounts, 17, hours, 1.0, LogSizes::Realistic);
    let mut server = Server::start(sized, Store::default())?;
    let folder = Folder::new()?;
    let (path, shards) = (folder.file("plan.jsonl"), folder.file("shards"));
    fs::create_dir(&shards)?;
    let (one, merged) = (folder.file("one.jsonl.zst"), folder.file("merged.jsonl.zst"));
    let (mut ratios, mut spans) = (Vec::new(), Vec::new());
    for _ in 0..settings.repeat.unwrap_or(3) {
        server.forget()?;
        let whole = verify_reproducible(&server.endpoint, sized, &one)?;
        ended("verify", &whole, &[0])?;
        let (from, to) = sized.proven();
        let planned = plan(&server.endpoint, (&from, &to), &["--shards", "40"], &path)?;
        ended("plan --shards 40", &planned, &[0])?;
        let number: u64 = String::from_utf8_lossy(&planned.stdout).trim().parse()?;
        let endpoint = server.endpoint.as_str();
        let half = |rest: u64| {
            let own = (0..number).filter(move |shard| shard % 2 == rest);
            work(endpoint, &path, own, &shards).map_err(|error| error.to_string())
        };
        let [first, second] = std::thread::scope(|scope| {
            [0, 1].map(|rest| scope.spawn(move || half(rest))).map(|worker| worker.join())
        });
        let both = [first, second].map(|worker| worker.map_err(|_| "a worker's thread failed"));
        let mut cpu = Duration::ZERO;
        for worker in both {
            let worker = worker??;
            ended("work, half of the shards", &worker, &[0])?;
            cpu += worker.cpu;
        }
        let arguments: [&dyn AsRef<std::ffi::OsStr>; 6] =
            [&"merge", &path, &shards, &"--record", &merged, &"--force"];
        let joined = trailproof(&arguments)?;
        ended("merge", &joined, &[0])?;
        if fs::read(&one)? != fs::read(&merged)? {
            return Err("the records differ".into());
        }
        let of_one = whole.cpu.as_secs_f64();
        ratios.push(cpu.as_secs_f64() / of_one);
        spans.push((cpu + planned.cpu + joined.cpu).as_secs_f64() / of_one);
        for file in files(&shards)? {
            fs::remove_file(file)?;
        }
    }
    for values in [&mut ratios, &mut spans] {
        values.sort_by(f64::total_cmp);
    }
    let middle = |values: &[f64]| values.get(values.len() / 2).copied().unwrap_or_default();
    println!("  with plan and merge: {:.2} times the CPU of one run", middle(&spans));
    at_most("times the CPU of one run, by the workers", middle(&ratios), 1.1);
    Ok(())
}
