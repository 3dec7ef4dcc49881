//! Opens the evidence that a record is about.
use super::location::location;
use super::period::RequestedPeriod;
use super::request::{VerifyRequest, trail_filter};
use crate::console::refusal::Refusal;
use crate::files::record_file::open_record;
use std::path::Path;
use std::str::FromStr;
use trailproof_core::coverage::TAIL_ALLOWANCE;
use trailproof_core::record::document::{BadRecord, RecordLine, check_record};
use trailproof_core::record::{EvidencePlace, ReadKind, RunEvent, RunStart};
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::chain_id::Scope;
use trailproof_core::vocab::location::{escape, excerpt};
use trailproof_core::vocab::time::Timestamp;

/// A record that was checked from its first to its last line.
#[derive(Clone, Debug)]
pub(crate) struct CheckedRecord {
    /// Its first event.
    pub(crate) start: RunStart,
    /// SHA-256 of its lines, in hex.
    pub(crate) sha256: String,
}

/// Checks a whole record and passes each of its events to `take`.
///
/// # Errors
///
/// It cannot be read, it is damaged or incomplete.
pub(crate) fn check_whole(
    path: &Path,
    take: impl FnMut(&RunEvent),
) -> Result<CheckedRecord, Refusal> {
    read_whole(path, take).map_err(|why| {
        let shown = escape(&path.to_string_lossy()).into_owned();
        Refusal::not_started(format!("cannot use the record `{shown}`: {why}"))
    })
}

/// Does the same as [`check_whole`], for a caller that names the record itself.
///
/// # Errors
///
/// It cannot be read, it is damaged or incomplete.
pub(crate) fn read_whole(
    path: &Path,
    mut take: impl FnMut(&RunEvent),
) -> Result<CheckedRecord, BadRecord> {
    let mut record = open_record(path)?;
    let mut start = None;
    check_record(&mut record, |line, _| {
        if let RecordLine::Event(event) = line {
            if let RunEvent::RunStarted(first) = event {
                start = Some(first.as_ref().clone());
            }
            take(event);
        }
    })?;
    let sha256 = record.sha256().unwrap_or_default().to_owned();
    match start {
        Some(start) => Ok(CheckedRecord { start, sha256 }),
        None => Err(BadRecord::Cut { lines: 0 }),
    }
}

impl VerifyRequest {
    /// Makes the request of a run over the evidence of a record: its scope and period, read from
    /// the place that was typed, or else from where the record's run read it.
    ///
    /// # Errors
    ///
    /// The place cannot be read as a location, the record does not say where all of it is, or has a
    /// scope that this version cannot read.
    pub(crate) fn of_record(
        start: &RunStart,
        typed: Option<&str>,
        began: Timestamp,
    ) -> Result<Self, Refusal> {
        let place = match typed {
            Some(typed) => location(typed)?,
            None => location(&read_place(&start.place)?)?,
        };
        let organization = start.organization.as_ref().map(|id| match id.as_str() {
            "" => Ok(None),
            id => parsed(id).map(Some),
        });
        let scope = Scope {
            trails: start.trails.iter().map(|text| trail_filter(text)).collect::<Result<_, _>>()?,
            accounts: all(&start.accounts)?,
            regions: all(&start.regions)?,
            organization: organization.transpose()?,
        };
        let period = RequestedPeriod::From(start.period.start, Some(start.period.end));
        // The scope of the record holds what its location named.
        let mut request = Self::new(Some((place.0, None)), period, scope, began)?;
        request.complete_copy = start.complete_copy;
        Ok(request)
    }

    /// Makes the request of a run over other versions of what a recorded run read, which allows the
    /// same tail as that one.
    ///
    /// # Errors
    ///
    /// The recorded run did not read the current objects of the bucket of delivery, or the record
    /// has a scope that this version cannot read.
    pub(crate) fn of_versions(start: &RunStart, began: Timestamp) -> Result<Self, Refusal> {
        if !matches!(start.place.read_from.as_slice(), [read] if read.kind == ReadKind::Bucket) {
            return Err(Refusal::usage(
                "the record is not about the current objects of a bucket to which CloudTrail \
                 delivers, so there are no versions to look at\n\nhint: name the bucket: \
                 `s3://BUCKET`",
            ));
        }
        let mut request = Self::of_record(start, None, began)?;
        let end = start.tail_allowed_from.unwrap_or(start.period.end);
        request.repeats = Some((end.plus(TAIL_ALLOWANCE), start.end_was_future));
        request.unlisted = start.unlisted;
        request.expect.known_ends.clone_from(&start.known_ends);
        Ok(request)
    }
}

fn parsed<T: FromStr>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| {
        let shown = excerpt(text, SHOWN);
        Refusal::not_started(format!("cannot use the record: `{shown}` in its scope is not valid"))
    })
}

fn all<T: FromStr>(texts: &[String]) -> Result<Vec<T>, Refusal> {
    texts.iter().map(|text| parsed(text)).collect()
}

/// Returns where the run of the record read all of its evidence.
fn read_place(place: &EvidencePlace) -> Result<String, Refusal> {
    match place.read_from.as_slice() {
        [one] => Ok(one.place.clone()),
        _ => Err(Refusal::usage(
            "the evidence of the record was read from several places\n\nhint: name the location \
             after the record",
        )),
    }
}

/// Refuses evidence of a bucket other than the record's.
///
/// # Errors
///
/// The evidence was delivered to a different bucket.
pub(crate) fn check_same_bucket(start: &RunStart, bucket: &str) -> Result<(), Refusal> {
    let of = &start.place.delivered_to.bucket;
    if of == bucket {
        return Ok(());
    }
    Err(Refusal::usage(format!(
        "the record is about `s3://{}`, and the location holds evidence of `s3://{}`\n\nhint: if \
         its digests do not say so, name the bucket with `--bucket`",
        escape(of),
        escape(bucket)
    )))
}
