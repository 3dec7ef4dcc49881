//! `trailproof mirror`: a copy of the evidence that verifies offline.
//!
//! It runs `verify` over a source that keeps whatever is read. A second pass then copies the
//! objects that the verification did not need, and the public keys.
use crate::cli::args::aws::AwsArgs;
use crate::cli::args::mirror::MirrorArgs;
use crate::cli::output::outputs::Outputs;
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::cli::terminal::progress::Progress;
use crate::cli::terminal::request_summary::print_request_summary;
use crate::console::exit::ExitStatus;
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::session::environment::now;
use crate::session::location::Location;
use crate::session::open::Session;
use crate::session::request::VerifyRequest;
use crate::source::layer::count::Counts;
use crate::source::mirror::writer::{Finished, MirrorError, MirrorWriter};
use crate::source::mirror::{Header, KEYS_BESIDE, MirrorRun};
use crate::trust::KeyService;
use crate::trust::bundle::{RecordedKeys, bundle_text};
use crate::verify::discover::in_period::InPeriod;
use crate::verify::run::verify;
use std::collections::BTreeSet;
use std::sync::Arc;
use trailproof_core::record::RunEvent;
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::location::escape;
use trailproof_core::vocab::time::{DAY, Period, Timestamp};

impl From<MirrorError> for Refusal {
    fn from(why: MirrorError) -> Self {
        match why {
            MirrorError::NotForThis(words) => Self::usage(words),
            MirrorError::InUse(words) => Self::not_started(words),
            MirrorError::Unwritable(words) => Self::output_lost(words),
        }
    }
}

/// Runs the command and returns the exit status.
pub(crate) async fn run(aws: &AwsArgs, args: &MirrorArgs) -> ExitStatus {
    let mut outputs = match Outputs::new(args.format, &args.record, &args.outputs) {
        Ok(outputs) => outputs,
        Err(refusal) => return refusal.print(),
    };
    let ended = unless_interrupted(attempt(aws, args, &mut outputs)).await;
    // The outputs are finished even if the run was interrupted.
    let mut lost = outputs.close();
    let (verdict, finished) = match ended {
        Err(signal) => return signal,
        Ok(Ok(ended)) => ended,
        Ok(Err(refusal)) => return refusal.print(),
    };
    if let Some((count, why)) = &finished.lost {
        print_to_stderr(&format!(
            "error: {count} writes to the mirror failed, the first with: {}\n\nhint: run the same \
             command again to continue",
            escape(why)
        ));
        lost = true;
    }
    let status = match verdict {
        // The bucket is proven, but the mirror is incomplete.
        Verdict::Proven if finished.unread > 0 => ExitStatus::NotProven,
        _ => verdict.into(),
    };
    status.or_output_lost(lost)
}

async fn attempt(
    aws: &AwsArgs,
    args: &MirrorArgs,
    outputs: &mut Outputs,
) -> Result<(Verdict, Finished), Refusal> {
    let mut request = VerifyRequest::read(Some(&args.location), &args.selection, now())?;
    request.concurrency = args.concurrency;
    let below = request.within.as_ref().map(ToString::to_string);
    let (bucket, prefix) = match &request.place {
        Some(Location::Bucket(bucket, prefix)) => (bucket, prefix),
        _ => {
            let words = "a mirror is a copy of a bucket\n\nhint: `trailproof mirror \
                         s3://BUCKET/PREFIX DIRECTORY`";
            return Err(Refusal::usage(words));
        }
    };
    let mut mirror = MirrorWriter::begin(&args.directory, bucket, prefix)?;
    if let Some(name) = mirror.set_aside() {
        print_to_stderr(&format!(
            "warning: the mirror's manifest is damaged; its readable part is kept, the rest is \
             copied again, and the damaged file is now `{name}` in the mirror"
        ));
    }
    let counts = Arc::new(Counts::default());
    let progress = Progress::start(args.quiet, Arc::clone(&counts));
    request.trust_keys(&args.public_keys)?;
    let mut run =
        Session::open(&aws.access(), request, &counts, outputs.caller(), Some(&mirror)).await?;
    let copying = run.copying.take().ok_or_else(|| Refusal::usage("a bucket is needed"))?;
    outputs.set_facts(run.own(&counts, &Arc::default()).await);
    let keys = Arc::new(RecordedKeys::new(Arc::clone(&run.keys), run.plan.now));
    let wanted = InPeriod::new(&run.plan.scope, run.plan.period);
    wanted.list(&run.source, &run.plan.bucket, &run.plan.roots).await;
    let mut regions = BTreeSet::new();
    let summary = verify(&run.plan, Arc::clone(&run.source), keys.clone(), &mut |event| {
        if let RunEvent::ChainStarted { chain } = event {
            regions.insert(chain.source_region.clone());
        }
        progress.note(event);
        outputs.emit(event);
    })
    .await;
    mirror.rest(&copying, |key| wanted.has(key)).await;
    progress.stop();
    keep_run(mirror.header_mut(), args, run.plan.period, below);
    let spans = spans(mirror.header_mut(), &regions, run.plan.period, run.plan.now);
    for (region, from, to) in spans {
        if let Err(why) = keys.keys(Some(&region), from, to).await {
            print_to_stderr(&format!(
                "warning: not all public keys of {region} are in the mirror: {why}"
            ));
        }
    }
    let kept = keys.kept();
    // A bundle without keys is useless.
    if kept.values().any(|region| !region.keys.is_empty()) {
        mirror.write(KEYS_BESIDE, &bundle_text(&kept));
    }
    let finished = mirror.finish().await;
    run.warn_clock_skew();
    if !args.quiet {
        emit(args, &finished);
    }
    if let Some(billed) = &run.billed {
        print_request_summary(args.quiet, billed);
    }
    Ok((summary.verdict, finished))
}

/// Records the period and the scope of this run in the header, unless they are there.
fn keep_run(header: &mut Header, args: &MirrorArgs, period: Period, below: Option<String>) {
    let selection = &args.selection;
    let run = MirrorRun {
        from: period.start.to_string(),
        to: period.end.to_string(),
        trails: selection.trail.clone(),
        accounts: selection.account.clone(),
        regions: selection.regions.clone(),
        below,
    };
    if !header.runs.contains(&run) {
        header.runs.push(run);
        header.runs.sort_by(|one, other| (&one.from, &one.to).cmp(&(&other.from, &other.to)));
    }
}

/// Returns, by region, the time for which all keys are required: the periods of all runs so far and
/// a day around each, because digests just outside a period are read to anchor it.
fn spans(
    header: &mut Header,
    regions: &BTreeSet<Region>,
    period: Period,
    now: Timestamp,
) -> Vec<(Region, Timestamp, Timestamp)> {
    let (from, to) = (period.start.plus(-DAY), period.end.plus(DAY).min(now));
    for region in regions {
        let known = header
            .keys
            .entry(region.to_string())
            .or_insert_with(|| (from.to_string(), to.to_string()));
        let before = Timestamp::parse(&known.0).zip(Timestamp::parse(&known.1));
        let (first, last) = before.unwrap_or((from, to));
        *known = (first.min(from).to_string(), last.max(to).to_string());
    }
    let span = |(region, (from, to)): (&String, &(String, String))| {
        let region: Region = region.parse().ok()?;
        Some((region, Timestamp::parse(from)?, Timestamp::parse(to)?))
    };
    header.keys.iter().filter_map(span).collect()
}

fn emit(args: &MirrorArgs, finished: &Finished) {
    if finished.lost.is_some() {
        return;
    }
    let objects = &finished.objects;
    let shown = args.directory.to_string_lossy();
    print_to_stderr(&format!(
        "mirror `{}`: {} objects copied, {} not copied ({} could not be read, {} are outside the \
         period or scope), {} absent",
        escape(&shown),
        objects.copied,
        objects.failed + objects.out_of_scope,
        objects.failed,
        objects.out_of_scope,
        objects.absent,
    ));
}
