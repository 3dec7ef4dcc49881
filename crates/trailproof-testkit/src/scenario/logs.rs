//! Every way in which one log file can be wrong.
use super::stage::log;
use super::{Scenario, Stage};
use crate::trail::Deed;

fn done(deed: Deed) -> Stage {
    Stage::done(deed).verbose()
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("log-missing", || done(Deed::LogDeleted(log(3, 0)))),
    Scenario::new("log-missing-quiet", || Stage::done(Deed::LogDeleted(log(3, 0)))),
    Scenario::new("logs-missing", || {
        Stage::plain().deeds(&[
            Deed::LogDeleted(log(2, 0)),
            Deed::LogDeleted(log(2, 1)),
            Deed::LogDeleted(log(4, 1)),
        ])
    }),
    Scenario::new("log-content-changed", || done(Deed::LogContentChanged(log(3, 1)))),
    Scenario::new("log-byte-flipped", || done(Deed::LogByteFlippedInGzip(log(3, 1)))),
    Scenario::new("log-cut-short", || done(Deed::LogTruncated(log(3, 0)))),
    Scenario::new("log-without-a-trailer", || done(Deed::LogTrailerMissing(log(3, 0)))),
    Scenario::new("log-with-a-second-member", || done(Deed::LogSecondMemberAppended(log(3, 0)))),
    Scenario::new("log-with-trailing-data", || done(Deed::LogTrailingGarbage(log(3, 0)))),
    Scenario::new("log-changed-and-with-trailing-data", || {
        Stage::plain()
            .deeds(&[Deed::LogContentChanged(log(3, 0)), Deed::LogTrailingGarbage(log(3, 0))])
    }),
    Scenario::new("log-replaced-by-another", || {
        done(Deed::LogReplacedByOtherLog { at: log(3, 0), by: log(4, 0) })
    }),
    Scenario::new("log-stored-inflated", || done(Deed::LogStoredInflated(log(3, 0)))),
    Scenario::new("log-stored-inflated-and-changed", || {
        Stage::plain()
            .deeds(&[Deed::LogContentChanged(log(3, 0)), Deed::LogStoredInflated(log(3, 0))])
    }),
    Scenario::new("log-emptied", || done(Deed::LogEmptied(log(3, 0)))),
    Scenario::new("log-added", || done(Deed::LogAdded(super::stage::digest(3)))),
    Scenario::new("many-logs-wrong", || {
        Stage::plain().deeds(&[
            Deed::LogContentChanged(log(6, 1)),
            Deed::LogDeleted(log(5, 0)),
            Deed::LogEmptied(log(5, 1)),
            Deed::LogTrailingGarbage(log(4, 0)),
            Deed::LogByteFlippedInGzip(log(2, 0)),
            Deed::LogTruncated(log(1, 1)),
        ])
    }),
];
