//! Searches verified log files for events, in memory that does not grow with their number.
//!
//! Which log files are proven comes from a record, or from a run over the digests alone. Either way
//! each log file is read once, and hashed when it is read.
use super::confirm::{Confirmations, Confirmed, ToConfirm, confirming};
use crate::console::refusal::Refusal;
use crate::files::record_file::open_record;
use crate::report::events::{EventHit, EventsSearched};
use crate::source::ObjectSource;
use crate::trust::KeyService;
use crate::verify::log_contents::{Contents, LogContents, LogsToRead, log_contents};
use crate::verify::plan::VerifyPlan;
use crate::verify::run::look_up;
use crate::verify::targets::LookupTargets;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;
use trailproof_core::codes::finding::Outcome;
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::record::document::RecordLine;
use trailproof_core::record::{ProvenLog, ProvenLogFinder, RunEvent};
use trailproof_core::trail_event::EventFilter;
use trailproof_core::vocab::location::{ObjectLocation, escape};
use trailproof_core::vocab::log_key::log_key_time;
use trailproof_core::vocab::time::{HOUR, Period, Timestamp};

/// Seconds after an event within which the log file that holds it is looked for. CloudTrail
/// delivers most events within a quarter of an hour; in tests and real logs one in forty is more
/// than an hour old.
pub(crate) const DELIVERED_WITHIN: i64 = 6 * HOUR;

/// Seconds by which the time in the name of a log file may precede its newest event.
const NAMED_EARLY: i64 = HOUR / 4;

/// Log files that wait to be read.
const WAITING: usize = 1_024;

/// Where the names of proven log files come from.
pub(crate) enum ProvenLogsFrom {
    /// A record that was checked.
    Record(OfRecord),
    /// A run over the digests.
    Digests(Box<VerifyPlan>, Arc<dyn KeyService>),
    /// A run of this process, which read them.
    Run(Vec<ProvenLog>),
}

/// A record that was checked.
pub(crate) struct OfRecord {
    pub(crate) path: PathBuf,
    /// SHA-256 of its lines, in hex.
    pub(crate) sha256: String,
    /// What is needed to verify again what it names; `None` if this process made it.
    pub(crate) confirm: Option<Confirm>,
}

/// What is needed to verify again what a record names.
#[derive(Clone)]
pub(crate) struct Confirm {
    pub(crate) keys: Arc<dyn KeyService>,
    /// Start of the record's period.
    pub(crate) begin: Timestamp,
    pub(crate) now: Timestamp,
}

/// What to search.
pub(crate) struct EventSearch {
    pub(crate) source: Arc<dyn ObjectSource>,
    /// Whether log files are read from a disk.
    pub(crate) local: bool,
    pub(crate) from: ProvenLogsFrom,
    pub(crate) filter: EventFilter,
    /// The log file after which the search begins: everything up to it was reported before.
    pub(crate) after: Option<ObjectLocation>,
    /// Times in which log files were delivered, if only those of some times are read.
    pub(crate) delivered: Option<Vec<(Timestamp, Timestamp)>>,
}

/// A message of the side that names log files.
enum Named {
    /// With the digest after its own, if it comes from a record.
    Log(ProvenLog, Option<Arc<ObjectLocation>>),
    Event(Box<RunEvent>),
}

/// Searches, and passes every hit to `emit`: chain by chain, the newest digest first, the events of
/// a log file in its own order.
pub(crate) async fn search(
    search: EventSearch,
    emit: &mut (dyn FnMut(EventHit<'_>) -> Result<(), Refusal> + Send),
) -> Result<EventsSearched, Refusal> {
    let EventSearch { source, local, from, filter, after, delivered } = search;
    let window = Window { from: filter.from, to: filter.to, delivered };
    let (to, named) = mpsc::channel(WAITING);
    let mut confirm = None;
    let naming: tokio::task::JoinHandle<Result<(), Refusal>> = match from {
        ProvenLogsFrom::Record(OfRecord { path, sha256, confirm: with }) => {
            confirm = with.map(|with| confirming(&source, with.keys, with.begin, with.now));
            #[expect(clippy::disallowed_methods, reason = "one task reads the record of a run")]
            tokio::task::spawn_blocking(move || name_in_record(&path, &sha256, &to))
        }
        ProvenLogsFrom::Digests(plan, keys) => {
            let source = Arc::clone(&source);
            tokio::spawn(async move {
                name_in_digests(&plan, source, keys, to).await;
                Ok(())
            })
        }
        ProvenLogsFrom::Run(logs) => tokio::spawn(async move {
            for log in logs {
                if to.send(Named::Log(log, None)).await.is_err() {
                    break;
                }
            }
            Ok(())
        }),
    };
    let (to_read, contents) = log_contents(&source, filter, local);
    let (to_confirm, confirmations) = confirm.unzip();
    let mut searched =
        EventsSearched { record_trusted: confirmations.is_some(), ..EventsSearched::default() };
    let gather = gather(named, window, after, (to_read, to_confirm));
    let report = report(contents, confirmations, &mut searched, emit);
    let (gathered, reported) = tokio::join!(gather, report);
    reported?;
    match naming.await {
        Ok(named) => named?,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => return Err(Refusal::not_started("the search was interrupted")),
        },
    }
    searched.add(&gathered);
    Ok(searched)
}

/// The time of the events that are searched for.
struct Window {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    delivered: Option<Vec<(Timestamp, Timestamp)>>,
}

impl Window {
    /// Returns whether a log file may hold an event of the window. The time in its name is that of
    /// its delivery; a name without a time may hold anything.
    fn may_hold(&self, log: &ProvenLog) -> bool {
        let chain = &log.digest.chain;
        let Some(named) = log_key_time(&log.at.key, &chain.account, &chain.source_region) else {
            return true;
        };
        self.from.is_none_or(|from| named.plus(NAMED_EARLY) >= from)
            && self.to.is_none_or(|to| named < to.plus(DELIVERED_WITHIN))
            && self
                .delivered
                .as_ref()
                .is_none_or(|spans| spans.iter().any(|(from, to)| named >= *from && named < *to))
    }

    /// Returns the seconds outside of a period in which events of the window may have been
    /// delivered. Without an end, the window ends with the period.
    fn seconds_outside(&self, period: Period) -> i64 {
        let before = self.from.map_or(0, |from| (period.start.unix() - from.unix()).max(0));
        let to = self.to.map(|to| to.plus(DELIVERED_WITHIN));
        before + to.map_or(0, |to| (to.unix() - period.end.unix()).max(0))
    }

    /// Returns the seconds of a segment in which events of the window may have been delivered.
    fn seconds_of(&self, segment: &Segment) -> i64 {
        let from = self.from.map_or(segment.from, |from| from.max(segment.from));
        let to = self.to.map(|to| to.plus(DELIVERED_WITHIN));
        let to = to.map_or(segment.to, |to| to.min(segment.to));
        (to.unix() - from.unix()).max(0)
    }
}

/// Passes on the log files to read, and counts what cannot be searched.
async fn gather(
    mut named: mpsc::Receiver<Named>,
    window: Window,
    mut after: Option<ObjectLocation>,
    (mut to_read, mut to_confirm): (LogsToRead, Option<ToConfirm>),
) -> EventsSearched {
    let mut searched = EventsSearched::default();
    while let Some(message) = named.recv().await {
        match message {
            Named::Log(log, newer) => {
                if let Some(at) = &after {
                    if *at == log.at {
                        after = None;
                    }
                    continue;
                }
                if !window.may_hold(&log) {
                    continue;
                }
                if let Some(to_confirm) = &mut to_confirm {
                    to_confirm.add(&log, newer);
                }
                if !to_read.add(log).await {
                    break;
                }
            }
            Named::Event(event) => count(&event, &window, &mut searched),
        }
    }
    searched.cursor_unknown = after.is_some();
    to_read.finish().await;
    searched
}

fn count(event: &RunEvent, window: &Window, searched: &mut EventsSearched) {
    match event {
        RunEvent::RunStarted(start) => {
            searched.outside_seconds += window.seconds_outside(start.period);
        }
        RunEvent::LogJudged(judged) if !matches!(judged.outcome, Outcome::Valid(_)) => {
            searched.logs_not_proven += 1;
        }
        RunEvent::DigestJudged(judged)
            if judged.counts && !matches!(judged.outcome, Outcome::Valid(_)) =>
        {
            searched.digests_not_proven += 1;
        }
        RunEvent::ChainFinished(summary) => {
            searched.chains += 1;
            for segment in &summary.segments {
                let seconds = window.seconds_of(segment);
                match segment.coverage {
                    Coverage::Pending => searched.pending_seconds += seconds,
                    Coverage::Verified => searched.proven_seconds += seconds,
                    _ => searched.unproven_seconds += seconds,
                }
            }
        }
        RunEvent::PlaceInDoubt(_) | RunEvent::LogsWithoutDigests { .. } => {
            searched.places_in_doubt += 1;
        }
        RunEvent::ListingUnread { .. } => searched.listings_unread += 1,
        _ => {}
    }
}

/// Returns whether an event says what cannot be searched.
fn matters(event: &RunEvent) -> bool {
    match event {
        RunEvent::LogJudged(judged) => !matches!(judged.outcome, Outcome::Valid(_)),
        RunEvent::DigestJudged(judged) => !matches!(judged.outcome, Outcome::Valid(_)),
        RunEvent::RunStarted(_)
        | RunEvent::ChainFinished(_)
        | RunEvent::PlaceInDoubt(_)
        | RunEvent::LogsWithoutDigests { .. }
        | RunEvent::ListingUnread { .. } => true,
        _ => false,
    }
}

fn name_in_record(
    path: &std::path::Path,
    sha256: &str,
    to: &mpsc::Sender<Named>,
) -> Result<(), Refusal> {
    let unusable = |why: &dyn std::fmt::Display| {
        let shown = escape(&path.to_string_lossy()).into_owned();
        Refusal::not_started(format!("cannot use the record `{shown}`: {why}"))
    };
    let mut record = open_record(path).map_err(|why| unusable(&why))?;
    let mut finder = ProvenLogFinder::default();
    let (mut newer, mut last) = (None, None);
    while let Some(line) = record.next_line().map_err(|why| unusable(&why))? {
        let RecordLine::Event(event) = line else { continue };
        match &event {
            RunEvent::ChainStarted { .. } => (newer, last) = (None, None),
            RunEvent::DigestJudged(judged) => {
                newer = last.replace(Arc::new(judged.at.clone()));
            }
            _ => {}
        }
        let message = match finder.take(&event) {
            Some(log) => Named::Log(log, newer.clone()),
            None if matters(&event) => Named::Event(Box::new(event)),
            None => continue,
        };
        if to.blocking_send(message).is_err() {
            return Ok(());
        }
    }
    match record.sha256() == Some(sha256) {
        true => Ok(()),
        false => Err(unusable(&"it changed while it was read")),
    }
}

async fn name_in_digests(
    plan: &VerifyPlan,
    source: Arc<dyn ObjectSource>,
    keys: Arc<dyn KeyService>,
    to: mpsc::Sender<Named>,
) {
    let targets = Arc::new(LookupTargets { all_unread: true, ..LookupTargets::default() });
    let mut finder = ProvenLogFinder::default();
    look_up(plan, targets, source, keys, &mut |event| {
        let message = match finder.take(event) {
            Some(log) => Named::Log(log, None),
            None if matters(event) => Named::Event(Box::new(event.clone())),
            None => return,
        };
        let full = match to.try_send(message) {
            Err(mpsc::error::TrySendError::Full(message)) => message,
            // If nobody listens, the search has ended.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => return,
        };
        let _ = tokio::task::block_in_place(|| to.blocking_send(full));
    })
    .await;
}

/// Passes on what was found.
async fn report(
    mut contents: LogContents,
    mut confirmations: Option<Confirmations>,
    searched: &mut EventsSearched,
    emit: &mut (dyn FnMut(EventHit<'_>) -> Result<(), Refusal> + Send),
) -> Result<(), Refusal> {
    while let Some((log, contents)) = contents.next().await {
        let confirmed = match &mut confirmations {
            Some(confirmations) => confirmations.of(&log).await,
            None => Confirmed::Yes,
        };
        match confirmed {
            Confirmed::Yes => {}
            Confirmed::Contradicted(finding) => {
                searched.changed(&log.at, &finding);
                continue;
            }
            Confirmed::No(why) => {
                searched.not_confirmed(&log.at, why);
                continue;
            }
        }
        match contents {
            Contents::Events(found) => {
                searched.log_files += 1;
                searched.with_events += u64::from(!found.events.is_empty());
                searched.unparsed(&log.at, found.unparsed);
                searched.rate(&log.digest, found.rate);
                for event in &found.events {
                    searched.events += 1;
                    emit(EventHit { log: &log, event })?;
                }
            }
            Contents::NotEvents => searched.without_form(&log.at),
            Contents::Invalid(finding) => searched.changed(&log.at, &finding),
            Contents::Unread(why) => searched.unread(&log.at, &why),
            // Read in its turn.
            Contents::Later => {}
        }
    }
    Ok(())
}
