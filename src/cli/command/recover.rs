//! `trailproof recover`: what the versions prove of what is missing or changed, as a mirror.
//!
//! The first run, or its record, says what is affected. A second run over the oldest versions says
//! what they prove. A third one over the same view, without what nothing proves, makes the mirror.
//! Nothing is written to the bucket.
use super::mirror::key_spans;
use crate::cli::args::console::GlobalArgs;
use crate::cli::args::lookup::LookupFormat;
use crate::cli::args::recover::RecoverArgs;
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::cli::terminal::progress::Progress;
use crate::cli::terminal::request_summary::print_request_summary;
use crate::console::exit::ExitStatus;
use crate::console::refusal::{Refusal, print_result};
use crate::investigate::affected::{Affected, Fault, Hull};
use crate::investigate::second::{Passed, Second, second_run};
use crate::investigate::tried::TryVersions;
use crate::investigate::versions::{ObjectVersions, classes};
use crate::locate::roots::find_roots;
use crate::report::recover::{
    RecoverReport, RecoveredObject, RecoveredVersion, Written, json, text,
};
use crate::session::environment::now;
use crate::session::of_record::check_whole;
use crate::session::open::{CallerLookup, Session};
use crate::session::period::RequestedPeriod;
use crate::session::request::VerifyRequest;
use crate::source::ObjectSource;
use crate::source::layer::count::Counts;
use crate::source::layer::overlay::{LeftOut, VersionsView};
use crate::source::mirror::writer::MirrorWriter;
use crate::source::mirror::{KEYS_BESIDE, MirrorRun};
use crate::trust::KeyService;
use crate::trust::bundle::{RecordedKeys, bundle_text};
use crate::verify::run::verify;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::finding::{Finding, Outcome};
use trailproof_core::record::{ReadVersions, RunEvent, RunStart};
use trailproof_core::vocab::location::{ObjectLocation, escape};

/// Runs the command and returns the exit status.
pub(crate) async fn run(global: &GlobalArgs, args: &RecoverArgs) -> ExitStatus {
    match unless_interrupted(attempt(global, args)).await {
        Err(signal) => signal,
        Ok(ended) => ended
            .and_then(|report| print(&report, args.format))
            .unwrap_or_else(|refusal| refusal.print()),
    }
}

fn print(report: &RecoverReport, format: LookupFormat) -> Result<ExitStatus, Refusal> {
    let bytes = match format {
        LookupFormat::Text => text(report).into_bytes(),
        LookupFormat::Json => json(report).map_err(|error| Refusal::stdout_lost(&error))?,
    };
    print_result(&bytes, report.verdict().into())
}

async fn attempt(global: &GlobalArgs, args: &RecoverArgs) -> Result<RecoverReport, Refusal> {
    if let Some(to) = &args.to
        && std::fs::symlink_metadata(to).is_ok()
    {
        let shown = escape(&to.to_string_lossy()).into_owned();
        return Err(Refusal::usage(format!("`{shown}` exists\n\nhint: name a new directory")));
    }
    let counts = Arc::new(Counts::default());
    let mut progress = Progress::start(&global.console, Arc::clone(&counts));
    let first = match Path::new(&args.evidence).is_file() {
        true if args.selection.is_typed() => {
            return Err(Refusal::usage(
                "a record has a period and a scope of its own\n\nhint: leave out the options for \
                 them, or name the bucket instead of the record",
            ));
        }
        true => recorded(Path::new(&args.evidence))?,
        false => verified(global, args, &counts, &progress).await?,
    };
    let (Some(start), Some(summary)) = (&first.start, &first.summary) else {
        return Err(Refusal::not_started("the record has no result"));
    };
    let mut report = RecoverReport {
        place: start.place.clone(),
        period: start.period,
        as_it_lies: summary.verdict,
        with_versions: summary.verdict,
        objects: Vec::new(),
        left_out: first.left_out,
        written: None,
    };
    let mut limit = TryVersions::default();
    limit.of_object = args.try_versions.unwrap_or(limit.of_object);
    let options = (args.public_keys.as_slice(), args.concurrency, limit);
    let Some(look) = look_at_versions(global, start, &first, options, &progress).await? else {
        progress.stop();
        return Ok(report);
    };
    let session = &look.session;
    report.period = session.plan.period;
    report.with_versions = look.second.verdict(&first);
    report.objects = look.found.iter().map(recovered).collect();
    if let Some(to) = &args.to {
        report.written = Some(write(to, &look, &progress).await?);
    }
    progress.stop();
    session.warn_clock_skew();
    if let Some(billed) = &session.billed {
        print_request_summary(global.console.quiet, billed);
    }
    Ok(report)
}

/// What the versions of a bucket show of what a run did not prove.
pub(super) struct VersionsSeen {
    session: Session,
    /// What the second run looked at.
    pub(super) view: Arc<VersionsView>,
    /// The second run.
    pub(super) second: Second,
    /// What became of each affected object.
    pub(super) found: Vec<ObjectVersions>,
}

/// Looks at the versions of what a run did not prove; `None` if it proved everything. `options` are
/// the files of public keys, the limit of concurrent requests, and how many versions are tried.
pub(super) async fn look_at_versions(
    global: &GlobalArgs,
    start: &RunStart,
    first: &Affected,
    (public_keys, concurrency, limit): (&[PathBuf], Option<usize>, TryVersions),
    progress: &Progress,
) -> Result<Option<VersionsSeen>, Refusal> {
    let Some(Hull { period, accounts, regions }) = first.hull() else { return Ok(None) };
    let mut request = VerifyRequest::of_versions(start, now())?;
    request.period = RequestedPeriod::From(period.start, Some(period.end));
    request.versions = Some(ReadVersions::Oldest);
    request.concurrency = concurrency;
    if !accounts.is_empty() {
        request.scope.accounts = accounts;
        request.scope.regions = regions;
    }
    request.trust_keys(public_keys)?;
    let counts = progress.counts();
    let session =
        Session::open(&global.aws.access(), request, &counts, CallerLookup::Skipped, None).await?;
    let Some(view) = session.view.clone() else {
        return Err(Refusal::usage("only a bucket has versions"));
    };
    let second = second_run(&session.plan, first, &view, &session.keys, limit, &mut |passed| {
        if let Passed::Event(event) = passed {
            progress.note(event);
        }
    })
    .await;
    let mut found = classes(view.below().as_ref(), &first.objects, &second).await;
    // What lies there unharmed is not affected.
    let beyond = classes(view.below().as_ref(), &second.beyond, &second).await;
    found.extend(beyond.into_iter().filter(|it| it.class.is_recoverable()));
    Ok(Some(VersionsSeen { session, view, second, found }))
}

/// Returns what a record did not prove.
fn recorded(path: &Path) -> Result<Affected, Refusal> {
    let mut affected = Affected::default();
    check_whole(path, |event| affected.take(event))?;
    Ok(affected)
}

/// Verifies the location, and returns what that did not prove.
async fn verified(
    global: &GlobalArgs,
    args: &RecoverArgs,
    counts: &Arc<Counts>,
    progress: &Progress,
) -> Result<Affected, Refusal> {
    let mut request = VerifyRequest::read(Some(&args.evidence), &args.selection, now())?;
    request.concurrency = args.concurrency;
    request.trust_keys(&args.public_keys)?;
    let session =
        Session::open(&global.aws.access(), request, counts, CallerLookup::Skipped, None).await?;
    let mut affected = Affected::default();
    let (source, keys) = (Arc::clone(&session.source), Arc::clone(&session.keys));
    verify(&session.plan, source, keys, &mut |event| {
        progress.note(event);
        affected.take(event);
    })
    .await;
    Ok(affected)
}

/// Mirrors that are made until one has nothing but what is proven: between the runs, somebody may change the
/// bucket.
const ROUNDS: usize = 3;

/// Makes a mirror of what the view shows, without what nothing proves.
async fn write(to: &Path, look: &VersionsSeen, progress: &Progress) -> Result<Written, Refusal> {
    let mut hidden: BTreeSet<ObjectLocation> = look.second.unproven().cloned().collect();
    for _ in 0..ROUNDS {
        let (written, unproven) = write_without(to, look, &hidden, progress).await?;
        if unproven.is_empty() {
            return Ok(written);
        }
        hidden.extend(unproven);
        let shown = escape(&to.to_string_lossy()).into_owned();
        std::fs::remove_dir_all(to)
            .map_err(|why| Refusal::output_lost(format!("cannot remove `{shown}`: {why}")))?;
    }
    Err(Refusal::not_started("the bucket changes while it is recovered, and nothing was written"))
}

/// Makes a mirror of what the view shows, without what is hidden. Returns also what was written to it and is
/// not proven.
async fn write_without(
    to: &Path,
    look: &VersionsSeen,
    hidden: &BTreeSet<ObjectLocation>,
    progress: &Progress,
) -> Result<(Written, Vec<ObjectLocation>), Refusal> {
    let VersionsSeen { session, view, found, .. } = look;
    let left = found.iter().filter(|it| it.proven.is_none());
    view.show_as_copy(LeftOut {
        hidden: hidden.clone(),
        why: left.map(|it| (it.object.at.clone(), it.class.code().to_owned())).collect(),
    });
    let plan = &session.plan;
    let prefix = &plan.place.delivered_to.prefix;
    let mut mirror = MirrorWriter::begin(to, &plan.bucket, prefix)?;
    let source: Arc<dyn ObjectSource> = Arc::new(mirror.source(view.clone()));
    // The session looked for the roots before the mirror was begun; the mirror has to know that
    // listing too. Whatever it could not show is in the plan already.
    let _ = find_roots(source.as_ref(), &plan.bucket, prefix).await;
    let keys = Arc::new(RecordedKeys::new(Arc::clone(&session.keys), plan.now));
    let (mut regions, mut unproven) = (BTreeSet::new(), Vec::new());
    let summary = verify(plan, source, keys.clone(), &mut |event| {
        if let RunEvent::ChainStarted { chain } = event {
            regions.insert(chain.source_region.clone());
        }
        unproven.extend(wrong(event).filter(|at| !hidden.contains(at)).cloned());
        progress.note(event);
    })
    .await;
    let scope = &plan.scope;
    mirror.header_mut().runs.push(MirrorRun {
        from: plan.period.start.to_string(),
        to: plan.period.end.to_string(),
        trails: scope.trails.iter().map(ToString::to_string).collect(),
        accounts: scope.accounts.iter().map(ToString::to_string).collect(),
        regions: scope.regions.iter().map(ToString::to_string).collect(),
        below: None,
    });
    let spans = key_spans(mirror.header_mut(), &regions, plan.period, plan.now);
    for (region, from, to) in spans {
        // What the verification needed is there already; a failure is reported by its outcome.
        let _ = keys.keys(Some(&region), from, to).await;
    }
    let kept = keys.kept();
    if kept.values().any(|region| !region.keys.is_empty()) {
        mirror.write(KEYS_BESIDE, &bundle_text(&kept));
    }
    let finished = mirror.finish().await;
    if let Some((count, why)) = &finished.lost {
        return Err(Refusal::output_lost(format!(
            "{count} writes to `{}` failed, the first with: {}",
            escape(&to.to_string_lossy()),
            escape(why)
        )));
    }
    let written = Written {
        directory: to.to_string_lossy().into_owned(),
        objects: finished.objects.copied,
        verdict: summary.verdict,
    };
    Ok((written, unproven))
}

/// Returns the object of an event that was written and does not prove.
fn wrong(event: &RunEvent) -> Option<&ObjectLocation> {
    let (at, is_wrong) = match event {
        RunEvent::DigestJudged(judged) => (&judged.at, is_wrong(&judged.outcome)),
        RunEvent::LogJudged(judged) => (&judged.at, is_wrong(&judged.outcome)),
        _ => return None,
    };
    is_wrong.then_some(at)
}

fn is_wrong<P>(outcome: &Outcome<P>) -> bool {
    use ReadFailureKind as Kind;
    match outcome {
        Outcome::Valid(_) => false,
        Outcome::Invalid(finding) => !matches!(
            finding,
            Finding::DigestMissing | Finding::DigestDeliveredThenGone { .. } | Finding::LogMissing
        ),
        // What cannot be read is not written.
        Outcome::Unverified(why) => {
            matches!(why.kind, Kind::ChangedWhileReading | Kind::CopyDamaged)
        }
    }
}

fn recovered(found: &ObjectVersions) -> RecoveredObject {
    let versions = found.versions.iter().map(|version| RecoveredVersion {
        id: version.version_id.clone(),
        last_modified: version.last_modified,
        size: version.content.as_ref().map(|content| content.size),
        proves: found.proven.as_ref() == Some(&version.version_id),
    });
    let object = &found.object;
    RecoveredObject {
        at: object.at.clone(),
        class: found.class.code(),
        fault: match object.fault {
            Fault::Finding(code) => code.into(),
            Fault::Unread(kind) => kind.code(),
        },
        expected: object.expected,
        end: object.end,
        versions: versions.collect(),
        count: found.count,
        unlisted: found.unlisted.as_ref().map(ToString::to_string),
        untried: found.untried,
        recoverable: found.class.is_recoverable(),
        lost: found.class.is_lost() && matches!(object.fault, Fault::Finding(_)),
    }
}
