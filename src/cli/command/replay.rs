//! `trailproof replay`: regenerates any report from a run record.
//!
//! The record is read twice: first to check that it is complete, in order and consistent, then to
//! report it, so that nothing is reported from a damaged record.
use crate::cli::args::console::GlobalArgs;
use crate::cli::args::output::ReplayArgs;
use crate::cli::output::outputs::Outputs;
use crate::console::exit::ExitStatus;
use crate::console::refusal::Refusal;
use crate::console::stream::print_to_stderr;
use crate::files::record_file::open_record;
use std::path::Path;
use trailproof_core::record::RunEvent;
use trailproof_core::record::document::{BadRecord, RecordLine, check_record};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::location::escape;

/// Runs the command and returns the exit status.
pub(crate) fn run(global: &GlobalArgs, args: &ReplayArgs) -> ExitStatus {
    let mut outputs =
        match Outputs::of_reports(&global.console, args.format, &args.outputs, &args.record) {
            Ok(outputs) => outputs,
            Err(refusal) => return refusal.print(),
        };
    let shown = escape(&args.record.to_string_lossy()).into_owned();
    let bad = |why: &BadRecord| {
        Refusal::not_started(format!("cannot use the record `{shown}`: {why}")).print()
    };
    // An incomplete record is reported as far as it goes, as the interrupted run itself was.
    let mut record = match open_record(&args.record) {
        Ok(record) => record,
        Err(why) => return bad(&why),
    };
    let cut = match check_record(&mut record, |_, _| {}) {
        Ok(()) => None,
        Err(cut @ BadRecord::Cut { lines: 1.. }) => Some(cut),
        Err(why) => return bad(&why),
    };
    let verdict = match emit(&args.record, record.sha256(), &mut outputs) {
        Ok(verdict) => verdict,
        Err(why) => return bad(&why),
    };
    let lost = outputs.close();
    match (cut, verdict) {
        (None, Some(verdict)) => ExitStatus::from(verdict).or_output_lost(lost),
        (cut, _) => {
            if let Some(cut) = cut {
                print_to_stderr(&format!("error: the record `{shown}` has no verdict: {cut}"));
            }
            ExitStatus::NotProven.or_output_lost(lost)
        }
    }
}

/// Writes the events of the record to the outputs and returns its verdict. The verdict is reported
/// only if the record still has the hash that was `checked`.
fn emit(
    path: &Path,
    checked: Option<&str>,
    outputs: &mut Outputs,
) -> Result<Option<Verdict>, BadRecord> {
    let mut record = open_record(path)?;
    let mut finished = None;
    loop {
        match record.next_line() {
            Ok(Some(RecordLine::Event(event @ RunEvent::RunFinished(_)))) => finished = Some(event),
            Ok(Some(RecordLine::Event(event))) => outputs.emit(&event),
            Ok(Some(RecordLine::Circumstances(around))) => outputs.emit_circumstances(&around),
            Ok(Some(RecordLine::Ended(around))) => outputs.emit_ended(&around),
            Ok(Some(_)) => {}
            Ok(None) if record.sha256() == checked => break,
            // Reported by the caller. A run may have been writing to the record in the meantime.
            Err(BadRecord::Cut { .. }) if checked.is_none() => return Ok(None),
            Ok(None) | Err(BadRecord::Cut { .. }) => {
                return Err(BadRecord::line(
                    record.number(),
                    "the file is not the one that was checked: it changed in the meantime, or can \
                     be read only once",
                ));
            }
            Err(why) => return Err(why),
        }
    }
    let Some(event) = finished else { return Ok(None) };
    outputs.emit(&event);
    match event {
        RunEvent::RunFinished(summary) => Ok(Some(summary.verdict)),
        _ => Ok(None),
    }
}
