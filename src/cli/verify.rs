//! `trailproof verify`: what does this bucket prove?
use super::aws_args::AwsArgs;
use super::cost::say_cost;
use super::interrupt::unless_interrupted;
use super::outputs::Outputs;
use super::prepare::prepare;
use super::progress::Progress;
use super::terminal::print_to_stderr;
use super::verify_args::VerifyArgs;
use super::verify_plan::NoPlan;
use super::{dry_run, earlier};
use crate::source::count::Counts;
use crate::verify::verify_run::verify_counting;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use trailproof_core::failure::ReadFailureKind;
use trailproof_core::location::escape;
use trailproof_core::verdict::Verdict;

/// A mistake on the command line.
const USAGE: u8 = 2;
/// The run could not begin: credentials, trail, keys.
pub(super) const NOT_STARTED: u8 = 5;

/// Runs the command and returns the exit status.
pub(super) async fn run(aws: &AwsArgs, args: &VerifyArgs) -> u8 {
    if args.dry_run {
        return dry_run::run(aws, args).await;
    }
    let earlier = args.since.as_deref().map(Path::new).filter(|path| path.is_file());
    let outputs = Outputs::new(args.format, &args.record, &args.outputs);
    let outputs = outputs.and_then(|outputs| match earlier {
        Some(path) => outputs.beside(path),
        None => Ok(outputs),
    });
    let mut outputs = match outputs {
        Ok(outputs) => outputs,
        Err(no_plan) => return refuse(&no_plan),
    };
    let ended = unless_interrupted(attempt(aws, args, &mut outputs)).await;
    // Whatever ended the run, what was told until then is written.
    let lost = outputs.close();
    match ended {
        Err(signal) => 128 + signal,
        Ok(Ok(verdict)) => lost.exit_status(verdict),
        Ok(Err(no_plan)) => refuse(&no_plan),
    }
}

async fn attempt(
    aws: &AwsArgs,
    args: &VerifyArgs,
    outputs: &mut Outputs,
) -> Result<Verdict, NoPlan> {
    let counts = Arc::new(Counts::default());
    let progress = Progress::start(args.quiet, Arc::clone(&counts));
    let mut run = prepare(aws, args, &counts, outputs.caller()).await?;
    let skipped = run.plan.known.as_ref().map(|known| Arc::clone(known.skipped()));
    outputs.know(run.own(&counts, &skipped.unwrap_or_default()).await);
    let known = run.plan.known.as_ref();
    let (source, keys) = (Arc::clone(&run.source), Arc::clone(&run.keys));
    let unneeded = Arc::default();
    let summary = verify_counting(&run.plan, source, keys, &unneeded, &mut |event| {
        progress.note(event);
        outputs.tell(event);
    })
    .await;
    progress.stop();
    run.remarks();
    run.clock_remark();
    if let Some(known) = known {
        earlier::tell_skipped(known);
    }
    if let Some(billed) = &run.billed {
        billed.note_unneeded(unneeded.load(Ordering::Relaxed));
        say_cost(args.quiet, billed);
    }
    Ok(summary.verdict)
}

/// Says why nothing was run, and gives the exit status for that.
pub(super) fn refuse(no_plan: &NoPlan) -> u8 {
    match no_plan {
        NoPlan::Usage(words) => {
            print_to_stderr(&format!("error: {words}"));
            USAGE
        }
        NoPlan::NotStarted(words) => {
            print_to_stderr(&format!("error: {words}"));
            NOT_STARTED
        }
        NoPlan::Unread(bucket, why) => {
            print_to_stderr(&format!("error: cannot list `s3://{}`: {why}", escape(bucket)));
            if why.kind == ReadFailureKind::NoSuchBucket {
                Verdict::NothingFound.exit_status()
            } else {
                NOT_STARTED
            }
        }
        NoPlan::NothingThere(words) => {
            print_to_stderr(&format!("error: {words}"));
            Verdict::NothingFound.exit_status()
        }
    }
}
