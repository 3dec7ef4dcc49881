//! `trailproof keys`: fetches and checks key bundles.
use super::keys_fetch::fetch;
use crate::cli::args::aws::AwsArgs;
use crate::cli::args::keys::{CheckArgs, KeysArgs, KeysCommand};
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::console::exit::ExitStatus;
use crate::console::refusal::Refusal;
use crate::report::text_lines::counted;
use crate::trust::bundle::{Bundle, Checked, check};
use std::io::{self, Write};
use std::path::Path;
use trailproof_core::vocab::location::escape;

/// Maximum number of lines of one kind shown for one file.
const LINES: usize = 100;

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
    let mut wrong = false;
    let mut out = io::stdout().lock();
    for path in &args.files {
        let shown = escape(&path.to_string_lossy()).into_owned();
        let bundle = Bundle::read(path)
            .map_err(|why| Refusal::not_started(format!("cannot use `{shown}`: {why}")))?;
        let checked = check(&bundle);
        wrong |= !checked.wrong.is_empty();
        report(&mut out, path, &bundle, &checked).map_err(|error| Refusal::stdout_lost(&error))?;
    }
    out.flush().map_err(|error| Refusal::stdout_lost(&error))?;
    // A faulty key counts as contradicted evidence.
    Ok(if wrong { ExitStatus::Contradicted } else { ExitStatus::Success })
}

fn number(count: usize, noun: &str) -> String {
    counted(u64::try_from(count).unwrap_or(u64::MAX), noun)
}

fn report(out: &mut impl Write, path: &Path, bundle: &Bundle, checked: &Checked) -> io::Result<()> {
    writeln!(
        out,
        "{}: {} in {}, at most {} valid at once",
        escape(&path.to_string_lossy()),
        number(checked.keys, "usable key"),
        number(checked.regions.len(), "region"),
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
    Ok(())
}
