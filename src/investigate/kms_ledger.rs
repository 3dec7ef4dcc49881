//! What KMS was asked for, as a second witness: the log files that were written to time without digests, who
//! else wrote affected objects, and who read the evidence.
//!
//! It tells of an object that was written even where the object and the digest that names it are gone. What
//! it says of the store, nobody signed: the events are proven only as far as their own log files are.
use super::facts::{RecordFacts, named_time};
use crate::console::refusal::Refusal;
use crate::report::case::model::{KmsReader, KmsWrite};
use crate::source::many::in_order;
use crate::source::{BoxFuture, ObjectSource, ReadError, ReadFrom};
use serde_json::{Value, json};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use trailproof_core::record::ProvenLog;
use trailproof_core::trail_event::{EventFilter, TrailEvent, kms_use};
use trailproof_core::vocab::budget::{CASE_OBJECTS, LOG_SEARCHED, SHOWN};
use trailproof_core::vocab::ids::{AccountId, Region};
use trailproof_core::vocab::location::{ObjectLocation, excerpt};
use trailproof_core::vocab::time::{HOUR, Timestamp};

/// Objects of which it is asked whether they are there now.
const ASKED: usize = 10_000;

/// What CloudTrail's calls name as their caller.
const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";

/// Callers that read, and are kept.
const READERS: usize = 1_000;

/// Seconds after the end of a stretch without digests in which its last log files may have been named.
const LATER: i64 = HOUR / 4;

/// The calls that were found.
#[derive(Debug, Default)]
pub(super) struct KmsLedger {
    bucket: String,
    /// Time without digests, by account and region.
    uncovered: BTreeMap<(AccountId, Region), Vec<(Timestamp, Timestamp)>>,
    /// Objects that are affected, or that no digest names.
    affected: BTreeSet<String>,
    writes: BTreeMap<String, KmsWrite>,
    readers: BTreeMap<String, KmsReader>,
    /// Whether there are more than are kept.
    pub(super) capped: bool,
}

impl KmsLedger {
    pub(super) fn of(facts: &RecordFacts, bucket: &str) -> Self {
        let mut ledger = Self { bucket: bucket.to_owned(), ..Self::default() };
        let affected = facts.affected.iter().map(|it| &it.at);
        let affected = affected.chain(facts.unlisted.iter().map(|it| &it.at));
        let affected = affected.filter(|at| at.bucket == bucket).take(CASE_OBJECTS);
        ledger.affected = affected.map(|at| at.key.clone()).collect();
        for chain in &facts.chains {
            let id = &chain.summary.chain;
            let spans = chain.uncovered().map(|span| (span.from, span.to.plus(LATER)));
            let place = (id.account.clone(), id.source_region.clone());
            ledger.uncovered.entry(place).or_default().extend(spans);
        }
        ledger
    }

    /// Takes an event. Returns whether it is a call of KMS for an object of the evidence.
    pub(super) fn take(&mut self, event: &TrailEvent, log: Option<&ProvenLog>) -> bool {
        let Some(used) = kms_use(event, &self.bucket) else { return false };
        let Some(time) = event.time else { return true };
        if !used.writes {
            self.read(event, time);
            return true;
        }
        let is_open = named_time(&used.object).is_some_and(|(account, region, named)| {
            let spans = self.uncovered.get(&(account, region));
            spans.into_iter().flatten().any(|(from, to)| named >= *from && named < *to)
        });
        // Where the bucket has a key and the trail has none, the context of CloudTrail's calls names no trail.
        let by_cloudtrail = used.by_cloudtrail || event.principal == CLOUDTRAIL;
        // Digests name everything else that CloudTrail wrote, and they are proven.
        if !is_open && (by_cloudtrail || !self.affected.contains(&used.object)) {
            return true;
        }
        let write = KmsWrite {
            at: ObjectLocation::new(self.bucket.as_str(), used.object.as_str()),
            time,
            who: event.principal.clone(),
            from_where: event.address.clone(),
            by_cloudtrail,
            is_there: None,
            log: log.cloned(),
        };
        let full = self.writes.len() >= CASE_OBJECTS;
        match self.writes.entry(used.object) {
            Entry::Occupied(mut known) => {
                // Somebody else's call says who wrote the object, and their last one who wrote what is there.
                // Otherwise the first call is that of the delivery. One in a proven log file has precedence.
                let rank = |write: &KmsWrite| {
                    let time = write.time.unix();
                    let order = if write.by_cloudtrail { time } else { -time };
                    (write.by_cloudtrail, write.log.is_none(), order)
                };
                if rank(&write) < rank(known.get()) {
                    known.insert(write);
                }
            }
            Entry::Vacant(_) if full => self.capped = true,
            Entry::Vacant(place) => {
                place.insert(write);
            }
        }
        true
    }

    fn read(&mut self, event: &TrailEvent, time: Timestamp) {
        if let Some(reader) = self.readers.get_mut(&event.principal) {
            reader.calls += 1;
            if time < reader.first {
                reader.first = time;
                reader.from_where.clone_from(&event.address);
            }
            reader.last = reader.last.max(time);
        } else if self.readers.len() < READERS {
            let reader = KmsReader {
                who: event.principal.clone(),
                calls: 1,
                first: time,
                last: time,
                from_where: event.address.clone(),
            };
            self.readers.insert(event.principal.clone(), reader);
        } else {
            self.capped = true;
        }
    }

    /// Returns the log files that were written, with whether they are there now, and who read the evidence.
    pub(super) async fn finish(self, source: &dyn ObjectSource) -> (Vec<KmsWrite>, Vec<KmsReader>) {
        let mut writes: Vec<KmsWrite> = self.writes.into_values().collect();
        let there = in_order(writes.iter().take(ASKED).map(|write| -> BoxFuture<'_, _> {
            Box::pin(async move { is_there(source, &write.at).await })
        }))
        .await;
        for (write, there) in writes.iter_mut().zip(there) {
            write.is_there = there;
        }
        (writes, self.readers.into_values().collect())
    }
}

/// Returns whether an object is there now; `None` if that is not known.
async fn is_there(source: &dyn ObjectSource, at: &ObjectLocation) -> Option<bool> {
    match source.open(at, &ReadFrom::default()).await {
        Ok(_) => Some(true),
        Err(ReadError::Missing) => Some(false),
        Err(ReadError::Failure(_)) => None,
    }
}

/// Reads events of KMS from files that nobody signed: one event of CloudTrail a line, or one of Event history.
///
/// # Errors
///
/// A file cannot be read, or has no event.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<TrailEvent>, Refusal> {
    let filter =
        EventFilter { kms_uses: true, names: vec![String::new()], ..EventFilter::default() };
    let mut events = Vec::new();
    for path in paths {
        let unreadable = |why: &dyn std::fmt::Display| {
            let shown = excerpt(&path.to_string_lossy(), SHOWN);
            Refusal::usage(format!("cannot read the events of KMS in `{shown}`: {why}"))
        };
        let read = of_file(path, &filter, &mut events).map_err(|error| unreadable(&error))?;
        if read == 0 {
            return Err(unreadable(&"no line is an event in JSON"));
        }
    }
    Ok(events)
}

/// Adds the events of a file, and returns the number of its lines that are events.
fn of_file(
    path: &Path,
    filter: &EventFilter,
    events: &mut Vec<TrailEvent>,
) -> std::io::Result<usize> {
    let mut from = BufReader::new(File::open(path)?);
    let (mut lines, mut line) = (0, Vec::new());
    loop {
        line.clear();
        if from.by_ref().take(LOG_SEARCHED).read_until(b'\n', &mut line)? == 0 {
            return Ok(lines);
        }
        let Ok(value) = serde_json::from_slice::<Value>(&line) else { continue };
        let text = value.get("CloudTrailEvent").and_then(Value::as_str);
        let event = match text {
            Some(text) => serde_json::from_str(text).unwrap_or(Value::Null),
            None => value,
        };
        if !event.get("eventName").is_some_and(Value::is_string) {
            continue;
        }
        lines += 1;
        let found = filter.search(json!({"Records": [event]}).to_string().as_bytes());
        let room = CASE_OBJECTS.saturating_sub(events.len());
        events.extend(found.into_iter().flat_map(|found| found.events).take(room));
    }
}
