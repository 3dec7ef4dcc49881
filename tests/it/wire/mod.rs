//! Events as JSON lines and back: every event that can be emitted is read back unchanged.
mod any;
mod values;
mod variants;

use crate::support::worlds::{Flips, WorldKeys, WorldSource};
use any::{digest, event};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use strum::IntoEnumIterator;
use trailproof::verify::plan::VerifyPlan;
use trailproof::verify::run::verify;
use trailproof_core::bytes::inflate::InflateFault;
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::codes::finding::{Finding, FindingCode, Malformed, Outcome, SignatureFault};
use trailproof_core::codes::notice::Notice;
use trailproof_core::codes::unlisted::{SetAside, UnlistedReason};
use trailproof_core::compat::event::Tally;
use trailproof_core::coverage::{Coverage, Segment, Uncovered};
use trailproof_core::digest::judge::Proofs;
use trailproof_core::log_file::LogProof;
use trailproof_core::record::document::RunCheck;
use trailproof_core::record::wire::{read_event, write_event};
use trailproof_core::record::{
    ChainSummary, Counts, CoverageTotals, DigestJudged, DigestLink, DigestProof, Encryption,
    LockMode, LogJudged, LogNamed, ObjectFacts, PlaceDoubt, PlaceInDoubt, PlacesAnswered, Presence,
    PublicKeyUsed, Replication, RunEvent, RunEventName, RunStart, RunSummary, SeamJudged,
    StorageClass, StoredAs, Tool,
};
use trailproof_core::trail_event::ExplainingEvent;
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::ChainId;
use trailproof_core::vocab::key_layout::DigestKind;
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_core::vocab::time::{Period, Timestamp};
use trailproof_testkit::trail::{LogPlan, LogSizes, TrailSpec, dice::Dice};
pub(crate) use variants::some_events;

fn line(event: &RunEvent) -> String {
    let mut line = Vec::new();
    write_event(event, &mut line).unwrap();
    let line = String::from_utf8(line).unwrap();
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    line.trim_end_matches('\n').to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn every_event_is_read_back_unchanged(event in event()) {
        let written = line(&event);
        prop_assert_eq!(read_event(&written).unwrap(), Some(event), "{}", written);
        // Additions by a later version are ignored.
        let more = written.replacen('{', "{\"added\":[{\"x\":null}],", 1);
        prop_assert!(read_event(&more).unwrap().is_some());
    }

    #[test]
    fn no_line_makes_the_reader_panic(text in "\\PC{0,60}", cut in 0..200_usize, event in digest()) {
        let _ = read_event(&text);
        let written = line(&event);
        let cut = written.chars().take(cut).collect::<String>();
        prop_assert!(read_event(&cut).is_err() || cut == written);
    }
}

#[test]
fn an_unknown_event_is_ignored_and_an_unknown_value_is_rejected() {
    assert_eq!(read_event("{\"event\":\"moon-phase\",\"phase\":3}"), Ok(None));
    let listed = "{\"event\":\"listing-unread\",\"folder\":\"x\",\"read_failure\":{\"code\":\"mood\",\"detail\":\"\",\"attempts\":1,\"request_id\":null}}";
    let why = read_event(listed).unwrap_err().to_string();
    assert_eq!(why, "the read failure `mood` is not known");
    let deep =
        format!("{{\"event\":\"log-unlisted\",\"x\":{}1{}}}", "[".repeat(9_999), "]".repeat(9_999));
    assert!(read_event(&deep).is_err());
    let twice = "{\"event\":\"logs-without-digests\",\"folder\":\"x\",\"folder\":\"y\"}";
    assert!(read_event(twice).is_err());
}

/// Every event of runs over many deeds is read back unchanged, and the run's own checks hold.
#[test]
fn events_of_runs_are_read_back_and_add_up() {
    let mut dice = Dice::new(23, "wire");
    let (mut codes, mut verdicts) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..160 {
        let spec = TrailSpec::new()
            .seed(round % 7)
            .regions(&["us-east-1", "eu-west-1"])
            .time("2026-03-01T00:04:11Z", 10)
            .logs(LogPlan::Constant(1), LogSizes::Small);
        let mut trail = if round % 2 == 0 { spec.pause(3, 5, 0).build() } else { spec.build() };
        for _ in 0..round % 4 {
            let deed = trail.random_deed(&mut dice);
            let _ = trail.apply(deed);
        }
        let whole = trail.whole();
        let plan = {
            let (from, to) = (Timestamp::from_unix(whole.from), Timestamp::from_unix(whole.to));
            VerifyPlan::new("example-trail-logs", Period { start: from, end: to }, to)
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut check = RunCheck::default();
        let summary = runtime.block_on(verify(
            &plan,
            Arc::new(WorldSource { flips: Flips::new(true), ..WorldSource::new(&trail.world) }),
            Arc::new(WorldKeys(Arc::new(trail.world.clone()))),
            &mut |event| {
                let written = line(event);
                assert_eq!(read_event(&written).unwrap().as_ref(), Some(event), "{written}");
                check.take(event).unwrap_or_else(|why| panic!("round {round}: {why}: {written}"));
                if let RunEvent::DigestJudged(DigestJudged {
                    outcome: Outcome::Invalid(f), ..
                })
                | RunEvent::LogJudged(LogJudged { outcome: Outcome::Invalid(f), .. }) = event
                {
                    codes.insert(f.code());
                }
            },
        ));
        assert!(check.is_finished());
        verdicts.insert(summary.verdict);
    }
    assert!(codes.len() >= 8 && verdicts.len() >= 3, "{codes:?} {verdicts:?}");
}
