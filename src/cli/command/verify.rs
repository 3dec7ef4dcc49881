//! `trailproof verify`: verifies the evidence in a bucket or a copy.
use super::dry_run;
use crate::cli::args::console::GlobalArgs;
use crate::cli::args::verify::VerifyArgs;
use crate::cli::output::outputs::Outputs;
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::cli::terminal::progress::Progress;
use crate::cli::terminal::request_summary::print_request_summary;
use crate::console::exit::ExitStatus;
use crate::console::refusal::Refusal;
use crate::session::earlier;
use crate::session::environment::now;
use crate::session::open::Session;
use crate::session::request::VerifyRequest;
use crate::source::layer::count::Counts;
use crate::verify::run::verify_counting;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use trailproof_core::verdict::Verdict;

/// Runs the command and returns the exit status.
pub(crate) async fn run(global: &GlobalArgs, args: &VerifyArgs) -> ExitStatus {
    if args.dry_run {
        return dry_run::run(global, args).await;
    }
    match outputs(global, args) {
        Ok(outputs) => run_into(global, args, outputs).await,
        Err(refusal) => refusal.print(),
    }
}

/// Returns the outputs that the arguments name.
///
/// # Errors
///
/// Returns a usage error if a file cannot be an output.
pub(super) fn outputs(global: &GlobalArgs, args: &VerifyArgs) -> Result<Outputs, Refusal> {
    let earlier = args.evidence.since.as_deref().map(Path::new).filter(|path| path.is_file());
    let outputs = Outputs::new(&global.console, args.format, &args.record, &args.outputs);
    let mut inputs = earlier.into_iter().chain(args.evidence.accept.as_deref());
    outputs.and_then(|outputs| inputs.try_fold(outputs, Outputs::beside))
}

/// Verifies, writes into these outputs, and returns the exit status.
pub(super) async fn run_into(
    global: &GlobalArgs,
    args: &VerifyArgs,
    mut outputs: Outputs,
) -> ExitStatus {
    let counts = Arc::new(Counts::default());
    let mut progress = Progress::start(&global.console, Arc::clone(&counts));
    let ended =
        unless_interrupted(attempt(global, args, &mut outputs, &counts, &mut progress)).await;
    if ended.is_err() {
        // The record that is being written has a hint of its own.
        let hint = "with `--record FILE`, a run that was interrupted can be resumed";
        progress.interrupted(Some(hint).filter(|_| args.record.record.is_none()));
    }
    progress.stop();
    // The outputs are finished even if the run was interrupted.
    let lost = outputs.close();
    match ended {
        Err(signal) => signal,
        Ok(Ok(verdict)) => ExitStatus::from(verdict).or_output_lost(lost),
        Ok(Err(refusal)) => refusal.print(),
    }
}

async fn attempt(
    global: &GlobalArgs,
    args: &VerifyArgs,
    outputs: &mut Outputs,
    counts: &Arc<Counts>,
    progress: &mut Progress,
) -> Result<Verdict, Refusal> {
    let request = VerifyRequest::of_verify(args, now())?;
    let mut run =
        Session::open(&global.aws.access(), request, counts, outputs.caller(), None).await?;
    run.plan.workload = progress.workload();
    let skipped = run.plan.known.as_ref().map(|known| Arc::clone(known.skipped()));
    let skipped = skipped.unwrap_or_default();
    progress.skips(&skipped);
    outputs.set_facts(run.own(counts, &skipped).await);
    let known = run.plan.known.as_ref();
    let (source, keys) = (Arc::clone(&run.source), Arc::clone(&run.keys));
    let unneeded = Arc::default();
    let summary = verify_counting(&run.plan, source, keys, &unneeded, &mut |event| {
        progress.note(event);
        outputs.emit(event);
    })
    .await;
    progress.stop();
    run.remarks();
    run.remark_custody(global.console.quiet);
    run.warn_clock_skew();
    if let Some(known) = known {
        earlier::print_skipped(known);
    }
    if let Some(billed) = &run.billed {
        billed.note_unneeded(unneeded.load(Ordering::Relaxed));
        print_request_summary(global.console.quiet, billed);
    }
    Ok(summary.verdict)
}
