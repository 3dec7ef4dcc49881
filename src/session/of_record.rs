//! Opens the evidence that a record is about.
use super::location::location;
use super::period::RequestedPeriod;
use super::request::{VerifyRequest, trail_filter};
use crate::console::refusal::Refusal;
use crate::files::record_file::open_record;
use std::path::Path;
use trailproof_core::record::document::{BadRecord, RecordLine, check_record};
use trailproof_core::record::{EvidencePlace, RunEvent, RunStart};
use trailproof_core::vocab::chain_id::Scope;
use trailproof_core::vocab::ids::Region;
use trailproof_core::vocab::location::escape;
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
    mut take: impl FnMut(&RunEvent),
) -> Result<CheckedRecord, Refusal> {
    let unusable = |why: &BadRecord| {
        let shown = escape(&path.to_string_lossy()).into_owned();
        Refusal::not_started(format!("cannot use the record `{shown}`: {why}"))
    };
    let mut record = open_record(path).map_err(|why| unusable(&why))?;
    let mut start = None;
    check_record(&mut record, |line, _| {
        if let RecordLine::Event(event) = line {
            if let RunEvent::RunStarted(first) = event {
                start = Some(first.as_ref().clone());
            }
            take(event);
        }
    })
    .map_err(|why| unusable(&why))?;
    let sha256 = record.sha256().unwrap_or_default().to_owned();
    match start {
        Some(start) => Ok(CheckedRecord { start, sha256 }),
        None => Err(unusable(&BadRecord::Cut { lines: 0 })),
    }
}

impl VerifyRequest {
    /// Makes the request of a run over the evidence of a record: its scope and period, read from
    /// the place that was typed, or else from where the record's run read it.
    ///
    /// # Errors
    ///
    /// The place cannot be read as a location, or the record does not say where all of it is.
    pub(crate) fn of_record(
        start: &RunStart,
        typed: Option<&str>,
        began: Timestamp,
    ) -> Result<Self, Refusal> {
        let place = match typed {
            Some(typed) => location(typed)?,
            None => location(&read_place(&start.place)?)?,
        };
        let ids = |texts: &[String]| texts.iter().filter_map(|text| text.parse().ok()).collect();
        let regions: Vec<Region> =
            start.regions.iter().filter_map(|text| text.parse().ok()).collect();
        let organization = start.organization.as_deref();
        let scope = Scope {
            trails: start.trails.iter().map(|text| trail_filter(text)).collect::<Result<_, _>>()?,
            accounts: ids(&start.accounts),
            regions,
            organization: organization.map(|id| id.parse().ok()),
        };
        let period = RequestedPeriod::From(start.period.start, Some(start.period.end));
        // The scope of the record holds what its location named.
        let mut request = Self::new(Some((place.0, None)), period, scope, began)?;
        request.complete_copy = start.complete_copy;
        Ok(request)
    }
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
