//! Events as JSON lines and back: every event that can be told is read as what it was.
#![cfg(feature = "test-support")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod common;

use common::{Flips, WorldKeys, WorldSource};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use trailproof::core::chain_id::{ChainId, Scope};
use trailproof::core::coverage::{Coverage, Segment, Uncovered};
use trailproof::core::explain::ExplainingEvent;
use trailproof::core::failure::{ReadFailure, ReadFailureKind};
use trailproof::core::finding::{Finding, Malformed, Outcome, SignatureFault};
use trailproof::core::inflate::InflateFault;
use trailproof::core::judge::Proofs;
use trailproof::core::key_layout::DigestKind;
use trailproof::core::location::ObjectLocation;
use trailproof::core::log_check::LogProof;
use trailproof::core::notice::Notice;
use trailproof::core::time::{Period, Timestamp};
use trailproof::core::verdict::Verdict;
use trailproof::event::record::RunCheck;
use trailproof::event::wire::{read_event, write_event};
use trailproof::event::{
    ChainSummary, Counts, CoverageTotals, DigestJudged, DigestLink, DigestProof, LogJudged,
    LogNamed, Presence, PublicKeyTold, RunEvent, RunStart, RunSummary, SeamJudged, Seen, Tally,
    Tool,
};
use trailproof::test_support::trail::{LogPlan, LogSizes, TrailSpec, dice::Dice};
use trailproof::verify::plan::VerifyPlan;
use trailproof::verify::verify_run::verify;

fn text() -> impl Strategy<Value = String> {
    // Quotes, controls, marks that turn writing, and letters beyond the first plane.
    prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,8}",
        Just("\u{1b}]0;x\u{7}\n\r\t\"\\\u{2028}\u{202e}<script>\u{1f600}\0".to_owned()),
    ]
}

fn time() -> impl Strategy<Value = Timestamp> {
    (-62_167_219_200_i64..=253_402_300_799).prop_map(Timestamp::from_unix)
}

fn place() -> impl Strategy<Value = ObjectLocation> {
    (text(), text()).prop_map(|(bucket, key)| ObjectLocation { bucket, key })
}

fn hash() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn chain() -> impl Strategy<Value = ChainId> {
    ("[0-9]{12}", "[a-z]{2}-[a-z]{4}-[1-9]", "[A-Za-z0-9]{3,9}", any::<bool>()).prop_map(
        |(account, region, trail, organization)| ChainId {
            account: account.parse().unwrap(),
            source_region: region.parse().unwrap(),
            trail: trail.parse().unwrap(),
            home_region: region.parse().unwrap(),
            organization: organization.then(|| "o-exampleorg1".parse().unwrap()),
        },
    )
}

fn malformed() -> impl Strategy<Value = Malformed> {
    let fault = prop::sample::select(vec![
        InflateFault::NotGzip,
        InflateFault::Header,
        InflateFault::Data,
        InflateFault::Crc,
        InflateFault::Length,
        InflateFault::OverBudget,
    ]);
    let field = prop::sample::select(Malformed::FIELDS.to_vec());
    prop_oneof![
        fault.prop_map(Malformed::Gzip),
        Just(Malformed::CutShort),
        any::<u64>().prop_map(|bytes| Malformed::TrailingData { bytes }),
        Just(Malformed::Json),
        field.clone().prop_map(Malformed::FieldAbsent),
        (field, text()).prop_map(|(field, value)| Malformed::FieldInvalid { field, value }),
        Just(Malformed::BackfillTimeAbsent),
    ]
}

fn finding() -> impl Strategy<Value = Finding> {
    let fault = prop_oneof![
        Just(SignatureFault::Mismatch),
        Just(SignatureFault::OddHex),
        Just(SignatureFault::NotHex),
        Just(SignatureFault::Absent),
        text().prop_map(|fingerprint| SignatureFault::KeyUnreadable { fingerprint }),
    ];
    prop_oneof![
        Just(Finding::DigestMissing),
        Just(Finding::LogMissing),
        malformed().prop_map(Finding::DigestMalformed),
        malformed().prop_map(Finding::LogMalformed),
        place().prop_map(|recorded| Finding::DigestMoved { recorded }),
        fault.prop_map(Finding::DigestSignatureInvalid),
        (text(), prop::option::of((time(), time()))).prop_map(|(fingerprint, none_between)| {
            Finding::DigestKeyUnknown { fingerprint, none_between }
        }),
        (hash(), hash())
            .prop_map(|(expected, found)| Finding::DigestLinkMismatch { expected, found }),
        (time(), time())
            .prop_map(|(end, successor_end)| Finding::DigestOutOfOrder { end, successor_end }),
        (time(), prop::option::of(time())).prop_map(|(delivered, newest)| {
            Finding::DigestDeliveredThenGone { delivered, newest }
        }),
        (hash(), hash(), any::<bool>()).prop_map(|(expected, found, cut_short)| {
            Finding::LogHashMismatch { expected, found, cut_short }
        }),
        any::<u64>().prop_map(|bytes| Finding::LogTrailingData { bytes }),
    ]
}

fn failure() -> impl Strategy<Value = ReadFailure> {
    let kind = prop::sample::select(ReadFailureKind::ALL.to_vec());
    (kind, any::<u32>(), text(), prop::option::of(text())).prop_map(
        |(kind, attempts, detail, request_id)| ReadFailure { kind, attempts, detail, request_id },
    )
}

fn outcome<P: std::fmt::Debug>(
    valid: impl Strategy<Value = P> + 'static,
) -> impl Strategy<Value = Outcome<P>> {
    prop_oneof![
        valid.prop_map(Outcome::Valid),
        finding().prop_map(Outcome::Invalid),
        failure().prop_map(Outcome::Unverified),
    ]
}

fn seen() -> impl Strategy<Value = Seen> {
    let option = || prop::option::of(text());
    (prop::option::of(any::<u64>()), prop::option::of(hash()), option(), option())
        .prop_map(|(stored, found, etag, version_id)| Seen { stored, found, etag, version_id })
}

fn digest() -> impl Strategy<Value = RunEvent> {
    let proofs = (1..8_u8).prop_map(|bits| Proofs {
        own_signature: bits & 1 > 0,
        successor_signature: bits & 2 > 0,
        successor_hash: bits & 4 > 0,
    });
    let link = (place(), prop::option::of(hash()), prop::option::of(time()))
        .prop_map(|(at, hash, end)| DigestLink { at, hash, end });
    let proof = (time(), hash(), proofs, any::<u64>(), text(), prop::option::of(link)).prop_map(
        |(start, hash, proofs, logs, fingerprint, previous)| DigestProof {
            start,
            hash,
            proofs,
            logs,
            fingerprint,
            previous,
        },
    );
    let notices = prop::collection::vec(prop::sample::select(Notice::ALL.to_vec()), 0..3);
    let kind = prop_oneof![Just(DigestKind::Standard), Just(DigestKind::Backfill)];
    (place(), kind, time(), outcome(proof), notices, any::<bool>(), seen()).prop_map(
        |(at, kind, end, outcome, notices, counts, seen)| {
            RunEvent::DigestJudged(DigestJudged { at, kind, end, outcome, notices, counts, seen })
        },
    )
}

fn log() -> impl Strategy<Value = RunEvent> {
    let proof = (any::<u64>(), any::<u64>(), any::<bool>()).prop_map(
        |(stored, inflated, stored_inflated)| LogProof { stored, inflated, stored_inflated },
    );
    (place(), hash(), outcome(proof), seen()).prop_map(|(at, expected, outcome, mut seen)| {
        // What is told of the size is told once.
        if let Outcome::Valid(proof) = &outcome {
            seen.stored = Some(proof.stored);
        }
        RunEvent::LogJudged(LogJudged { at, expected, outcome, seen })
    })
}

fn coverage() -> impl Strategy<Value = Coverage> {
    prop::sample::select(vec![
        Coverage::Verified,
        Coverage::Contradicted,
        Coverage::Unverified,
        Coverage::Uncovered(Uncovered::BeforeFirstDigest),
        Coverage::Uncovered(Uncovered::Gap),
        Coverage::Uncovered(Uncovered::DigestsMissing),
        Coverage::Uncovered(Uncovered::Tail),
        Coverage::Uncovered(Uncovered::Hole),
    ])
}

fn counts() -> impl Strategy<Value = Counts> {
    let tally = || {
        any::<(u64, u64, u64)>().prop_map(|(valid, invalid, unverified)| Tally {
            valid,
            invalid,
            unverified,
        })
    };
    (tally(), tally(), tally(), any::<(u64, u64, u64)>()).prop_map(
        |(digests, backfill, logs, (chain_findings, stored_bytes, inflated_bytes))| Counts {
            digests,
            backfill,
            logs,
            chain_findings,
            stored_bytes,
            inflated_bytes,
        },
    )
}

fn chain_finished() -> impl Strategy<Value = RunEvent> {
    let presence = prop_oneof![
        Just(Presence::Present),
        prop::option::of(time()).prop_map(|last| Presence::Absent { last }),
        time().prop_map(|last| Presence::Ended { last }),
    ];
    let segment = (time(), time(), coverage()).prop_map(|(from, to, coverage)| Segment {
        from,
        to,
        coverage,
    });
    let segments = prop::collection::vec(segment, 0..4);
    (chain(), presence, segments, any::<i64>(), counts()).prop_map(
        |(chain, presence, segments, tail_allowed, counts)| {
            RunEvent::ChainFinished(ChainSummary {
                chain,
                presence,
                segments,
                tail_allowed,
                counts,
            })
        },
    )
}

fn run_finished() -> impl Strategy<Value = RunEvent> {
    let verdict = prop::sample::select(vec![
        Verdict::Proven,
        Verdict::Contradicted,
        Verdict::NotProven,
        Verdict::NothingFound,
    ]);
    let uncovered = prop::collection::btree_map(
        prop::sample::select(vec![Uncovered::Gap, Uncovered::Tail, Uncovered::Hole]),
        any::<i64>(),
        0..3,
    );
    let coverage =
        (any::<(i64, i64, i64)>(), uncovered).prop_map(
            |((verified, contradicted, unverified), uncovered): (_, BTreeMap<_, _>)| {
                CoverageTotals { verified, contradicted, unverified, uncovered }
            },
        );
    (verdict, counts(), coverage, any::<[u64; 5]>()).prop_map(
        |(verdict, counts, coverage, [chains, ended, unlisted, listings_unread, passed_over])| {
            RunEvent::RunFinished(RunSummary {
                verdict,
                counts,
                chains,
                ended,
                coverage,
                unlisted,
                listings_unread,
                passed_over,
            })
        },
    )
}

fn run_started() -> impl Strategy<Value = RunEvent> {
    let texts = || prop::collection::vec(text(), 0..3);
    let words = (text(), text(), text(), prop::option::of(text()), prop::option::of(text()));
    (words, time(), time(), any::<(bool, bool)>(), texts(), texts(), texts()).prop_map(
        |(words, start, end, (end_was_future, unlisted), trails, accounts, regions)| {
            let (version, location, bucket, build, follows) = words;
            RunEvent::RunStarted(Box::new(RunStart {
                tool: Tool { version, build },
                location,
                bucket,
                period: Period { start, end },
                end_was_future,
                trails,
                accounts,
                regions,
                unlisted,
                follows,
            }))
        },
    )
}

fn rest() -> impl Strategy<Value = RunEvent> {
    let key = (text(), prop::collection::vec(any::<u8>(), 0..40), any::<bool>(), time(), text());
    let key = key.prop_map(|(fingerprint, der, told, at, source)| {
        RunEvent::PublicKey(PublicKeyTold {
            region: "eu-west-1".parse().unwrap(),
            fingerprint,
            der,
            valid_from: told.then_some(at),
            valid_to: told.then_some(at),
            source,
        })
    });
    let named = (place(), hash(), place(), time(), time(), text()).prop_map(
        |(at, hash, digest, start, end, fingerprint)| {
            RunEvent::LogNamed(LogNamed { at, hash, digest, start, end, fingerprint })
        },
    );
    let status =
        (chain(), any::<bool>(), prop::option::of((time(), text())), prop::option::of(finding()))
            .prop_map(|(chain, is_logging, told, finding)| RunEvent::TrailStatus {
                chain,
                is_logging,
                latest_digest_delivery: told.as_ref().map(|(at, _)| *at),
                latest_digest_error: told.map(|(_, error)| error),
                finding,
            });
    let explained = (chain(), time(), time(), [text(), text(), text(), text()], place()).prop_map(
        |(chain, from, to, [name, id, principal, address], log)| RunEvent::GapExplained {
            chain,
            from,
            to,
            event: ExplainingEvent { time: from, name, id, principal, address, log },
        },
    );
    let seam = (place(), time(), hash(), any::<bool>(), prop::option::of(finding())).prop_map(
        |(at, end, expected, joined, finding)| {
            RunEvent::SeamJudged(SeamJudged { at, end, expected, joined, finding })
        },
    );
    prop_oneof![
        key,
        named,
        status,
        explained,
        seam,
        (any::<(u64, u64)>(), prop::collection::vec(text(), 0..3)).prop_map(
            |((chains, digests), left_out)| RunEvent::BucketListed { chains, digests, left_out }
        ),
        (text(), failure()).prop_map(|(folder, why)| RunEvent::ListingUnread { folder, why }),
        chain().prop_map(|chain| RunEvent::ChainStarted { chain }),
        place().prop_map(|at| RunEvent::LogUnlisted { at }),
        text().prop_map(|folder| RunEvent::LogsWithoutDigests { folder }),
        (text(), text()).prop_map(|(check, why)| RunEvent::CheckNotPerformed { check, why }),
    ]
}

fn line(event: &RunEvent) -> String {
    let mut line = Vec::new();
    write_event(event, &mut line).unwrap();
    let line = String::from_utf8(line).unwrap();
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    line.trim_end_matches('\n').to_owned()
}

proptest! {
    #[test]
    fn every_event_is_read_as_what_it_was(
        event in prop_oneof![
            digest(), log(), chain_finished(), run_finished(), run_started(), rest()
        ]
    ) {
        let written = line(&event);
        prop_assert_eq!(read_event(&written).unwrap(), Some(event), "{}", written);
        // What a later version may add is passed over.
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
fn an_unknown_event_is_passed_over_and_an_unknown_word_is_not() {
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

/// Every event of runs over many deeds is read back as it was, and the run's own checks hold.
#[test]
fn what_runs_tell_is_read_back_and_adds_up() {
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
        let plan = VerifyPlan {
            location: "s3://example-trail-logs".to_owned(),
            bucket: "example-trail-logs".to_owned(),
            roots: vec![String::new()],
            scope: Scope::default(),
            period: Period {
                start: Timestamp::from_unix(whole.from),
                end: Timestamp::from_unix(whole.to),
            },
            end_was_future: false,
            now: Timestamp::from_unix(whole.to),
            status: None,
            unlisted: true,
            known: None,
            since: None,
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
