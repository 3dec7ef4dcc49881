//! The cost of recording a run, and of the commands that use a record.
use crate::Outcome;
use crate::directory::{Made, Written, all_valid, median};
use crate::figures::{at_most, float, megabytes};
use crate::measure::Run;
use crate::programs::{trailproof, verify_directory, verify_recording};
use crate::scenarios::{Settings, proven, repeated};
use crate::serve::{Server, Store};
use crate::world::Sized;
use std::fs;
use std::path::{Path, PathBuf};
use trailproof_testkit::trail::LogSizes;

/// The factor by which recording may slow down a run.
const COST: f64 = 1.1;

/// Compares runs over a directory without a record, with an uncompressed one and with a compressed
/// one, alternating.
pub(crate) fn recording(settings: &Settings) -> Outcome<()> {
    let hours = if settings.quick { 24 } else { 168 };
    let sized = Sized::new(2, 17, hours, 17.6, LogSizes::Repeated);
    let directory = Written::new(sized, Made::Copied)?;
    let folder = Folder::new()?;
    let records = [None, Some(folder.file("run.jsonl")), Some(folder.file("run.jsonl.zst"))];
    let mut walls = [const { Vec::new() }; 3];
    let mut cpus = [const { Vec::new() }; 3];
    // The first round only warms the cache.
    for round in 0..=settings.repeat.unwrap_or(7) {
        for ((record, walls), cpus) in records.iter().zip(&mut walls).zip(&mut cpus) {
            let run = verify_directory(&directory.0, sized, record.as_deref())?;
            all_valid(&run, directory.1)?;
            if round > 0 {
                walls.push(run.wall.as_secs_f64());
                cpus.push(run.cpu.as_secs_f64());
            }
        }
    }
    let [plain, raw, packed] = walls.map(median);
    let cpus = cpus.map(median);
    println!(
        "  seconds without a record {plain:.3}, raw {raw:.3}, zstd {packed:.3}; CPU {cpus:.2?}"
    );
    for (name, record) in ["raw", "zstd"].into_iter().zip(records.iter().flatten()) {
        let bytes = float(fs::metadata(record)?.len());
        println!("  {name}: {:.0} bytes a log file", bytes / float(directory.1));
    }
    at_most("times the time, with a raw record", raw / plain, COST);
    at_most("times the time, with a record in zstd", packed / plain, COST);
    Ok(())
}

/// Records a run over a million log files and runs every command that uses a record on it.
pub(crate) fn million(settings: &Settings) -> Outcome<()> {
    let accounts = if settings.quick { 2 } else { 20 };
    let sized = Sized::new(accounts, 17, 168, 17.6, LogSizes::Repeated);
    let mut server = Server::start(sized, Store::default())?;
    let folder = Folder::new()?;
    let [record, page] = ["run.jsonl.zst", "run.html"].map(|name| folder.file(name));
    let [key, public] = ["key.pem", "public.pem"].map(|name| folder.file(name));
    let [signed, proof] = ["run.intoto.jsonl", "proof.json"].map(|name| folder.file(name));
    let ours = repeated(&mut server, "verify --record", 1, |endpoint| {
        verify_recording(endpoint, sized, Some(&record))
    })?;
    proven(&ours)?;
    drop(server);
    let mut most = megabytes(ours.peak);
    let mut step = |name: &str, run: Run| -> Outcome<()> {
        println!(
            "{name:<28} {:>9.2} s wall {:>9.2} s CPU {:>7.1} MB peak",
            run.wall.as_secs_f64(),
            run.cpu.as_secs_f64(),
            megabytes(run.peak)
        );
        most = most.max(megabytes(run.peak));
        match run.status {
            Some(0) => Ok(()),
            other => Err(format!(
                "{name} ended with {other:?}: {}",
                String::from_utf8_lossy(&run.stderr)
            )
            .into()),
        }
    };
    let html = format!("html={}", page.display());
    step("replay to HTML", trailproof(&[&"replay", &record, &"--report", &html])?)?;
    step("keygen", trailproof(&[&"attest", &"keygen", &"-o", &key, &"--public", &public])?)?;
    step(
        "attest sign",
        trailproof(&[
            &"attest",
            &"sign",
            &record,
            &"--report",
            &page,
            &"--key",
            &key,
            &"-o",
            &signed,
        ])?,
    )?;
    step(
        "attest verify --record",
        trailproof(&[
            &"attest",
            &"verify",
            &signed,
            &"--key",
            &public,
            &"--record",
            &record,
            &"--report",
            &page,
        ])?,
    )?;
    let at = last_log(&record)?;
    step("attest prove", trailproof(&[&"attest", &"prove", &record, &at, &"-o", &proof])?)?;
    for (name, file) in [("record", &record), ("HTML", &page), ("attestation", &signed)] {
        println!("  {name}: {:.2} MB", float(fs::metadata(file)?.len()) / 1e6);
    }
    at_most("peak memory of all of them, MB", most, 200.0);
    Ok(())
}

/// Returns the location of a log file that is in the record, to make a proof for.
fn last_log(record: &Path) -> Outcome<String> {
    let run = trailproof(&[&"replay", &record, &"--format", &"jsonl"])?;
    let text = String::from_utf8(run.stdout)?;
    let line = text.lines().rev().find(|line| line.contains("\"event\":\"log-judged\""));
    let line: serde_json::Value = serde_json::from_str(line.ok_or("no log file in the record")?)?;
    let text = |name| line.get(name).and_then(serde_json::Value::as_str).ok_or("no place");
    Ok(format!("s3://{}/{}", text("bucket")?, text("key")?))
}

/// A folder for output files, removed on drop.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Outcome<Self> {
        let at = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-evidence");
        if at.exists() {
            fs::remove_dir_all(&at)?;
        }
        fs::create_dir_all(&at)?;
        Ok(Self(at))
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
