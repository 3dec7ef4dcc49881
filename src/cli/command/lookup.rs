//! `trailproof lookup`: did CloudTrail deliver this very file?
//!
//! A file is identified by the hash of its content. A proven digest that names the hash records
//! where and when the file was delivered; the object at that key may have changed since. A proven
//! digest that names the file's name with a different hash shows that the file was changed.
use crate::cli::args::aws::AwsArgs;
use crate::cli::args::lookup::{LookupArgs, LookupFormat};
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::cli::terminal::progress::Progress;
use crate::cli::terminal::request_summary::print_request_summary;
use crate::console::exit::ExitStatus;
use crate::console::refusal::{Refusal, print_result};
use crate::lookup::answer::{answer, verdict};
use crate::lookup::files::LookupFiles;
use crate::lookup::found::{Found, targets};
use crate::report::lookup::result::{LookupReport, LookupScope, Searched};
use crate::report::lookup::{json, text};
use crate::session::environment::now;
use crate::session::open::{CallerLookup, Session};
use crate::session::request::VerifyRequest;
use crate::verify::plan::VerifyPlan;
use crate::verify::run::look_up;
use std::sync::Arc;
use trailproof_core::record::RunSummary;
use trailproof_core::verdict::Verdict;

/// Runs the command and returns the exit status.
pub(crate) async fn run(aws: &AwsArgs, args: &LookupArgs) -> ExitStatus {
    match unless_interrupted(attempt(aws, args)).await {
        Err(signal) => signal,
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

async fn attempt(aws: &AwsArgs, args: &LookupArgs) -> Result<LookupReport, Refusal> {
    let LookupFiles { files, skipped } = LookupFiles::read(&args.files)?;
    let counts = Arc::default();
    let progress = Progress::start(args.quiet, Arc::clone(&counts));
    let (mut request, from_names) =
        VerifyRequest::read_lookup(&args.place, &args.selection, &files, now())?;
    request.copy(&args.relocate, args.bucket.as_deref(), args.complete_copy)?;
    request.trust_keys(&args.public_keys)?;
    // Only digests show what was delivered.
    request.unlisted = false;
    let session =
        Session::open(&aws.access(), request, &counts, CallerLookup::Skipped, None).await?;
    let targets = Arc::new(targets(&files));
    let mut found = Found::new(Arc::clone(&targets));
    let (source, keys) = (session.source.clone(), session.keys.clone());
    let summary = look_up(&session.plan, targets, source, keys, &mut |event| {
        progress.note(event);
        found.event(event);
    })
    .await;
    progress.stop();
    session.remarks();
    session.warn_clock_skew();
    if let Some(billed) = &session.billed {
        print_request_summary(args.quiet, billed);
    }
    let searched = searched(&summary, &found);
    let complete = searched.is_complete();
    let files: Vec<_> = files.iter().map(|file| answer(file, &found, complete)).collect();
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
