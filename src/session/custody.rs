//! What the custody log of a mirror says, beside the report of a run that reads the mirror.
use crate::console::stream::print_to_stderr;
use crate::report::words::custody_fault;
use crate::source::mirror::custody::{Custody, FixityChecked};
use crate::source::mirror::{CUSTODY, Header};
use std::path::Path;
use trailproof_core::vocab::budget::SHOWN;
use trailproof_core::vocab::location::{escape, excerpt, shell_word};

/// Prints who made the mirror at this path, when and from where, and who checked it last. Warns if the
/// log is not the one that trailproof wrote. Does nothing if there is no mirror.
pub(crate) fn remark(path: &Path, quiet: bool) {
    let Ok(Some(header)) = Header::read(path) else { return };
    let shown = path.to_string_lossy();
    let gone = header.objects.map(|objects| objects.gone).unwrap_or_default();
    if gone > 0 {
        print_to_stderr(&format!(
            "note: objects of the mirror `{}` that the bucket no longer had when the mirror was last \
             brought up to date: {gone}. This report is about the mirror; `trailproof verify {}` \
             reports what the bucket proves",
            escape(&shown),
            shell_word(&format!("s3://{}", header.bucket)),
        ));
    }
    match Custody::read(path, &header) {
        Err(error) => print_to_stderr(&format!("warning: `{CUSTODY}` cannot be read: {error}")),
        Ok(None) => {}
        Ok(Some(custody)) => {
            for fault in &custody.faults {
                print_to_stderr(&format!(
                    "warning: `{CUSTODY}`: {}: {}",
                    fault.code(),
                    custody_fault(*fault)
                ));
            }
            if !quiet && let Some(words) = words(&custody) {
                print_to_stderr(&format!("note: custody of `{}`: {words}", escape(&shown)));
            }
        }
    }
}

/// Returns the log in one sentence; `None` if it has no run.
fn words(custody: &Custody) -> Option<String> {
    let last = custody.last_start.as_ref()?;
    let short = |text: &str| excerpt(text, SHOWN);
    let runs = match custody.runs {
        1 => "copied in 1 run".to_owned(),
        runs => format!("copied in {runs} runs since {}", short(custody.first.as_deref()?)),
    };
    let by = last.by.aws_caller.as_ref().or(last.by.user.as_ref());
    let by = by.map(|by| format!(" by `{}`", short(by))).unwrap_or_default();
    let at = last.from.endpoint.as_ref().map(|at| format!(" at `{}`", short(at)));
    let mut words = format!(
        "{runs}; the last began {}{by} with trailproof {} from `s3://{}`{}",
        short(&last.began),
        short(&last.by.version),
        short(&last.from.bucket),
        at.unwrap_or_default(),
    );
    words += "; ";
    words += &custody.last_check.as_ref().map_or("never checked for damage".to_owned(), checked);
    words += " (the log is not signed)";
    Some(words)
}

fn checked(check: &FixityChecked) -> String {
    let what = match &check.sample {
        Some(sample) => format!("a sample of {} %", excerpt(&sample.percent, SHOWN)),
        None => "all files".to_owned(),
    };
    let found = if check.intact { "intact" } else { "not intact" };
    format!("{what} checked for damage {}: {found}", excerpt(&check.ended, SHOWN))
}
