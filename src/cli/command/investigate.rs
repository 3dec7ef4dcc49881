//! `trailproof investigate`: who did what to the evidence, and how sure that is.
use super::recover::{VersionsSeen, look_at_versions};
use crate::aws::caller::is_of_aws;
use crate::aws::config::{AwsConfig, Service};
use crate::cli::args::console::GlobalArgs;
use crate::cli::args::investigate::{HistoryMode, InvestigateArgs};
use crate::cli::args::selection::Selection;
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::cli::terminal::progress::Progress;
use crate::cli::terminal::request_summary::print_request_summary;
use crate::console::exit::ExitStatus;
use crate::console::refusal::{Refusal, print_result};
use crate::files::atomic;
use crate::investigate::affected::Affected;
use crate::investigate::case::investigate;
use crate::investigate::facts::RecordFacts;
use crate::investigate::gathered::{Also, CaseInput, Regained};
use crate::investigate::history::{AskHistory, PACE};
use crate::investigate::search::Confirm;
use crate::investigate::tried::TryVersions;
use crate::investigate::versions::VersionClass;
use crate::investigate::{access_logs, folder, kms_ledger};
use crate::report::RunReporter as _;
use crate::report::case::text;
use crate::report::record::{Record, RecordSink};
use crate::session::environment::now;
use crate::session::location::Location;
use crate::session::of_record::{CheckedRecord, check_same_bucket, check_whole};
use crate::session::open::{CallerLookup, Session};
use crate::session::period::span_seconds;
use crate::session::request::VerifyRequest;
use crate::source::layer::count::Counts;
use crate::trust::cloudtrail::CloudTrail;
use crate::verify::run::verify;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use trailproof_core::record::ReadKind;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::{ObjectLocation, escape, excerpt};
use trailproof_core::vocab::time::{Period, Timestamp};

/// Runs the command and returns the exit status: that of the verdict on the evidence as it lies
/// there.
pub(crate) async fn run(global: &GlobalArgs, args: &InvestigateArgs) -> ExitStatus {
    match unless_interrupted(attempt(global, args)).await {
        Err(signal) => signal,
        Ok(Ok(status)) => status,
        Ok(Err(refusal)) => refusal.print(),
    }
}

async fn attempt(global: &GlobalArgs, args: &InvestigateArgs) -> Result<ExitStatus, Refusal> {
    folder::check_new(&args.case)?;
    let lookback = span_seconds(&args.lookback).ok_or_else(|| {
        Refusal::usage(format!(
            "cannot read `{}` for `--lookback` as a span, as in `24h`",
            excerpt(&args.lookback, SHOWN)
        ))
    })?;
    let given = Path::new(&args.evidence).is_file();
    if !given && args.location.is_some() {
        return Err(Refusal::usage(format!(
            "cannot read `{}` as a record: there is no such file",
            excerpt(&args.evidence, SHOWN)
        )));
    }
    let counts = Arc::new(Counts::default());
    let mut progress = Progress::start(&global.console, Arc::clone(&counts));
    let mut facts = RecordFacts::default();
    let mut unproven = Affected::default();
    let began = now();
    let checked = match given {
        true => Some(check_whole(Path::new(&args.evidence), |event| {
            facts.take(event);
            unproven.take(event);
        })?),
        false => None,
    };
    let request = request(args, checked.as_ref(), began)?;
    let places = request.place.iter().chain(request.moved.iter().map(|moved| &moved.to));
    let directories: Vec<PathBuf> = places
        .filter_map(|place| match place {
            Location::Directory(directory) => Some(directory.clone()),
            Location::Bucket(..) => None,
        })
        .collect();
    folder::check_outside(&args.case, &directories)?;
    let local = matches!(request.place, Some(Location::Directory(_)));
    let mut session =
        Session::open(&global.aws.access(), request, &counts, CallerLookup::Skipped, None).await?;
    session.plan.workload = progress.workload();
    let (record, checked, made) = match checked {
        Some(checked) => {
            check_same_bucket(&checked.start, &session.plan.bucket)?;
            (PathBuf::from(&args.evidence), checked, None)
        }
        None => {
            let made = record_of(&session, &progress, &args.case).await?;
            let checked = check_whole(made.path(), |event| {
                facts.take(event);
                unproven.take(event);
            })?;
            (made.path().to_owned(), checked, Some(made))
        }
    };
    let bucket = session.plan.bucket.clone();
    let mut versions_unread = None;
    let seen = match checked.start.place.read_from.as_slice() {
        // A location of the evidence elsewhere has no versions of what was delivered.
        [read] if read.kind == ReadKind::Bucket && !(given && args.location.is_some()) => {
            let options = (args.public_keys.as_slice(), args.concurrency, TryVersions::default());
            match look_at_versions(global, &checked.start, &unproven, options, &progress).await {
                // A case is made of everything else.
                Err(refusal) => match refusal.cause() {
                    Some(why) => {
                        versions_unread = Some(why.clone());
                        None
                    }
                    None => return Err(refusal),
                },
                Ok(seen) => seen,
            }
        }
        _ => None,
    };
    let found = || seen.iter().flat_map(|seen| &seen.found);
    let versions_unread = versions_unread.or_else(|| found().find_map(|it| it.unlisted.clone()));
    let traces: BTreeMap<_, _> = found().map(|it| (it.object.at.clone(), it.trace())).collect();
    let period = checked.start.period;
    let period = Period { start: period.start.plus(-lookback), ..period };
    let mut also = Vec::new();
    for location in &args.also {
        also.push(open_also(global, args, location, period, began).await?);
    }
    let history = match args.event_history {
        Some(mode) => Some(ask_history(global, mode, began).await?),
        None => None,
    };
    let kms_events = kms_ledger::read(&args.kms_events)?;
    let access = access_logs::read(&args.access_logs, &bucket)?;
    if let Some(seen) = &seen {
        let beyond = seen.found.iter().skip(unproven.objects.len());
        // How a replaced one differs is compared event by event.
        let deleted = beyond.filter(|it| it.class == VersionClass::DeletedRecoverable);
        deleted.for_each(|it| facts.also(&it.object));
    }
    progress.searching();
    let case = investigate(CaseInput {
        record: record.clone(),
        confirm: given.then(|| Confirm {
            keys: Arc::clone(&session.keys),
            begin: checked.start.period.start,
            now: began,
        }),
        record_sha256: checked.sha256,
        start: checked.start,
        facts,
        source: Arc::clone(&session.source),
        local,
        bucket,
        access,
        also,
        kms_events,
        history,
        regained: seen.as_ref().map(|seen| Regained {
            source: seen.view.clone(),
            logs: seen.second.regained.clone(),
            replaced: replaced(seen),
            capped: seen.second.regained_capped,
            lost: seen.second.lost.clone(),
        }),
        with_versions: seen.as_ref().map(|seen| seen.second.verdict(&unproven)),
        // Where no version could be listed, nothing was seen.
        versions: Some(traces).filter(|_| found().any(|it| it.unlisted.is_none())),
        versions_unread,
        versions_untried: found().any(|it| it.untried.is_some()),
        lookback,
        pivot: args.pivot,
    })
    .await?;
    folder::write(&case, made.as_ref().map(|_| record.as_path()), &args.case)?;
    progress.stop();
    session.remarks();
    session.warn_clock_skew();
    if let Some(billed) = &session.billed {
        print_request_summary(global.console.quiet, billed);
    }
    let page = args.case.join("report.html");
    let mut words = text(&case);
    words += &format!("case folder: {}\n", escape(&args.case.to_string_lossy()));
    words += &format!("page: {}\n", escape(&page.to_string_lossy()));
    print_result(words.as_bytes(), case.verdict.into())
}

/// Opens the evidence of another trail.
async fn open_also(
    global: &GlobalArgs,
    args: &InvestigateArgs,
    location: &str,
    period: Period,
    began: Timestamp,
) -> Result<Also, Refusal> {
    let selection = Selection {
        start_time: Some(period.start.to_string()),
        end_time: Some(period.end.min(began).to_string()),
        ..Selection::default()
    };
    let mut request = VerifyRequest::read(Some(location), &selection, began)?;
    request.trust_keys(&args.public_keys)?;
    request.unlisted = false;
    request.concurrency = args.concurrency;
    if let Some(Location::Directory(directory)) = &request.place {
        folder::check_outside(&args.case, std::slice::from_ref(directory))?;
    }
    let local = matches!(request.place, Some(Location::Directory(_)));
    let counts = Arc::default();
    let session =
        Session::open(&global.aws.access(), request, &counts, CallerLookup::Skipped, None).await?;
    Ok(Also {
        location: location.to_owned(),
        source: Arc::clone(&session.source),
        local,
        plan: session.plan.clone(),
        keys: Arc::clone(&session.keys),
    })
}

/// Prepares to ask Event history.
async fn ask_history(
    global: &GlobalArgs,
    mode: HistoryMode,
    now: Timestamp,
) -> Result<AskHistory, Refusal> {
    let config = AwsConfig::load(global.aws.access());
    let config = config.await.map_err(|error| Refusal::not_started(error.to_string()))?;
    let endpoint = config.endpoint(Service::CloudTrail);
    // A server of one's own has limits of its own.
    let of_aws = endpoint.is_none_or(|endpoint| is_of_aws(&endpoint));
    Ok(AskHistory {
        service: Arc::new(CloudTrail::new(&config)),
        every: mode == HistoryMode::All,
        pace: if of_aws { PACE } else { Duration::ZERO },
        now,
    })
}

/// Returns the objects that were replaced, and of which a version proves.
fn replaced(seen: &VersionsSeen) -> BTreeSet<ObjectLocation> {
    let replaced = seen.found.iter().filter(|it| it.class == VersionClass::ReplacedRecoverable);
    replaced.map(|it| it.object.at.clone()).collect()
}

fn request(
    args: &InvestigateArgs,
    checked: Option<&CheckedRecord>,
    began: Timestamp,
) -> Result<VerifyRequest, Refusal> {
    let mut request = match checked {
        Some(checked) => VerifyRequest::of_record(&checked.start, args.location.as_deref(), began)?,
        None => VerifyRequest::read(Some(&args.evidence), &args.selection, began)?,
    };
    if checked.is_none() || !args.relocate.is_empty() || args.bucket.is_some() || args.complete_copy
    {
        let complete = request.complete_copy || args.complete_copy;
        request.copy(&args.relocate, args.bucket.as_deref(), complete)?;
    }
    request.trust_keys(&args.public_keys)?;
    request.concurrency = args.concurrency;
    Ok(request)
}

/// Verifies the evidence, and returns the file with the record of that run, beside the case.
async fn record_of(
    session: &Session,
    progress: &Progress,
    case: &Path,
) -> Result<tempfile::NamedTempFile, Refusal> {
    let failed = |error: &io::Error| {
        let shown = escape(&case.to_string_lossy()).into_owned();
        Refusal::output_lost(format!("cannot write the record of the case `{shown}`: {error}"))
    };
    let above = atomic::folder(case);
    std::fs::create_dir_all(above).map_err(|error| failed(&error))?;
    let made = tempfile::Builder::new().prefix(".trailproof-record-").tempfile_in(above);
    let made = made.map_err(|error| failed(&error))?;
    let out: File = made.as_file().try_clone().map_err(|error| failed(&error))?;
    let sink = RecordSink::zstd(BufWriter::new(out)).map_err(|error| failed(&error))?;
    let mut record = Record::new(sink, None);
    let mut lost = None;
    let (source, keys) = (Arc::clone(&session.source), Arc::clone(&session.keys));
    verify(&session.plan, source, keys, &mut |event| {
        progress.note(event);
        if lost.is_none() {
            lost = record.event(event).err();
        }
    })
    .await;
    match lost.map_or_else(|| record.finish(), Err) {
        Ok(()) => Ok(made),
        Err(error) => Err(failed(&error)),
    }
}
