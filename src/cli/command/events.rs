//! `trailproof events`: searches verified log files for events.
use crate::cli::args::console::GlobalArgs;
use crate::cli::args::events::{EventsArgs, EventsFormat, FilterArgs};
use crate::cli::args::selection::Selection;
use crate::cli::terminal::interrupt::unless_interrupted;
use crate::cli::terminal::progress::Progress;
use crate::cli::terminal::request_summary::print_request_summary;
use crate::console::exit::ExitStatus;
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::investigate::history::management_deeds;
use crate::investigate::search::{
    Confirm, DELIVERED_WITHIN, EventSearch, OfRecord, ProvenLogsFrom, search,
};
use crate::report::events::{EventFormat, EventWriter, EventsSearched, summary};
use crate::session::environment::now;
use crate::session::location::Location;
use crate::session::of_record::{check_same_bucket, check_whole};
use crate::session::open::{CallerLookup, Session};
use crate::session::period::time;
use crate::session::request::VerifyRequest;
use crate::source::layer::count::Counts;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trailproof_core::codes::check::{Check, SkippedCheck};
use trailproof_core::record::RunEvent;
use trailproof_core::trail_event::EventFilter;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::{ObjectLocation, excerpt, shell_word};
use trailproof_core::vocab::time::Timestamp;

/// Runs the command and returns the exit status.
pub(crate) async fn run(global: &GlobalArgs, args: &EventsArgs) -> ExitStatus {
    let mut last = None;
    match unless_interrupted(attempt(global, args, &mut last)).await {
        Err(signal) => {
            if let Some(last) = last {
                print_to_stderr(&format!(
                    "hint: continue with `--after {}`",
                    shell_word(&last.uri())
                ));
            }
            signal
        }
        Ok(Ok(status)) => status,
        Ok(Err(refusal)) => refusal.print(),
    }
}

async fn attempt(
    global: &GlobalArgs,
    args: &EventsArgs,
    last: &mut Option<ObjectLocation>,
) -> Result<ExitStatus, Refusal> {
    let writer = EventWriter::new(form(args.format), BufWriter::new(io::stdout()));
    let lost = |error: &io::Error| Refusal::stdout_lost(error);
    let searched = write_events(global, args, last, writer, &lost).await?;
    Ok(status(&searched))
}

/// Searches, and writes what is found. A failure of the writer is what `lost` makes of it.
pub(super) async fn write_events<W: Write + Send>(
    global: &GlobalArgs,
    args: &EventsArgs,
    last: &mut Option<ObjectLocation>,
    mut writer: EventWriter<W>,
    lost: &(dyn Fn(&io::Error) -> Refusal + Sync),
) -> Result<EventsSearched, Refusal> {
    let mut filter = read_filter(&args.filter)?;
    if args.review {
        filter.names = management_deeds().map(str::to_owned).collect();
    }
    let filter = filter;
    let after = args.after.as_deref().map(log_file).transpose()?;
    let record = record_at(args)?;
    let counts = Arc::new(Counts::default());
    let mut progress = Progress::start(&global.console, Arc::clone(&counts));
    let mut unlisted = None;
    let (request, checked) = match &record {
        Some(path) => {
            let (mut count, mut skipped) = (0, false);
            let checked = check_whole(path, |event| match event {
                RunEvent::LogUnlisted { .. } => count += 1,
                RunEvent::CheckNotPerformed(SkippedCheck {
                    check: Check::UnlistedLogs, ..
                }) => {
                    skipped = true;
                }
                _ => {}
            })?;
            unlisted = (!skipped).then_some(count);
            let of = VerifyRequest::of_record(&checked.start, args.location.as_deref(), now())?;
            (of, Some(checked))
        }
        None => (read_request(args, &filter)?, None),
    };
    let mut request = request;
    if !args.relocate.is_empty() || args.bucket.is_some() {
        let complete = request.complete_copy;
        request.copy(&args.relocate, args.bucket.as_deref(), complete)?;
    }
    request.trust_keys(&args.public_keys)?;
    request.unlisted = false;
    request.concurrency = args.concurrency;
    let local = matches!(request.place, Some(Location::Directory(_)));
    let session =
        Session::open(&global.aws.access(), request, &counts, CallerLookup::Skipped, None)
            .await
            .map_err(Refusal::with_missing_bucket_not_started)?;
    let record_sha256 = checked.as_ref().map(|checked| checked.sha256.clone());
    let from = match (record, checked) {
        (Some(path), Some(checked)) => {
            check_same_bucket(&checked.start, &session.plan.bucket)?;
            let begin = checked.start.period.start;
            let confirm = Confirm { keys: session.keys.clone(), begin, now: now() };
            let sha256 = checked.sha256;
            ProvenLogsFrom::Record(OfRecord { path, sha256, confirm: Some(confirm) })
        }
        _ => ProvenLogsFrom::Digests(Box::new(session.plan.clone()), session.keys.clone()),
    };
    let to_search =
        EventSearch { source: session.source.clone(), local, from, filter, after, delivered: None };
    progress.searching();
    let mut searched = search(to_search, &mut |hit| {
        if last.as_ref() != Some(&hit.log.at) {
            *last = Some(hit.log.at.clone());
        }
        writer.hit(hit).map_err(|error| lost(&error))
    })
    .await?;
    progress.stop();
    searched.logs_unlisted = unlisted;
    if searched.cursor_unknown {
        return Err(Refusal::usage(format!(
            "`--after` names a log file that is not among those searched: `{}`",
            excerpt(args.after.as_deref().unwrap_or_default(), SHOWN)
        )));
    }
    searched.record_sha256 = record_sha256;
    writer.finish(&searched).map_err(|error| lost(&error))?;
    session.remarks();
    session.warn_clock_skew();
    if matches!(args.format, EventsFormat::Jsonl | EventsFormat::Csv) {
        summary(&searched).iter().for_each(|line| print_to_stderr(line));
    }
    if let Some(billed) = &session.billed {
        print_request_summary(global.console.quiet, billed);
    }
    Ok(searched)
}

/// Returns the exit status: what a digest contradicts outranks what was not searched.
fn status(searched: &EventsSearched) -> ExitStatus {
    if searched.logs_changed > 0 {
        ExitStatus::Contradicted
    } else if !searched.is_complete() {
        ExitStatus::NotProven
    } else if searched.events == 0 {
        ExitStatus::NothingFound
    } else {
        ExitStatus::Success
    }
}

fn form(format: EventsFormat) -> EventFormat {
    match format {
        EventsFormat::Text => EventFormat::Text,
        EventsFormat::Json => EventFormat::Json,
        EventsFormat::Jsonl => EventFormat::JsonLines,
        EventsFormat::Csv => EventFormat::Csv,
    }
}

/// Returns the record that was named, if a record was named.
fn record_at(args: &EventsArgs) -> Result<Option<PathBuf>, Refusal> {
    if Path::new(&args.evidence).is_file() {
        let typed = &args.selection;
        let narrowed = !typed.trail.is_empty()
            || !typed.account.is_empty()
            || !typed.regions.is_empty()
            || typed.start_time.is_some()
            || typed.end_time.is_some()
            || typed.last.is_some()
            || typed.quarter.is_some();
        if narrowed {
            return Err(Refusal::usage(
                "a record has its own period and scope\n\nhint: search a part of it with `--from` \
                 and `--to`",
            ));
        }
        return Ok(Some(args.evidence.clone().into()));
    }
    match &args.location {
        None => Ok(None),
        Some(_) => Err(Refusal::usage(format!(
            "cannot read `{}` as a record: there is no such file",
            excerpt(&args.evidence, SHOWN)
        ))),
    }
}

/// Reads the request of a search without a record. Without a period, the times of the events give
/// it.
fn read_request(args: &EventsArgs, filter: &EventFilter) -> Result<VerifyRequest, Refusal> {
    let typed = &args.selection;
    let is_timed = typed.start_time.is_some() || typed.last.is_some() || typed.quarter.is_some();
    let mut selection: Selection = typed.clone();
    let began = now();
    if let (false, Some(from)) = (is_timed, filter.from) {
        selection.start_time = Some(from.to_string());
        let to = filter.to.map(|to| to.plus(DELIVERED_WITHIN)).filter(|to| *to < began);
        selection.end_time = typed.end_time.clone().or(to.map(|to| to.to_string()));
    }
    VerifyRequest::read(Some(&args.evidence), &selection, began)
}

/// Reads what to search for.
pub(crate) fn read_filter(args: &FilterArgs) -> Result<EventFilter, Refusal> {
    let at =
        |typed: &Option<String>| typed.as_deref().map(time).transpose().map_err(Refusal::usage);
    let (from, to): (Option<Timestamp>, Option<Timestamp>) = (at(&args.from)?, at(&args.to)?);
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(Refusal::usage(format!(
            "nothing can be found: `--from {from}` is not before `--to {to}`"
        )));
    }
    Ok(EventFilter {
        names: args.name.clone(),
        principals: args.principal.clone(),
        addresses: args.source_ip.clone(),
        access_keys: args.access_key.clone(),
        resources: args.resource.clone(),
        starved: false,
        kms_uses: false,
        rates: false,
        most: None,
        from,
        to,
    })
}

fn log_file(typed: &str) -> Result<ObjectLocation, Refusal> {
    let place = typed.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
    place.map(|(bucket, key)| ObjectLocation::new(bucket, key)).ok_or_else(|| {
        Refusal::usage(format!(
            "cannot read `{}` for `--after` as a log file: use `s3://BUCKET/KEY`",
            excerpt(typed, SHOWN)
        ))
    })
}
