//! `trailproof mirror`: a copy of the evidence that verifies offline.
//!
//! It runs `verify` over a source that keeps whatever is read. A second pass then copies the
//! objects that the verification did not need, and the public keys.
use super::{mirror_check, mirror_dry_run};
use crate::cli::args::console::GlobalArgs;
use crate::cli::args::mirror::{CopyArgs, CopyOptions, MirrorArgs, MirrorCommand};
use crate::cli::output::environment::{agent, without_secret};
use crate::cli::output::outputs::Outputs;
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::cli::terminal::progress::Progress;
use crate::cli::terminal::request_summary::print_request_summary;
use crate::console::exit::ExitStatus;
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::files::space::Space;
use crate::locate::discover::find_places;
use crate::locate::place_listing::{Listing, list_place};
use crate::report::numbers::{bytes, grouped};
use crate::session::environment::now;
use crate::session::open::{CallerLookup, Session};
use crate::session::reading;
use crate::session::request::VerifyRequest;
use crate::source::layer::count::Counts;
use crate::source::many::few_in_order;
use crate::source::mirror::custody::{
    CopiedFrom, FileSum, MirrorEnded, MirrorStarted, RunResult, Volume,
};
use crate::source::mirror::writer::{Finished, MirrorError, MirrorWriter};
use crate::source::mirror::{CUSTODY, Header, KEYS_BESIDE, MirrorRun, MirrorSource};
use crate::source::{BoxFuture, ObjectSource};
use crate::trust::KeyService;
use crate::trust::bundle::{RecordedKeys, bundle_text};
use crate::verify::discover::in_period::InPeriod;
use crate::verify::plan::VerifyPlan;
use crate::verify::run::verify;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use trailproof_core::codes::check::{Check, SkipReason, SkippedCheck};
use trailproof_core::codes::failure::ReadFailure;
use trailproof_core::record::RunEvent;
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::location::{escape, shell_word};
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
pub(crate) async fn run(global: &GlobalArgs, args: &MirrorArgs) -> ExitStatus {
    match (&args.command, &args.copy) {
        (Some(MirrorCommand::Check(args)), _) => mirror_check::run(args),
        (None, Some(copy)) if args.options.dry_run => {
            mirror_dry_run::run(global, copy, &args.options).await
        }
        (None, Some(to_copy)) => copy(global, to_copy, &args.options).await,
        (None, None) => Refusal::usage("a location and a directory are required").print(),
    }
}

/// The end of a run that no signal ended.
struct Ended {
    /// What the run reports of the bucket; `None` if the file system took no more before that.
    verdict: Option<Verdict>,
    finished: Finished,
}

async fn copy(global: &GlobalArgs, what: &CopyArgs, args: &CopyOptions) -> ExitStatus {
    let mut outputs = match Outputs::new(&global.console, args.format, &args.record, &args.outputs)
    {
        Ok(outputs) => outputs,
        Err(refusal) => return refusal.print(),
    };
    let began = now();
    let mut mirror = None;
    let counts = Arc::new(Counts::default());
    let mut progress = Progress::start(&global.console, Arc::clone(&counts));
    let work = attempt(global, (what, args), &mut outputs, &mut mirror, (began, &mut progress));
    let ended = unless_interrupted(work).await;
    progress.stop();
    if ended.is_err() && mirror.is_none() {
        progress.interrupted(None);
    }
    // The outputs are finished even if the run was interrupted.
    let mut lost = outputs.close();
    let ended = match ended {
        Ok(Err(refusal)) => return refusal.print(),
        Ok(Ok(ended)) => Ok(ended),
        Err(signal) => Err(signal),
    };
    let Some(mut mirror) = mirror else { return ended.map_or_else(|signal| signal, status) };
    let record = args.record.record.as_deref().filter(|_| !lost && is_complete(&ended));
    let record = record.filter(|path| path.is_file()).and_then(|path| {
        let sum = File::open(path).and_then(|mut file| FileSum::of(&mut file));
        sum.map(|sum| sum.sha256).ok()
    });
    let ending = match &ended {
        Ok(ended) => MirrorEnded {
            result: ended.finished.result(ended.verdict.is_none()),
            verdict: ended.verdict.map(|verdict| verdict.words().to_owned()),
            objects: ended.finished.lost.is_none().then_some(ended.finished.objects),
            record_sha256: record,
            ..unfinished(began)
        },
        Err(_) => unfinished(began),
    };
    let is_whole = ending.result == RunResult::Complete;
    if let Err(error) = mirror.record_end(ending) {
        let kind = if is_whole { "error" } else { "warning" };
        print_to_stderr(&format!("{kind}: cannot add the end of this run to `{CUSTODY}`: {error}"));
        lost |= is_whole;
    }
    match ended {
        Err(signal) => {
            interrupted(&mirror);
            signal
        }
        Ok(ended) => {
            lost |= report_losses(&ended, &mirror, what);
            status(ended).or_output_lost(lost)
        }
    }
}

fn is_complete(ended: &Result<Ended, ExitStatus>) -> bool {
    ended.as_ref().is_ok_and(|ended| ended.verdict.is_some())
}

/// Returns the entry for a run that a signal ended.
fn unfinished(began: Timestamp) -> MirrorEnded {
    MirrorEnded {
        began: began.to_string(),
        ended: now().to_string(),
        result: RunResult::Interrupted,
        verdict: None,
        copied: Volume::default(),
        objects: None,
        documents: BTreeMap::new(),
        record_sha256: None,
    }
}

fn status(ended: Ended) -> ExitStatus {
    match ended.verdict {
        None => ExitStatus::OutputLost,
        // The bucket is proven, but the mirror is incomplete.
        Some(Verdict::Proven) if ended.finished.unread > 0 => ExitStatus::NotProven,
        Some(verdict) => verdict.into(),
    }
}

/// Reports what could not be written, and returns whether there is any.
fn report_losses(ended: &Ended, mirror: &MirrorWriter, what: &CopyArgs) -> bool {
    let Some((count, why)) = &ended.finished.lost else { return false };
    let why = escape(why);
    if ended.verdict.is_some() {
        print_to_stderr(&format!(
            "error: {count} writes to the mirror failed, the first with: {why}\n\nhint: run the \
             same command again to continue"
        ));
        return true;
    }
    let shown = what.directory.to_string_lossy();
    print_to_stderr(&format!(
        "error: the run ended early because `{}` cannot be written any more: {why}\n\nnote: this \
         run copied {}; the mirror is consistent and can be continued; nothing is judged\n\nhint: \
         free space, or move the mirror to a larger file system, and run the same command again; \
         with `--dry-run` it prints what is left to copy, and the free space",
        escape(&shown),
        copied_words(mirror),
    ));
    true
}

/// Returns how much a run has copied so far, of what it has listed.
fn copied_words(mirror: &MirrorWriter) -> String {
    let (copied, to_copy) = (mirror.copied(), mirror.to_copy());
    let listed = to_copy.objects.max(copied.objects);
    format!(
        "{} of about {} objects ({})",
        grouped(copied.objects),
        grouped(listed),
        bytes(copied.bytes)
    )
}

fn interrupted(mirror: &MirrorWriter) {
    print_to_stderr(&format!(
        "note: interrupted; this run copied {}\n\nhint: run the same command again to continue",
        copied_words(mirror)
    ));
}

async fn attempt(
    global: &GlobalArgs,
    (what, args): (&CopyArgs, &CopyOptions),
    outputs: &mut Outputs,
    begun: &mut Option<MirrorWriter>,
    (began, progress): (Timestamp, &mut Progress),
) -> Result<Ended, Refusal> {
    let mut request = VerifyRequest::read(Some(&what.location), &args.selection, began)?;
    request.concurrency = args.concurrency;
    let below = request.within.as_ref().map(ToString::to_string);
    let (bucket, prefix) = request.bucket_to_copy()?;
    // A manifest that cannot be read is salvaged below, with a warning.
    let earlier = match what.directory.is_dir() {
        true => {
            MirrorSource::open(&what.directory, &reading::open(&what.directory)?).ok().flatten()
        }
        false => None,
    };
    let mirror = begun.insert(MirrorWriter::begin(&what.directory, &bucket, &prefix)?);
    if let Some(name) = mirror.set_aside() {
        print_to_stderr(&format!(
            "warning: the mirror's manifest is damaged; its readable part is kept, the rest is \
             copied again, and the damaged file is now `{name}` in the mirror"
        ));
    }
    request.trust_keys(&args.public_keys)?;
    // The custody log names the caller.
    let caller = CallerLookup::Requested;
    let counts = progress.counts();
    let mut run =
        Session::open(&global.aws.access(), request, &counts, caller, Some(mirror)).await?;
    let copying = run.copying.take().ok_or_else(|| Refusal::usage("a bucket is needed"))?;
    // The session has read digests to find out where they were delivered.
    copying.begin_judging();
    run.plan.workload = progress.workload();
    if let Some(earlier) = earlier {
        run.plan.copied_earlier = copied_earlier(&run.plan, Arc::new(earlier)).await;
    }
    let facts = run.own(&counts, &Arc::default()).await;
    let this_run = requested(args, run.plan.period, below);
    let started = MirrorStarted {
        began: began.to_string(),
        by: agent(facts.caller.clone()),
        from: CopiedFrom { bucket, prefix, endpoint: run.endpoint.as_deref().map(without_secret) },
        run: this_run.clone(),
    };
    mirror.record_start(started).map_err(|error| {
        Refusal::output_lost(format!("cannot add this run to `{CUSTODY}`: {error}"))
    })?;
    outputs.set_facts(facts);
    let keys = Arc::new(RecordedKeys::new(Arc::clone(&run.keys), run.plan.now));
    let mut regions = BTreeSet::new();
    let full = mirror.full();
    let work = async {
        let wanted = InPeriod::new(&run.plan.scope, run.plan.period);
        wanted.list(&run.source, &run.plan.bucket, &run.plan.roots).await;
        warn_of_space(mirror, &what.directory);
        let summary = verify(&run.plan, Arc::clone(&run.source), keys.clone(), &mut |event| {
            if let RunEvent::ChainStarted { chain } = event {
                regions.insert(chain.source_region.clone());
            }
            progress.note(event);
            if matches!(event, RunEvent::RunFinished(_)) && copying.resumed_objects() > 0 {
                // Somebody who can write to the bucket and the mirror can make an altered object look
                // unchanged.
                outputs.emit(&RunEvent::CheckNotPerformed(SkippedCheck {
                    check: Check::StoredContent,
                    why: SkipReason::CopyRead,
                    region: None,
                    detail: grouped(copying.resumed_objects()),
                }));
            }
            outputs.emit(event);
        })
        .await;
        progress.copying();
        mirror.rest(&copying, |key| wanted.has(key)).await;
        summary.verdict
    };
    let verdict = tokio::select! {
        verdict = work => Some(verdict),
        // What is read from now on could not be kept.
        () = full => None,
    };
    progress.stop();
    let Some(verdict) = verdict else {
        return Ok(Ended { verdict: None, finished: mirror.finish().await });
    };
    keep_run(mirror.header_mut(), this_run);
    let spans = key_spans(mirror.header_mut(), &regions, run.plan.period, run.plan.now);
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
    if !global.console.quiet {
        emit(what, &finished, mirror.copied());
    }
    if let Some(billed) = &run.billed {
        print_request_summary(global.console.quiet, billed);
    }
    Ok(Ended { verdict: Some(verdict), finished })
}

/// Places of which the digests in the mirror are listed at once.
const AT_ONCE: usize = 32;

/// Returns the chains of which the mirror has digests of the period.
async fn copied_earlier(plan: &VerifyPlan, mirror: Arc<dyn ObjectSource>) -> BTreeSet<ChainId> {
    let folders = find_places(&mirror, &plan.bucket, &plan.roots, &plan.scope).await;
    let (mirror, period) = (mirror.as_ref(), plan.period);
    let looks = folders.digests.iter().map(|place| -> BoxFuture<'_, _> {
        Box::pin(list_place(mirror, &plan.bucket, place, period))
    });
    let mut chains = BTreeSet::new();
    // Where the mirror has no listing of this period, it shows nothing of it.
    let listings: Vec<Result<Listing, ReadFailure>> = few_in_order(looks, AT_ONCE).await;
    for listing in listings.into_iter().flatten() {
        let within = |end: &Timestamp| *end > period.start && *end <= period.end;
        let found = listing.digests.iter().filter(|(_, ends)| ends.iter().any(within));
        chains.extend(found.map(|((key, _), _)| ChainId::from(key)));
    }
    chains
}

/// Warns if what was listed does not fit into the free space.
fn warn_of_space(mirror: &MirrorWriter, directory: &Path) {
    let to_copy = mirror.to_copy();
    let Ok(space) = Space::of(directory) else { return };
    if space.available < to_copy.bytes {
        print_to_stderr(&format!(
            "warning: {} are to be copied, and `{}` has {} of free space: the run ends when that is \
             full",
            bytes(to_copy.bytes),
            escape(&directory.to_string_lossy()),
            bytes(space.available),
        ));
    }
}

/// Returns what this run was asked for, for the header and the custody log.
fn requested(args: &CopyOptions, period: Period, below: Option<String>) -> MirrorRun {
    let selection = &args.selection;
    MirrorRun {
        from: period.start.to_string(),
        to: period.end.to_string(),
        trails: selection.trail.clone(),
        accounts: selection.account.clone(),
        regions: selection.regions.clone(),
        below,
    }
}

/// Records the period and the scope of this run in the header, unless they are there.
fn keep_run(header: &mut Header, run: MirrorRun) {
    if !header.runs.contains(&run) {
        header.runs.push(run);
        header.runs.sort_by(|one, other| (&one.from, &one.to).cmp(&(&other.from, &other.to)));
    }
}

/// Returns, by region, the time for which all keys are required: the periods of all runs so far and
/// a day around each, because digests just outside a period are read to anchor it.
pub(super) fn key_spans(
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

fn emit(what: &CopyArgs, finished: &Finished, copied: Volume) {
    if finished.lost.is_some() {
        return;
    }
    let objects = &finished.objects;
    let shown = what.directory.to_string_lossy();
    let mut words = format!(
        "mirror `{}`: {} objects ({}), {} of them copied by this run; {} could not be read",
        escape(&shown),
        grouped(objects.copied),
        bytes(objects.bytes),
        grouped(copied.objects),
        grouped(objects.failed),
    );
    for (count, what) in [
        (objects.absent, "are named and are not in the bucket"),
        (objects.out_of_scope, "were listed and are outside the period or scope"),
    ] {
        if count > 0 {
            words += &format!("; {} {what}", grouped(count));
        }
    }
    print_to_stderr(&words);
    if objects.gone > 0 {
        print_to_stderr(&format!(
            "note: objects of the mirror that the bucket no longer has: {}. This report is about the \
             bucket; `trailproof verify {}` reports what the mirror proves",
            grouped(objects.gone),
            shell_word(&shown),
        ));
    }
}
