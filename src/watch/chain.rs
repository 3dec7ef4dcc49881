//! A chain of records: its newest one, and why a state with a chain is refused.
use super::latest::Latest;
use super::step::StepTally;
use crate::console::refusal::Refusal;
use crate::files::record_file::open_record;
use crate::session::of_record::read_whole;
use crate::verify::resume::seam::PreviousRecord;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use trailproof_core::record::document::{BadRecord, RecordLine};
use trailproof_core::record::{RunEvent, RunStart};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::time::Timestamp;

/// What the name of a record ends with.
pub(super) const SUFFIX: &str = ".jsonl.zst";
/// Folder of the records of the chain.
pub(super) const RECORDS: &str = "records";
/// Folder of the records of other steps.
pub(super) const ATTEMPTS: &str = "attempts";

/// How much of a chain of records is hashed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The newest record, and older ones as far as the budget goes.
    Budget,
    /// Every record.
    All,
}

/// The newest record of a chain, from which the next step continues.
#[derive(Debug)]
pub(crate) struct Link {
    /// Path relative to the state.
    pub(crate) name: String,
    /// Its first event.
    pub(crate) start: RunStart,
    /// SHA-256 of its lines, in hex.
    pub(crate) sha256: String,
    /// What the next run continues from.
    pub(crate) previous: PreviousRecord,
    /// Its verdict.
    pub(crate) verdict: Verdict,
    /// The end of the newest digest of each chain that it proves.
    pub(crate) proven: BTreeMap<ChainId, Timestamp>,
}

/// What a state holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The newest record of the chain.
    pub(super) newest: Option<Link>,
    /// Start of the period of the first record.
    pub(super) begins: Option<Timestamp>,
    /// Number of records in the chain.
    pub(super) records: usize,
    /// The document of the newest step.
    pub(super) latest: Option<Latest>,
}

/// The folder of a record that the document of a step names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Record,
    Attempt,
}

impl Link {
    /// Reads the newest record of a chain: the file at `path`, which has this name in the state.
    ///
    /// # Errors
    ///
    /// It is not a whole record, or no step can continue from it.
    pub(super) fn read(path: &Path, name: String, shown: &str) -> Result<Self, Refusal> {
        let (mut previous, mut tally) = (PreviousRecord::default(), StepTally::default());
        let about = read_whole(path, |event| {
            previous.take(event);
            tally.take(event);
        });
        let about = about.map_err(|why| not_whole(shown, &why))?;
        previous.finish(&about.sha256);
        if previous.start().is_none() {
            return Err(broken(shown, "does not verify any time"));
        }
        Ok(Self {
            name,
            verdict: previous.follows.as_ref().map_or(Verdict::NotProven, |it| it.verdict),
            proven: tally.finish().newest,
            start: about.start,
            sha256: about.sha256,
            previous,
        })
    }
}

/// Refuses a state that cannot be read or written.
pub(super) fn refused(shown: &str, error: &dyn Display) -> Refusal {
    Refusal::not_started(format!("cannot use the state: `{shown}`: {error}"))
}

/// Refuses a state that somebody changed.
pub(super) fn broken(shown: &str, why: &str) -> Refusal {
    Refusal::not_started(format!(
        "the state is broken: `{shown}` {why}\n\nhint: find out who changed the state; then restore \
         the file, or begin a new state with `--start-time`"
    ))
}

/// Refuses a state with a record that is damaged.
pub(super) fn not_whole(shown: &str, why: &dyn Display) -> Refusal {
    broken(shown, &format!("is not a whole record: {why}"))
}

/// Refuses a state with a record that the next one does not follow.
pub(super) fn not_followed(shown: &str) -> Refusal {
    broken(shown, "is not the record that the next one follows")
}

/// Reads the first event of a record.
pub(super) fn first_event(path: &Path) -> Result<RunStart, BadRecord> {
    match open_record(path)?.next_line()? {
        Some(RecordLine::Event(RunEvent::RunStarted(start))) => Ok(*start),
        _ => Err(BadRecord::line(1, "it is not `run-started`")),
    }
}

/// Returns the SHA-256 of the lines of a record, in hex, if its last line confirms it.
pub(super) fn hash_of(path: &Path) -> Result<String, BadRecord> {
    let mut record = open_record(path)?;
    while record.next_name()?.is_some() {}
    Ok(record.sha256().unwrap_or_default().to_owned())
}

/// Returns the end of a period from the name of a file of this step; `None` if it is not one.
pub(super) fn end_of(name: &str) -> Option<Timestamp> {
    let time = name.strip_suffix(SUFFIX)?;
    Timestamp::parse_key(time).filter(|end| end.key() == time)
}

/// Returns whether `latest` joins the newest record of the chain, which it does not name itself.
pub(super) fn joins(latest: &Latest, named: Named, newest: Option<&Link>) -> bool {
    let sha256 = newest.map(|newest| newest.sha256.as_str());
    let followed = newest.and_then(|newest| newest.start.follows.as_ref());
    let followed = followed.map(|follows| follows.sha256.as_str());
    match named {
        // The next record was added, and the step was killed.
        Named::Record => followed == Some(latest.sha256.as_str()),
        // The attempt began where the chain ends, or where its newest record begins.
        Named::Attempt => {
            sha256 == latest.follows.as_deref()
                || (newest.is_some() && followed == latest.follows.as_deref())
        }
    }
}
