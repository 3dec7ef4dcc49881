//! `mirror check`: compares the files of a mirror with its manifest.
use crate::cli::args::mirror::{CheckArgs, CheckFormat};
use crate::cli::output::environment::agent;
use crate::console::exit::ExitStatus;
use crate::console::refusal::{Refusal, print_result};
use crate::console::stream::print_to_stderr;
use crate::report::mirror::check::{CheckReport, FileFault, Files, SampleRead, json, text};
use crate::session::environment::now;
use crate::session::reading;
use crate::source::mirror::CUSTODY;
use crate::source::mirror::custody::{
    CustodyEvent, CustodyLog, FixityChecked, SampleTaken, Volume,
};
use crate::source::mirror::fixity::{Checked, Fault, Fixity, Progress};
use crate::source::mirror::sample::Sample;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::hash::{BuildHasher as _, RandomState};
use std::io::IsTerminal as _;
use trailproof_core::vocab::location::escape;

/// Runs the command and returns the exit status.
pub(super) fn run(args: &CheckArgs) -> ExitStatus {
    attempt(args).unwrap_or_else(|refusal| refusal.print())
}

fn attempt(args: &CheckArgs) -> Result<ExitStatus, Refusal> {
    let began = now();
    let fixity = Fixity::open(&args.directory, reading::open(&args.directory)?)?;
    // Terabytes may be read before the first write.
    let mut log = match args.no_log {
        true => None,
        false => Some(CustodyLog::open(&args.directory).map_err(|error| {
            Refusal::output_lost(format!(
                "cannot write to `{CUSTODY}` in `{}`: {error}\n\nhint: `--no-log` checks a mirror \
                 that cannot be written",
                escape(&args.directory.to_string_lossy())
            ))
        })?),
    };
    // Random enough: nobody gains by guessing which files a disk damages.
    let seed = args.seed.unwrap_or_else(|| RandomState::new().hash_one(0_u64));
    let sample = args.sample.as_ref().map(|percent| Sample { parts: percent.parts, seed });
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let readers = args.concurrency.unwrap_or(cores.saturating_mul(2));
    let bar = bar();
    let checked = fixity.check(sample, readers, &|progress| match progress {
        Progress::Total(volume) => bar.set_length(volume.objects),
        Progress::File(_) => bar.inc(1),
    });
    bar.finish_and_clear();
    let checked = checked.map_err(|error| {
        let shown = args.directory.to_string_lossy();
        Refusal::not_started(format!("cannot check `{}`: {error}", escape(&shown)))
    })?;
    let ended = now();
    let taken = args.sample.as_ref();
    let taken = taken.map(|percent| SampleTaken { percent: percent.typed.clone(), seed });
    let mut report = reported(&fixity, args, checked, taken.as_ref());
    (report.began, report.ended) = (began.to_string(), ended.to_string());
    let mut lost = false;
    if let Some(log) = &mut log {
        let entry = CustodyEvent::FixityChecked(Box::new(entry(&report, taken)));
        match log.record(&args.directory, &entry) {
            Ok(()) => report.logged = true,
            Err(error) => {
                print_to_stderr(&format!("error: cannot add the check to `{CUSTODY}`: {error}"));
                lost = true;
            }
        }
    }
    let bytes = match args.format {
        CheckFormat::Text => text(&report, args.verbose).into_bytes(),
        CheckFormat::Json => json(&report).map_err(|error| Refusal::stdout_lost(&error))?,
    };
    print_result(&bytes, ExitStatus::from(report.verdict()).or_output_lost(lost))
}

fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(
        "checking {percent} %  {human_pos} of {human_len} files  {eta} left",
    ) {
        bar.set_style(style);
    }
    bar
}

fn entry(report: &CheckReport, sample: Option<SampleTaken>) -> FixityChecked {
    let volume = |files: Files| Volume { objects: files.files, bytes: files.bytes };
    FixityChecked {
        began: report.began.clone(),
        ended: report.ended.clone(),
        by: agent(None),
        sample,
        recorded: volume(report.recorded),
        read: volume(report.read),
        faults: report
            .counts
            .iter()
            .map(|(code, count)| (code.code().to_owned(), *count))
            .collect(),
        intact: report.is_intact(),
    }
}

fn reported(
    fixity: &Fixity,
    args: &CheckArgs,
    checked: Checked,
    sample: Option<&SampleTaken>,
) -> CheckReport {
    let files = |volume: Volume| Files { files: volume.objects, bytes: volume.bytes };
    let header = fixity.header();
    CheckReport {
        directory: args.directory.to_string_lossy().into_owned(),
        bucket: header.bucket.clone(),
        prefix: header.prefix.clone(),
        complete: header.complete,
        sample: sample
            .map(|sample| SampleRead { percent: sample.percent.clone(), seed: sample.seed }),
        recorded: files(checked.recorded),
        read: files(checked.read),
        documents: checked.documents,
        set_aside: checked.set_aside,
        counts: checked.counts,
        faults: checked.faults.into_iter().map(file_fault).collect(),
        custody_entries: fixity.custody().map(|custody| custody.entries),
        custody_faults: fixity.custody().map(|custody| custody.faults.clone()).unwrap_or_default(),
        ..CheckReport::default()
    }
}

fn file_fault(fault: Fault) -> FileFault {
    FileFault {
        code: fault.code,
        file: fault.file,
        object: fault.object,
        expected: fault.expected.map(|expected| (expected.bytes, expected.sha256)),
        found_bytes: fault.found_bytes,
        found_sha256: fault.found_sha256,
        why: fault.why,
    }
}
