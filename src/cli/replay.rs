//! `trailproof replay`: any report again, from a run record.
//!
//! The record is read twice: once to see that it is whole, in order and adds up, and once to tell
//! it, so that nothing is told of a record that is not what was written.
use super::output_args::ReplayArgs;
use super::outputs::Outputs;
use super::program::say;
use super::verify::{NOT_STARTED, refuse};
use crate::core::location::escape;
use crate::core::verdict::Verdict;
use crate::event::RunEvent;
use crate::event::record::{BadRecord, RecordLine, check_record, open_record};
use std::path::Path;

/// Runs the command and returns the exit status.
pub(super) fn run(args: &ReplayArgs) -> u8 {
    let mut outputs = match Outputs::of_reports(args.format, &args.outputs) {
        Ok(outputs) => outputs,
        Err(no_plan) => return refuse(&no_plan),
    };
    let shown = escape(&args.record.to_string_lossy()).into_owned();
    let bad = |why: &BadRecord| {
        say(&format!("error: cannot use the record `{shown}`: {why}"));
        NOT_STARTED
    };
    // A record that was cut tells what it holds, as the run did that was cut.
    let cut = match open_record(&args.record)
        .and_then(|mut record| check_record(&mut record, |_, _| {}))
    {
        Ok(()) => None,
        Err(cut @ BadRecord::Cut { lines: 1.. }) => Some(cut),
        Err(why) => return bad(&why),
    };
    let verdict = match tell(&args.record, &mut outputs) {
        Ok(verdict) => verdict,
        Err(why) => return bad(&why),
    };
    let lost = outputs.close();
    match (cut, verdict) {
        (None, Some(verdict)) => lost.exit_status(verdict),
        (cut, _) => {
            if let Some(cut) = cut {
                say(&format!("error: the record `{shown}` has no verdict: {cut}"));
            }
            lost.exit_status(Verdict::NotProven)
        }
    }
}

/// Tells what the record holds, and gives its verdict.
fn tell(path: &Path, outputs: &mut Outputs) -> Result<Option<Verdict>, BadRecord> {
    let mut record = open_record(path)?;
    let mut verdict = None;
    loop {
        match record.next_line() {
            Ok(Some(RecordLine::Event(event))) => {
                if let RunEvent::RunFinished(summary) = &event {
                    verdict = Some(summary.verdict);
                }
                outputs.tell(&event);
            }
            Ok(Some(RecordLine::Circumstances(around))) => outputs.tell_circumstances(&around),
            Ok(Some(_)) => {}
            Ok(None) => return Ok(verdict),
            // That it was cut has been told; another run may have been writing it in between.
            Err(BadRecord::Cut { .. }) => return Ok(None),
            Err(why) => return Err(why),
        }
    }
}
