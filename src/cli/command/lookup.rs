//! `trailproof lookup`: did CloudTrail deliver this very file?
//!
//! A file is identified by the hash of its content. A proven digest that names the hash records
//! where and when the file was delivered; the object at that key may have changed since. A proven
//! digest that names the file's name with a different hash shows that the file was changed.
use crate::cli::args::console::GlobalArgs;
use crate::cli::args::lookup::{LookupArgs, LookupFormat};
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::cli::terminal::progress::Progress;
use crate::cli::terminal::request_summary::print_request_summary;
use crate::console::exit::ExitStatus;
use crate::console::refusal::{Refusal, print_result};
use crate::console::stream::print_to_stderr;
use crate::lookup::answer::{answer, verdict};
use crate::lookup::files::{LookupFile, LookupFiles};
use crate::lookup::found::{Found, targets};
use crate::report::lookup::result::{LookupReport, LookupScope, Searched};
use crate::report::lookup::{json, text};
use crate::session::environment::now;
use crate::session::open::{CallerLookup, Session};
use crate::session::request::VerifyRequest;
use crate::source::layer::count::Counts;
use crate::verify::plan::VerifyPlan;
use crate::verify::run::look_up;
use std::collections::BTreeSet;
use std::sync::Arc;
use trailproof_core::codes::lookup::LookupAnswer;
use trailproof_core::record::{RunEvent, RunSummary};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::excerpt;

/// Maximum number of files that are named when a lookup is interrupted.
const NOTED: usize = 20;

/// Runs the command and returns the exit status.
pub(crate) async fn run(global: &GlobalArgs, args: &LookupArgs) -> ExitStatus {
    let counts = Arc::default();
    let mut progress = Progress::start(&global.console, Arc::clone(&counts));
    let mut state = None;
    let work = attempt(global, args, &counts, &mut progress, &mut state);
    match unless_interrupted(work).await {
        Err(signal) => {
            progress.interrupted(Some(
                "`--start-time`, `--account` and `--region` narrow the search; the same command \
                 starts again",
            ));
            if let Some((files, found)) = state.filter(|_| !global.console.quiet) {
                note_delivered(&files, &found);
            }
            signal
        }
        Ok(ended) => ended
            .and_then(|report| print(&report, args.format))
            .unwrap_or_else(|refusal| refusal.print()),
    }
}

fn print(report: &LookupReport, format: LookupFormat) -> Result<ExitStatus, Refusal> {
    let bytes = match format {
        LookupFormat::Text => text(report).into_bytes(),
        LookupFormat::Json => json(report).map_err(|error| Refusal::stdout_lost(&error))?,
    };
    print_result(&bytes, report.verdict.into())
}

/// Prints which files are known to be delivered when a lookup is interrupted. Nothing else is known.
fn note_delivered(files: &[LookupFile], found: &Found) {
    let answers = files.iter().map(|file| answer(file, found, false));
    let delivered = answers.filter(|one| one.answer == LookupAnswer::Delivered);
    for one in delivered.take(NOTED) {
        let name = excerpt(&one.file, SHOWN);
        print_to_stderr(&format!("note: found until then: `{name}` was delivered"));
    }
}

/// Looks up the files. `state` holds them and what was found, for a lookup that is interrupted.
async fn attempt(
    global: &GlobalArgs,
    args: &LookupArgs,
    counts: &Arc<Counts>,
    progress: &mut Progress,
    state: &mut Option<(Vec<LookupFile>, Found)>,
) -> Result<LookupReport, Refusal> {
    let LookupFiles { files, skipped } = LookupFiles::read(&args.files)?;
    let (mut request, from_names) =
        VerifyRequest::read_lookup(&args.place, &args.selection, &files, now())?;
    request.copy(&args.relocate, args.bucket.as_deref(), args.complete_copy)?;
    request.trust_keys(&args.public_keys)?;
    // Only digests show what was delivered.
    request.unlisted = false;
    let mut session =
        Session::open(&global.aws.access(), request, counts, CallerLookup::Skipped, None)
            .await
            .map_err(Refusal::with_missing_bucket_not_started)?;
    session.plan.workload = progress.workload();
    let targets = Arc::new(targets(&files));
    let (files, found) = state.insert((files, Found::new(Arc::clone(&targets))));
    let (source, keys) = (session.source.clone(), session.keys.clone());
    let mut key_sources = BTreeSet::new();
    let summary = look_up(&session.plan, targets, source, keys, &mut |event| {
        progress.note(event);
        found.event(event);
        if let RunEvent::PublicKey(key) = event {
            key_sources.insert(key.source.clone());
        }
    })
    .await;
    progress.stop();
    session.remarks();
    session.warn_clock_skew();
    if let Some(billed) = &session.billed {
        print_request_summary(global.console.quiet, billed);
    }
    let searched = searched(&summary, found);
    let complete = searched.is_complete();
    let files: Vec<_> = files.iter().map(|file| answer(file, found, complete)).collect();
    // What was not looked at is not proven.
    let skipped_verdict = (!skipped.is_empty()).then_some(Verdict::NotProven);
    let verdict = files.iter().map(verdict).chain(skipped_verdict).max();
    let plan = &session.plan;
    Ok(LookupReport {
        place: plan.place.clone(),
        period: plan.period,
        scope: scope(plan),
        from_names,
        complete_copy: plan.complete_copy,
        key_sources,
        searched,
        files,
        skipped,
        verdict: verdict.unwrap_or(Verdict::NothingFound),
    })
}

fn scope(plan: &VerifyPlan) -> LookupScope {
    LookupScope {
        trails: plan.scope.trails.iter().map(ToString::to_string).collect(),
        accounts: plan.scope.accounts.iter().map(ToString::to_string).collect(),
        regions: plan.scope.regions.iter().map(ToString::to_string).collect(),
    }
}

fn searched(summary: &RunSummary, found: &Found) -> Searched {
    let (coverage, counts) = (&summary.coverage, &summary.counts);
    Searched {
        chains: summary.chains,
        total: coverage.total(),
        // A log file that is not valid says nothing against the digest that names it.
        searched: coverage.verified + found.searched_besides,
        digests_not_proven: counts.digests.invalid + counts.digests.unverified,
        backfill_not_proven: counts.backfill.invalid + counts.backfill.unverified,
        places_in_doubt: found.places_in_doubt,
        listings_unread: summary.listings_unread,
    }
}
