//! What a run record shows about the accounts of an organization and the files of a bucket.
use crate::files::record_file::open_record;
use std::collections::BTreeMap;
use std::path::Path;
use trailproof_core::control::facts::{ChainPresence, FilesFacts};
use trailproof_core::coverage::{Coverage, Segment};
use trailproof_core::record::document::{BadRecord, RecordLine, check_record};
use trailproof_core::record::{RunEvent, StorageTallies};
use trailproof_core::vocab::time::{Period, Timestamp};

/// The accounts that have chains in a record.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// The bucket to which the evidence was delivered.
    pub(crate) bucket: String,
    /// The accounts, each with the time since which one of its chains is covered to the end of the period.
    pub(crate) chains: BTreeMap<String, ChainPresence>,
    /// How the files of its period are stored.
    pub(crate) files: FilesFacts,
}

/// Returns the accounts that have chains in a record.
///
/// # Errors
///
/// The record cannot be read, or is incomplete.
pub(crate) fn chains(path: &Path) -> Result<Recorded, BadRecord> {
    check_record(&mut open_record(path)?, |_, _| {})?;
    let mut record = open_record(path)?;
    let mut period = None;
    let mut found = Recorded::default();
    found.files.stored = StorageTallies::of_run();
    while let Some(line) = record.next_line()? {
        if let RecordLine::Event(event) = &line {
            found.files.take(event);
        }
        match line {
            RecordLine::Event(RunEvent::RunStarted(start)) => {
                period = Some(start.period);
                found.bucket = start.place.delivered_to.bucket.clone();
            }
            RecordLine::Event(RunEvent::ChainFinished(chain)) => {
                if let Some(period) = period {
                    let account = chain.chain.account.to_string();
                    note(&mut found.chains, account, period, covered_from(period, &chain.segments));
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

fn note(
    found: &mut BTreeMap<String, ChainPresence>,
    account: String,
    period: Period,
    covered_from: Option<Timestamp>,
) {
    let none = ChainPresence { start: period.start, end: period.end, covered_from: None };
    let presence = found.entry(account).or_insert(none);
    presence.covered_from = match (presence.covered_from, covered_from) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
}

/// Returns the time since which a chain is covered to the end of the period; `None` if it is not at its
/// end.
fn covered_from(period: Period, segments: &[Segment]) -> Option<Timestamp> {
    let covers = |it: &&Segment| matches!(it.coverage, Coverage::Verified | Coverage::Pending);
    let last = segments.iter().rfind(|it| !covers(it));
    let from = last.map_or(period.start, |it| it.to);
    (!segments.is_empty() && from < period.end).then_some(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailproof_core::coverage::Uncovered;

    #[test]
    fn an_account_is_covered_since_its_best_chain_is() {
        let at = Timestamp::from_unix;
        let period = Period { start: at(0), end: at(100) };
        let segment = |from, to, coverage| Segment { from: at(from), to: at(to), coverage };
        let gap = Coverage::Uncovered(Uncovered::BeforeFirstDigest);
        let late = [segment(0, 40, gap), segment(40, 100, Coverage::Verified)];
        assert_eq!(covered_from(period, &late), Some(at(40)));
        let whole = [segment(0, 90, Coverage::Verified), segment(90, 100, Coverage::Pending)];
        assert_eq!(covered_from(period, &whole), Some(at(0)));
        let open = [segment(0, 90, Coverage::Verified), segment(90, 100, Coverage::Unverified)];
        assert_eq!(covered_from(period, &open), None);
        assert_eq!(covered_from(period, &[]), None);
        let mut found = BTreeMap::new();
        for from in [None, Some(at(40)), Some(at(10)), None] {
            note(&mut found, "a".to_owned(), period, from);
        }
        assert_eq!(found["a"].covered_from, Some(at(10)));
    }
}
