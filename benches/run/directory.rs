//! Runs over directories, compared with a loop that reads the same files, inflates and hashes them
//! on all cores, and does nothing else.
use crate::Outcome;
use crate::bare_directory::Hashed;
use crate::figures::{at_least, at_most, each, float, megabytes};
use crate::measure::Run;
use crate::programs::{bare_directory, mirror_to, verify_directory};
use crate::scenarios::Settings;
use crate::serve::{Server, Store};
use crate::world::{BUCKET, Sized};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use trailproof_testkit::trail::{BuiltTrail, LogSizes};

/// The bars for copies made by other programs, with small and with large files: the least share of
/// the loop's speed.
const SMALL: f64 = 0.9;
const LARGE: f64 = 0.95;

/// The bar for a mirror made by trailproof: "at least 85 % of the machine's measured limit".
const OURS: f64 = 0.85;

/// Measures runs over small, mixed and large files that another program copied.
pub(crate) fn directory(settings: &Settings) -> Outcome<()> {
    shares(settings, Made::Copied, [SMALL, SMALL, LARGE])
}

/// Measures runs over mirrors made by trailproof, including reading their manifests.
pub(crate) fn mirror(settings: &Settings) -> Outcome<()> {
    shares(settings, Made::MirrorSource, [OURS; 3])
}

fn shares(settings: &Settings, made: Made, bars: [f64; 3]) -> Outcome<()> {
    let (hours, regions) = if settings.quick { (24, 3) } else { (168, 9) };
    let small = Sized::new(1, regions, hours, 19.8, LogSizes::Repeated);
    let mixed = Sized::new(1, 2, hours, 9.9, LogSizes::Mixed);
    let large = Sized::new(1, 1, if settings.quick { 4 } else { 12 }, 2.0, LogSizes::Large);
    let kinds = [("small files", small), ("mixed files", mixed), ("files of 20 MB", large)];
    for ((name, sized), bar) in kinds.into_iter().zip(bars) {
        let compared = compare(settings, name, sized, made)?;
        at_least("of the loop's speed", 1.0 / compared.ratio, bar);
    }
    Ok(())
}

/// Measures runs over 10,000 and over 100,000 small files with the same number of chains.
pub(crate) fn many(settings: &Settings, made: Made) -> Outcome<()> {
    let hours = if settings.quick { [8, 24] } else { [17, 168] };
    let [_, most] = hours;
    let mut peaks = Vec::new();
    for hours in hours {
        let sized = Sized::new(2, 17, hours, 17.6, LogSizes::Repeated);
        let compared = compare(settings, &format!("{hours} hours"), sized, made)?;
        // With few files, the fixed cost of a run is too large a part of the total.
        if hours == most {
            at_most("times the loop's time", compared.ratio, 1.3);
        }
        peaks.push(compared.peak);
    }
    if let [few, many] = peaks.as_slice() {
        at_most("peak memory of the large run against the small one", many / few, 1.1);
    }
    Ok(())
}

struct Compared {
    /// The program's time divided by the loop's: the median of all rounds.
    ratio: f64,
    /// Highest peak memory, in MB.
    peak: f64,
}

fn compare(settings: &Settings, name: &str, sized: Sized, made: Made) -> Outcome<Compared> {
    let directory = Written::new(sized, made)?;
    let (mut ratios, mut shares, mut walls) = (Vec::new(), Vec::new(), Vec::new());
    let mut peak = 0;
    println!("-- {name}");
    // Alternating, so that other load on the machine affects both; the first round only warms the
    // cache.
    for round in 0..=settings.repeat.unwrap_or(7) {
        let bare = bare_directory(&directory.0)?;
        let hashed: Hashed = String::from_utf8(bare.stdout.clone())?.trim().parse()?;
        let ours = verify_directory(&directory.0, sized, None)?;
        all_valid(&ours, directory.1)?;
        if round == 0 {
            print("loop", &bare, hashed);
            print("trailproof", &ours, hashed);
            continue;
        }
        ratios.push(ours.wall.as_secs_f64() / bare.wall.as_secs_f64());
        shares.push(ours.cpu.as_secs_f64() / bare.cpu.as_secs_f64());
        walls.push((bare.wall, ours.wall));
        peak = peak.max(ours.peak);
    }
    let ratio = median(ratios);
    let (theirs, ours): (Vec<_>, Vec<_>) = walls.into_iter().unzip();
    println!(
        "  medians: {ratio:.3} times the loop's time ({:.3} s against {:.3} s), {:.3} times its CPU \
         time, {:.1} MB at the peak",
        median(ours.iter().map(Duration::as_secs_f64).collect()),
        median(theirs.iter().map(Duration::as_secs_f64).collect()),
        median(shares),
        megabytes(peak),
    );
    Ok(Compared { ratio, peak: megabytes(peak) })
}

fn print(name: &str, run: &Run, hashed: Hashed) {
    println!(
        "{name:<12} {:>8.3} s wall {:>8.2} s CPU {:>8.1} µs CPU/object {:>7.1} MB peak  {} objects, \
         {:.0} MB inflated, {:.0} MB/s",
        run.wall.as_secs_f64(),
        run.cpu.as_secs_f64(),
        each(run.cpu, hashed.objects),
        megabytes(run.peak),
        hashed.objects,
        float(hashed.inflated / 1_000_000),
        float(hashed.inflated / 1_000_000) / run.wall.as_secs_f64(),
    );
}

/// Returns an error if not every log file was found valid: such a run measures nothing. The time
/// before the first digest is uncovered, so that no digest is left out and the verdict is `not
/// proven`.
pub(crate) fn all_valid(run: &Run, logs: u64) -> Outcome<()> {
    let summary: Value = serde_json::from_slice(&run.stdout)?;
    let valid = summary.pointer("/counts/log_files/valid");
    if run.status == Some(3) && valid == Some(&json!(logs)) {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&run.stderr);
    Err(format!("ended with {:?}, {valid:?} of {logs} valid: {errors}", run.status).into())
}

pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

/// The program that wrote the directory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Made {
    /// A generic copying program.
    Copied,
    /// `trailproof mirror`.
    MirrorSource,
}

/// A trail in a directory, and the number of its log files. The directory is removed on drop.
pub(crate) struct Written(pub(crate) PathBuf, pub(crate) u64);

impl Written {
    pub(crate) fn new(sized: Sized, made: Made) -> Outcome<Self> {
        let at = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-directory");
        if at.exists() {
            fs::remove_dir_all(&at)?;
        }
        let trail = sized.0.build();
        let written = Self(at, u64::try_from(trail.logs().count())?);
        match made {
            Made::Copied => write(&trail, &written.0)?,
            Made::MirrorSource => {
                drop(trail);
                let server = Server::start(sized, Store::default())?;
                let copied = mirror_to(&server.endpoint, sized, &written.0)?;
                println!(
                    "taken with {:.2} s of CPU, {:.1} MB at the peak",
                    copied.cpu.as_secs_f64(),
                    megabytes(copied.peak)
                );
            }
        }
        Ok(written)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes the trail as a copying program does, with an index that holds only the digests'
/// signatures. An index of all log files would be read at the start, and the run would measure that
/// too.
fn write(trail: &BuiltTrail, directory: &Path) -> Outcome<()> {
    let Some(bucket) = trail.world.buckets.get(BUCKET) else { return Err("no bucket".into()) };
    let mut objects = Map::new();
    for key in bucket.objects.keys() {
        let Some(version) = bucket.current(key) else { continue };
        let path = directory.join(BUCKET).join(key);
        fs::create_dir_all(path.parent().ok_or("a key without a folder")?)?;
        fs::write(path, &version.body)?;
        if version.metadata.contains_key("signature") {
            objects.insert(key.clone(), json!({ "metadata": version.metadata }));
        }
    }
    let index = json!({ BUCKET: objects });
    fs::write(directory.join(trailproof::source::directory::INDEX), index.to_string())?;
    fs::write(directory.join(KEYS), trail.public_keys().to_string())?;
    Ok(())
}

/// The file with the public keys, next to the bucket's folder.
pub(crate) const KEYS: &str = "public-keys.json";
