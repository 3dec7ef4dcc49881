//! What a run reads from the record of an earlier run.
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::files::record_file::open_record;
use crate::verify::resume::proven_logs::ProvenLogs;
use crate::verify::resume::seam::PreviousRecord;
use std::path::Path;
use trailproof_core::record::RunEvent;
use trailproof_core::record::document::{BadRecord, RecordFile, RecordLine, check_record};
use trailproof_core::vocab::location::escape;

/// Reads the log files that a record proves. The record may be incomplete.
pub(crate) fn known(path: &Path) -> Result<ProvenLogs, Refusal> {
    let mut known = ProvenLogs::default();
    let read = open_record(path).and_then(|mut record| {
        check_record(&mut record, |line, _| {
            if let RecordLine::Event(RunEvent::LogJudged(judged)) = line {
                known.take(judged);
            }
        })
    });
    match read {
        // Each log file is proven on its own, so an incomplete record is usable.
        Ok(()) | Err(BadRecord::Cut { .. }) => Ok(known),
        Err(why) => Err(unusable(path, &why)),
    }
}

/// Reads what a run continues from. Only a complete record has it.
pub(crate) fn since(path: &Path) -> Result<PreviousRecord, Refusal> {
    let mut since = PreviousRecord::default();
    let mut take = |record: &mut RecordFile| {
        check_record(record, |line, _| {
            if let RecordLine::Event(event) = line {
                since.take(event);
            }
        })
    };
    let mut record = open_record(path).map_err(|why| unusable(path, &why))?;
    take(&mut record).map_err(|why| unusable(path, &why))?;
    since.finish(record.sha256().unwrap_or_default());
    if since.start().is_none() {
        let shown = escape(&path.to_string_lossy()).into_owned();
        return Err(Refusal::usage(format!(
            "the record `{shown}` does not verify any time: there is nothing to continue from"
        )));
    }
    Ok(since)
}

/// Prints how many of the log files that a record proves were not read again.
pub(crate) fn print_skipped(known: &ProvenLogs) {
    let skipped = known.skipped().load(std::sync::atomic::Ordering::Relaxed);
    print_to_stderr(&format!(
        "resumed: {skipped} of {} log files that the record proves were not read again",
        known.count()
    ));
}

fn unusable(path: &Path, why: &BadRecord) -> Refusal {
    let shown = escape(&path.to_string_lossy()).into_owned();
    Refusal::not_started(format!("cannot use the record `{shown}`: {why}"))
}
