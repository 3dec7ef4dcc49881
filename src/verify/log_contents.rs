//! Reads the contents of proven log files, in order and in bounded memory, and searches them for
//! events. Each content is hashed when it is read, so that an event comes only from bytes that a
//! proven digest records.
use super::schedule::batch::share_out;
use super::schedule::ordered::{InOrder, Ordered, ordered};
use crate::source::ObjectSource;
use crate::source::fetch::{Searched, fetch_log_and_search, fetch_log_and_search_alone};
use std::sync::Arc;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::finding::{Finding, Outcome};
use trailproof_core::record::ProvenLog;
use trailproof_core::trail_event::{EventFilter, FoundEvents, TrailEvent};
use trailproof_core::vocab::budget::EVENTS_WAITING;

/// Log files that are read as one unit of work from a disk, and one by one from a store.
const TOGETHER: usize = 64;

/// Units of work that are outstanding at once: for a disk, and for a store, which limits the
/// requests itself.
const UNITS: (usize, usize) = (4, 256);

/// What the content of a log file gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    /// The matching events.
    Events(FoundEvents),
    /// The content is proven and does not have the form of a log file of events.
    NotEvents,
    /// The content is not what the digest records.
    Invalid(Finding),
    /// The content could not be read or is too large to be searched.
    Unread(ReadFailure),
    /// The events are read when it is the log file's turn.
    Later,
}

/// The side that names log files.
pub(crate) struct LogsToRead {
    source: Arc<dyn ObjectSource>,
    filter: Arc<EventFilter>,
    queue: Ordered<Vec<(ProvenLog, Contents)>>,
    batch: Vec<ProvenLog>,
}

/// The side that receives contents, in the order in which the log files were named.
pub(crate) struct LogContents {
    source: Arc<dyn ObjectSource>,
    filter: Arc<EventFilter>,
    results: InOrder<Vec<(ProvenLog, Contents)>>,
    batch: std::vec::IntoIter<(ProvenLog, Contents)>,
}

/// Returns both sides of a search. `local` is whether the log files are read from a disk.
pub(crate) fn log_contents(
    source: &Arc<dyn ObjectSource>,
    filter: EventFilter,
    local: bool,
) -> (LogsToRead, LogContents) {
    let (queue, results) = ordered(if local { UNITS.0 } else { UNITS.1 });
    let filter = Arc::new(filter);
    let to_read = LogsToRead {
        source: Arc::clone(source),
        filter: Arc::clone(&filter),
        queue,
        batch: Vec::new(),
    };
    let batch = Vec::new().into_iter();
    (to_read, LogContents { source: Arc::clone(source), filter, results, batch })
}

impl LogsToRead {
    /// Adds a log file. Waits while too many are outstanding. Returns whether anyone still listens.
    pub(crate) async fn add(&mut self, log: ProvenLog) -> bool {
        let local = self.source.is_local(&log.at);
        self.batch.push(log);
        let full = !local || self.batch.len() >= TOGETHER;
        !full || self.start().await
    }

    /// Starts to read what was added last.
    pub(crate) async fn finish(mut self) {
        if !self.batch.is_empty() {
            self.start().await;
        }
    }

    async fn start(&mut self) -> bool {
        let logs = std::mem::take(&mut self.batch);
        let (source, filter) = (Arc::clone(&self.source), Arc::clone(&self.filter));
        let read = move |log: ProvenLog| {
            let (source, filter) = (Arc::clone(&source), Arc::clone(&filter));
            async move {
                let contents = read(source.as_ref(), &filter, &log).await;
                (log, contents)
            }
        };
        self.queue.pending(|| tokio::spawn(share_out(logs, read))).await.is_ok()
    }
}

impl LogContents {
    /// Returns the next log file and its events; `None` after the last.
    pub(crate) async fn next(&mut self) -> Option<(ProvenLog, Contents)> {
        loop {
            if let Some((log, contents)) = self.batch.next() {
                let contents = match contents {
                    Contents::Later => read_alone(self.source.as_ref(), &self.filter, &log).await,
                    contents => contents,
                };
                return Some((log, contents));
            }
            self.batch = self.results.next().await?.into_iter();
        }
    }
}

async fn read(source: &dyn ObjectSource, filter: &EventFilter, log: &ProvenLog) -> Contents {
    let (outcome, _, searched) = fetch_log_and_search(source, &log.at, &log.hash).await;
    match contents(filter, outcome, searched) {
        // Too large to be kept beside others, but proven.
        None => Contents::Later,
        Some(Contents::Events(found)) if size(&found.events) > EVENTS_WAITING => Contents::Later,
        Some(contents) => contents,
    }
}

async fn read_alone(source: &dyn ObjectSource, filter: &EventFilter, log: &ProvenLog) -> Contents {
    let (outcome, _, searched) = fetch_log_and_search_alone(source, &log.at, &log.hash).await;
    contents(filter, outcome, searched).unwrap_or_else(|| {
        let words = "the content is proven, and too large to be searched";
        Contents::Unread(ReadFailure::new(ReadFailureKind::OverBudget, words))
    })
}

/// Returns the contents; `None` if they are proven but were too large to be kept.
fn contents<P>(
    filter: &EventFilter,
    outcome: Outcome<P>,
    searched: Option<Searched>,
) -> Option<Contents> {
    match (outcome, searched) {
        (Outcome::Valid(_), Some(log)) => {
            Some(filter.search(&log.content).map_or(Contents::NotEvents, Contents::Events))
        }
        (Outcome::Valid(_), None) => None,
        (Outcome::Invalid(finding), _) => Some(Contents::Invalid(finding)),
        (Outcome::Unverified(why), _) => Some(Contents::Unread(why)),
    }
}

fn size(events: &[TrailEvent]) -> usize {
    events.iter().map(|event| event.json.len()).sum()
}
