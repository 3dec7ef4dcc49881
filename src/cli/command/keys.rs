//! `trailproof keys`: fetches and checks key bundles.
use super::keys_fetch::{fetch, named};
use crate::cli::args::aws::AwsArgs;
use crate::cli::args::keys::{CheckArgs, KeysArgs, KeysCommand};
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::console::exit::ExitStatus;
use crate::console::refusal::Refusal;
use crate::report::numbers::counted;
use crate::session::environment::now;
use crate::session::period::{NO_PERIOD, PeriodArgs, period};
use crate::source::mirror::Header;
use crate::trust::bundle::{Bundle, Checked, check, left_out};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::time::{DAY, Period, Timestamp};

/// Maximum number of lines of one kind shown for one file.
const LINES: usize = 100;

/// Maximum number of oddities shown for one file without `--verbose`.
const ODD: usize = 3;

/// Runs the command and returns the exit status.
pub(crate) async fn run(aws: &AwsArgs, args: &KeysArgs) -> ExitStatus {
    let work = async {
        match &args.command {
            KeysCommand::Fetch(args) => fetch(aws, args).await,
            KeysCommand::Check(args) => check_files(args),
        }
    };
    match unless_interrupted(work).await {
        Err(signal) => signal,
        Ok(ended) => ended.unwrap_or_else(|refusal| refusal.print()),
    }
}

fn check_files(args: &CheckArgs) -> Result<ExitStatus, Refusal> {
    // Checked before any file is read.
    let asked = asked(args)?;
    let mut wrong = false;
    let mut all = Bundle::default();
    let mut out = io::stdout().lock();
    for path in &args.files {
        let shown = escape(&path.to_string_lossy()).into_owned();
        let bundle = Bundle::read(path)
            .map_err(|why| Refusal::not_started(format!("cannot use `{shown}`: {why}")))?;
        let checked = check(&bundle);
        wrong |= !checked.wrong.is_empty();
        report(&mut out, path, &bundle, &checked, args.verbose)
            .map_err(|error| Refusal::stdout_lost(&error))?;
        all.add(bundle);
    }
    let mut covers = true;
    if let Some(asked) = asked {
        let answer = check(&all);
        covers =
            answer_asked(&mut out, asked, &answer).map_err(|error| Refusal::stdout_lost(&error))?;
    }
    out.flush().map_err(|error| Refusal::stdout_lost(&error))?;
    Ok(match (wrong, covers) {
        // A faulty key counts as contradicted evidence.
        (true, _) => ExitStatus::Contradicted,
        (false, false) => ExitStatus::NotProven,
        (false, true) => ExitStatus::Success,
    })
}

/// What the files are asked to have the keys of.
struct Asked {
    /// What the period and the regions are those of.
    whose: String,
    period: Period,
    /// Empty for the regions that the files have.
    regions: BTreeSet<Region>,
}

/// Returns what the files are asked to have, if anything.
///
/// # Errors
///
/// A value is malformed, or the mirror cannot be read.
fn asked(args: &CheckArgs) -> Result<Option<Asked>, Refusal> {
    if let Some(mirror) = &args.mirror {
        return of_mirror(mirror).map(Some);
    }
    let Some(start) = &args.start_time else { return Ok(None) };
    let typed =
        PeriodArgs { start: Some(start), end: args.end_time.as_deref(), last: None, quarter: None };
    let cut = period(typed).and_then(|asked| asked.ok_or(NO_PERIOD)?.cut(now()));
    let (period, _) = cut.map_err(Refusal::usage)?;
    let regions = named(&args.regions)?;
    let whose = format!("the period {} to {}", period.start, period.end);
    Ok(Some(Asked { whose, period, regions }))
}

/// Returns the period and the regions of a mirror.
fn of_mirror(mirror: &Path) -> Result<Asked, Refusal> {
    let shown = escape(&mirror.to_string_lossy()).into_owned();
    let header = Header::read(mirror)
        .map_err(|error| Refusal::not_started(format!("cannot use `{shown}`: {error}")))?
        .ok_or_else(|| {
            Refusal::usage(format!("`{shown}` is not a mirror that `trailproof mirror` made"))
        })?;
    let whole = header.period().filter(|_| !header.keys.is_empty());
    let Some((start, end)) = whole else {
        return Err(Refusal::usage(format!("no run of the mirror `{shown}` has finished")));
    };
    let regions = header.keys.keys().filter_map(|region| region.parse().ok()).collect();
    let whose = format!("the mirror `{shown}` ({start} to {end})");
    // A mirror has the digests around its period too, which need keys like the others. There are none
    // after the time of its last run, until which it asked for keys.
    let asked = header.keys.values().filter_map(|(_, to)| Timestamp::parse(to)).max();
    let end = end.plus(DAY).min(asked.unwrap_or(end)).max(end);
    Ok(Asked { whose, period: Period { start: start.plus(-DAY), end }, regions })
}

/// Reports whether the files have all keys that they are asked to have, and returns it.
fn answer_asked(out: &mut impl Write, asked: Asked, checked: &Checked) -> io::Result<bool> {
    let Asked { whose, period, mut regions } = asked;
    if regions.is_empty() {
        regions = checked.regions.keys().cloned().collect();
    }
    let span = (period.start, period.end.plus(-1));
    let of = |region| checked.regions.get(region);
    let parts = |stretches: Option<&Vec<_>>| {
        left_out(stretches.map(Vec::as_slice).unwrap_or_default(), span)
    };
    let open = regions.iter().flat_map(|region| {
        let not_covered = parts(of(region).map(|of| &of.covered));
        // Where no key is valid, no digest can be proven. Time without all keys is named once.
        let no_key = match not_covered.is_empty() {
            true => parts(of(region).map(|of| &of.signed)),
            false => Vec::new(),
        };
        [(region, "not covered", not_covered), (region, "no key is valid", no_key)]
    });
    let open: Vec<_> = open.filter(|(_, _, stretches)| !stretches.is_empty()).collect();
    // Keys without a region cover no time that anybody recorded.
    if open.is_empty() && !regions.is_empty() {
        writeln!(out, "all keys of {whose} are there, in {}", number(regions.len(), "region"))?;
        return Ok(true);
    }
    writeln!(out, "NOT all keys of {whose} are certainly there:")?;
    if regions.is_empty() {
        writeln!(out, "  no file names a region")?;
    }
    for (region, what, stretches) in open {
        for (from, to) in stretches.iter().take(LINES) {
            writeln!(out, "  {region}: {what}: {from} to {to}")?;
        }
        if stretches.len() > LINES {
            writeln!(out, "  {region}: {what}: and {} more", stretches.len() - LINES)?;
        }
    }
    Ok(false)
}

fn number(count: usize, noun: &str) -> String {
    counted(u64::try_from(count).unwrap_or(u64::MAX), noun)
}

/// Reports a file: what it covers, what is wrong, and then what is only odd.
fn report(
    out: &mut impl Write,
    path: &Path,
    bundle: &Bundle,
    checked: &Checked,
    verbose: bool,
) -> io::Result<()> {
    writeln!(
        out,
        "{}: {} in {}, at most {} valid at once",
        escape(&path.to_string_lossy()),
        number(checked.keys, "usable key"),
        number(checked.regions.len(), "region"),
        checked.overlap,
    )?;
    if !bundle.of_any_region.is_empty() {
        let count = bundle.of_any_region.len();
        writeln!(
            out,
            "  {} without a region: the file states neither the region nor the time for which it \
             has all keys",
            number(count, "key"),
        )?;
    }
    for (region, checked) in &checked.regions {
        writeln!(out, "  {region}: {}", number(checked.keys, "key"))?;
        for (stretches, what) in [(&checked.covered, "covered"), (&checked.open, "not covered")] {
            for (from, to) in stretches.iter().take(LINES) {
                writeln!(out, "    {what}: {from} to {to}")?;
            }
            if stretches.len() > LINES {
                writeln!(out, "    {what}: and {} more", stretches.len() - LINES)?;
            }
        }
    }
    let odd = if verbose { LINES } else { ODD };
    for (kind, lines, shown) in [("wrong", &checked.wrong, LINES), ("odd", &checked.odd, odd)] {
        for line in lines.iter().take(shown) {
            writeln!(out, "  {kind}: {line}")?;
        }
        if lines.len() > shown {
            writeln!(out, "  {kind}: and {} more", lines.len() - shown)?;
        }
    }
    Ok(())
}
