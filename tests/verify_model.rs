//! `verify` against the builder's own model: over every deed, alone and combined, over every subset
//! of deleted digests, and at any concurrency. The model never calls the code under test.
#![cfg(feature = "test-support")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
mod common;

use common::{Flips, WorldKeys, WorldSource};
use std::sync::Arc;
use trailproof::core::chain_id::{Scope, TrailFilter};
use trailproof::core::coverage::Coverage;
use trailproof::core::failure::ReadFailureKind;
use trailproof::core::finding::Outcome;
use trailproof::core::time::{Period as RunPeriod, Timestamp};
use trailproof::core::verdict::Verdict;
use trailproof::event::{LogJudged, Presence, RunEvent, RunSummary};
use trailproof::source::ObjectSource;
use trailproof::test_support::trail::dice::Dice;
use trailproof::test_support::trail::{
    BuiltTrail, ChainId, Deed, LogPlan, LogSizes, Period, TrailSpec, expectation,
};
use trailproof::verify::discover::find_roots;
use trailproof::verify::plan::VerifyPlan;
use trailproof::verify::verify_run::verify;

fn run(trail: &BuiltTrail, period: &Period) -> Vec<RunEvent> {
    run_over(trail, period, WorldSource::new(&trail.world), 2)
}

fn run_over(
    trail: &BuiltTrail,
    period: &Period,
    source: WorldSource,
    workers: usize,
) -> Vec<RunEvent> {
    run_in(Scope::default(), trail, period, source, workers)
}

fn run_in(
    scope: Scope,
    trail: &BuiltTrail,
    period: &Period,
    source: WorldSource,
    workers: usize,
) -> Vec<RunEvent> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap();
    let bucket = trail.chains[0].digests[0].bucket.clone();
    let source: Arc<dyn ObjectSource> = Arc::new(source);
    let world = Arc::new(trail.world.clone());
    runtime.block_on(async move {
        let roots = find_roots(source.as_ref(), &bucket, "").await.unwrap();
        let plan = VerifyPlan {
            location: format!("s3://{bucket}"),
            bucket,
            roots,
            scope,
            period: RunPeriod {
                start: Timestamp::from_unix(period.from),
                end: Timestamp::from_unix(period.to),
            },
            end_was_future: false,
            now: Timestamp::from_unix(period.now),
            status: None,
            unlisted: true,
            known: None,
            since: None,
        };
        let mut events = Vec::new();
        verify(&plan, source, Arc::new(WorldKeys(world)), &mut |event| events.push(event.clone()))
            .await;
        events
    })
}

fn summary(events: &[RunEvent]) -> &RunSummary {
    match events.last() {
        Some(RunEvent::RunFinished(summary)) => summary,
        other => panic!("the last event is {other:?}"),
    }
}

fn verdict(events: &[RunEvent]) -> expectation::Verdict {
    match summary(events).verdict {
        Verdict::Proven => expectation::Verdict::Proven,
        Verdict::NothingFound => expectation::Verdict::NothingFound,
        Verdict::NotProven => expectation::Verdict::NotProven,
        Verdict::Contradicted => expectation::Verdict::Contradicted,
    }
}

fn findings(events: &[RunEvent]) -> Vec<(String, &'static str)> {
    let told = |event: &RunEvent| match event {
        RunEvent::DigestJudged(judged) if judged.counts => match &judged.outcome {
            Outcome::Invalid(finding) => Some((judged.at.key.clone(), finding.code())),
            _ => None,
        },
        RunEvent::LogJudged(LogJudged { at, outcome: Outcome::Invalid(finding), .. }) => {
            Some((at.key.clone(), finding.code()))
        }
        _ => None,
    };
    events.iter().filter_map(told).collect()
}

/// Everything that must hold of any run, and everything that the model says of this one.
fn check(trail: &BuiltTrail, period: &Period, events: &[RunEvent]) -> Result<(), String> {
    recount(events, period)?;
    let expected = trail.expected_for_verify(period);
    let findings = findings(events);
    expected.check(verdict(events), findings.iter().map(|(key, code)| (key.as_str(), *code)))?;
    let unlisted: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            RunEvent::LogUnlisted { at } => Some(at.key.as_str()),
            _ => None,
        })
        .collect();
    expected.check_unlisted(unlisted)?;
    for chain in &expected.chains {
        expected.check_verified(&chain.id, &verified(events, &chain.id))?;
    }
    Ok(())
}

fn verified(events: &[RunEvent], id: &ChainId) -> Vec<(i64, i64)> {
    let told = events.iter().filter_map(|event| match event {
        RunEvent::ChainFinished(summary)
            if summary.chain.account.as_str() == id.account
                && summary.chain.source_region.as_str() == id.region
                && summary.chain.trail.as_str() == id.trail =>
        {
            Some(summary)
        }
        _ => None,
    });
    told.flat_map(|summary| &summary.segments)
        .filter(|segment| segment.coverage == Coverage::Verified)
        .map(|segment| (segment.from.unix(), segment.to.unix()))
        .collect()
}

/// Tallies equal a recount of the events, and every chain's segments add up to the period.
fn recount(events: &[RunEvent], period: &Period) -> Result<(), String> {
    let (mut valid, mut invalid) = (0, 0);
    for event in events {
        match event {
            RunEvent::LogJudged(LogJudged { outcome: Outcome::Valid(_), .. }) => valid += 1,
            RunEvent::LogJudged(LogJudged { outcome: Outcome::Invalid(_), .. }) => invalid += 1,
            RunEvent::ChainFinished(chain) if !chain.segments.is_empty() => {
                let mut at = period.from;
                for segment in &chain.segments {
                    if segment.from.unix() != at || segment.seconds() <= 0 {
                        return Err(format!("{}: {:?}", chain.chain, chain.segments));
                    }
                    at = segment.to.unix();
                }
                if at != period.to {
                    return Err(format!("{}: the segments end at {at}", chain.chain));
                }
            }
            _ => {}
        }
    }
    let logs = summary(events).counts.logs;
    if (logs.valid, logs.invalid) == (valid, invalid) {
        Ok(())
    } else {
        Err(format!("{logs:?}, recounted {valid} valid and {invalid} invalid"))
    }
}

fn clean(hours: u32) -> BuiltTrail {
    TrailSpec::new()
        .seed(7)
        .time("2026-03-01T00:04:11Z", hours)
        .logs(LogPlan::Every { hours: 2, logs: 2 }, LogSizes::Small)
        .build()
}

/// The time that the digests after the first, starting one cover.
fn covered(trail: &BuiltTrail) -> Period {
    trail.whole()
}

#[test]
fn a_clean_trail_is_proven() {
    let trail = clean(30);
    let period = covered(&trail);
    let events = run(&trail, &period);
    check(&trail, &period, &events).unwrap();
    assert_eq!(summary(&events).verdict, Verdict::Proven);
    assert_eq!(summary(&events).coverage.verified, period.to - period.from);
}

#[test]
fn no_subset_of_deleted_digests_is_proven_over_the_deleted_time() {
    let trail = clean(30);
    let period = covered(&trail);
    let count = trail.chains[0].standard;
    let mut dice = Dice::new(11, "subsets");
    // Every single one, every pair of neighbours, every run from either edge, and random subsets.
    let mut subsets: Vec<Vec<usize>> = (0..count).map(|at| vec![at]).collect();
    subsets.extend((1..count).map(|at| vec![at - 1, at]));
    subsets.extend((1..=count).map(|length| (0..length).collect()));
    subsets.extend((1..=count).map(|length| (count - length..count).collect()));
    for _ in 0..200 {
        let share = 1 + dice.below(20);
        let subset: Vec<usize> = (0..count).filter(|_| dice.below(20) < share).collect();
        subsets.push(subset);
    }
    let mut compared = 0;
    for subset in subsets.into_iter().filter(|subset| !subset.is_empty()) {
        let mut changed = trail.clone();
        for index in &subset {
            let digest = changed.chains[0].digests[*index].clone();
            changed.delete(&digest.bucket, &digest.key);
        }
        // A chain of which nothing is left may be missed; that is what exit status 4 is for.
        let events = if subset.len() == count && trail.logs().next().is_none() {
            continue;
        } else {
            run(&changed, &period)
        };
        if let Err(wrong) = check(&changed, &period, &events) {
            panic!("without digests {subset:?}: {wrong}");
        }
        let only_the_start = subset == [0];
        if !only_the_start {
            assert_ne!(summary(&events).verdict, Verdict::Proven, "without {subset:?}");
        }
        compared += 1;
    }
    assert!(compared > 250);
}

#[test]
fn every_deed_alone_and_combined_is_what_the_model_says() {
    let trail = TrailSpec::new()
        .seed(9)
        .regions(&["us-east-1", "eu-west-1"])
        .time("2026-03-01T00:04:11Z", 20)
        .logs(LogPlan::Constant(2), LogSizes::Small)
        .pause(6, 9, 0)
        .backfill(4, 1, 3)
        .build();
    let period = covered(&trail);
    let mut dice = Dice::new(5, "deeds");
    let mut wrong = Vec::new();
    let mut applied = 0;
    for round in 0..400 {
        let mut changed = trail.clone();
        let deeds: Vec<Deed> = (0..=round % 4).map(|_| changed.random_deed(&mut dice)).collect();
        // Bombs are slow to make and have a test of their own.
        if deeds.iter().any(|deed| matches!(deed, Deed::LogBomb(_) | Deed::DigestBomb(_))) {
            continue;
        }
        let done = deeds.iter().filter(|deed| changed.apply(**deed).is_ok()).count();
        if done == 0 {
            continue;
        }
        applied += 1;
        // The whole of it, and a part of it, so that the walk hangs on digests after the period.
        let hour = |from: u32, dice: &mut Dice| i64::from(from + dice.below(8)) * 3_600;
        let from = period.from + hour(0, &mut dice) + i64::from(dice.below(2)) * 700;
        let part = Period::new(from, from + hour(2, &mut dice));
        for period in [&period, &part] {
            let events = run(&changed, period);
            if let Err(why) = check(&changed, period, &events) {
                wrong.push(format!("round {round}, {deeds:?}, {period:?}: {why}"));
            }
        }
    }
    assert!(applied > 200, "{applied} rounds did anything");
    assert!(wrong.is_empty(), "{} of {applied}:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn a_deletion_at_the_end_of_the_period_shows_by_the_digest_after_it() {
    let trail = clean(30);
    let hour = |at: usize| trail.chains[0].digests[at].clone();
    let period = Period::new(hour(5).end, hour(12).end);
    let mut changed = trail.clone();
    changed.delete(&hour(12).bucket, &hour(12).key);
    let events = run(&changed, &period);
    check(&changed, &period, &events).unwrap();
    // Without the digest after the period this would be a tail, and no finding.
    assert_eq!(findings(&events), [(hour(12).key, "digest-missing")]);
}

#[test]
fn a_byte_lost_in_transit_is_read_again_and_is_no_finding() {
    let trail = clean(8);
    let period = covered(&trail);
    for once in [true, false] {
        let source = WorldSource { flips: Flips::new(once), ..WorldSource::new(&trail.world) };
        let events = run_over(&trail, &period, source, 2);
        assert_eq!(findings(&events).is_empty(), once);
    }
}

#[test]
fn faults_alone_never_make_a_finding() {
    let trail = clean(12);
    let period = covered(&trail);
    let faults: [fn(&trailproof::core::location::ObjectLocation) -> Option<ReadFailureKind>; 3] = [
        |at| at.key.contains("CloudTrail-Digest").then_some(ReadFailureKind::Denied),
        |at| (!at.key.contains("CloudTrail-Digest")).then_some(ReadFailureKind::Throttled),
        |at| {
            (at.key.len() + at.key.bytes().map(usize::from).sum::<usize>())
                .is_multiple_of(3)
                .then_some(ReadFailureKind::Network)
        },
    ];
    for fault in faults {
        let source = WorldSource { faults: fault, ..WorldSource::new(&trail.world) };
        let events = run_over(&trail, &period, source, 2);
        assert_eq!(findings(&events), []);
        assert_eq!(summary(&events).verdict, Verdict::NotProven);
    }
}

#[test]
fn events_are_the_same_at_any_concurrency_and_page_size() {
    let mut trail = TrailSpec::new()
        .seed(3)
        .regions(&["us-east-1", "eu-west-1", "ap-south-1"])
        .time("2026-03-01T00:04:11Z", 16)
        .logs(LogPlan::Constant(3), LogSizes::Small)
        .build();
    let mut dice = Dice::new(1, "concurrency");
    for _ in 0..6 {
        let deed = trail.random_deed(&mut dice);
        let _ = trail.apply(deed);
    }
    let period = covered(&trail);
    let first = run_over(&trail, &period, WorldSource::new(&trail.world), 1);
    for (workers, page) in [(1, 3), (2, 7), (8, 1_000)] {
        let source = WorldSource { page, ..WorldSource::new(&trail.world) };
        assert_eq!(run_over(&trail, &period, source, workers), first, "{workers} workers");
    }
}

#[test]
fn an_object_that_is_no_log_file_lies_in_verified_time_all_the_same() {
    let mut trail = clean(30);
    let period = covered(&trail);
    let (_, log) = trail.logs().nth(4).unwrap();
    let (bucket, key) = (log.bucket.clone(), log.key.clone());
    let version = trail.current(&bucket, &key).unwrap().clone();
    let folder = &key[..key.rfind('/').unwrap()];
    let name = &key[folder.len() + 1..];
    // Athena and most collectors read a folder, whatever the names in it say.
    for planted in
        [format!("{folder}/x.json.gz"), format!("{folder}/{}", name.replace("_2026", "_2019"))]
    {
        trail.put(&bucket, &planted, version.clone());
        let events = run(&trail, &period);
        assert_eq!(summary(&events).verdict, Verdict::NotProven, "{planted}");
        let told =
            |event: &RunEvent| matches!(event, RunEvent::LogUnlisted { at } if at.key == planted);
        assert!(events.iter().any(told), "{planted}");
        trail.delete(&bucket, &planted);
    }
    assert_eq!(summary(&run(&trail, &period)).verdict, Verdict::Proven);
}

#[test]
fn an_account_whose_digests_are_all_gone_is_not_forgotten() {
    let organization = Some("o-a1b2c3d4e5");
    for organization in [organization, None] {
        let mut spec = TrailSpec::new()
            .seed(12)
            .time("2026-03-01T00:04:11Z", 6)
            .logs(LogPlan::Constant(1), LogSizes::Small)
            .accounts(&["111122223333", "444455556666"]);
        if let Some(organization) = organization {
            spec = spec.organization(organization);
        }
        let mut trail = spec.build();
        let period = covered(&trail);
        assert_eq!(summary(&run(&trail, &period)).verdict, Verdict::Proven);
        let gone: Vec<_> = trail
            .digests()
            .filter(|(chain, _)| chain.account == "444455556666")
            .map(|(_, digest)| (digest.bucket.clone(), digest.key.clone()))
            .collect();
        for (bucket, key) in gone {
            trail.delete(&bucket, &key);
        }
        let events = run(&trail, &period);
        assert_eq!(summary(&events).verdict, Verdict::NotProven, "{organization:?}");
        let told = events.iter().any(|event| match event {
            RunEvent::LogsWithoutDigests { folder } => folder.contains("444455556666"),
            RunEvent::ChainFinished(chain) => chain.chain.account.as_str() == "444455556666",
            _ => false,
        });
        assert!(told, "{organization:?}");
    }
}

#[test]
fn a_region_of_one_account_whose_siblings_go_on_is_uncovered() {
    let mut trail = TrailSpec::new()
        .seed(14)
        .time("2026-03-01T00:04:11Z", 6)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .organization("o-a1b2c3d4e5")
        .accounts(&["111122223333", "444455556666"])
        .regions(&["us-east-1", "eu-west-1"])
        .build();
    let period = covered(&trail);
    assert_eq!(summary(&run(&trail, &period)).verdict, Verdict::Proven);
    let here = |chain: &ChainId| chain.account == "444455556666" && chain.region == "eu-west-1";
    let digests = trail.digests().filter(|(chain, _)| here(chain));
    let mut gone: Vec<_> = digests.map(|(_, d)| (d.bucket.clone(), d.key.clone())).collect();
    // Its log files too, so that only the other chains tell that there should be something.
    let logs = trail.logs().filter(|(chain, _)| here(chain));
    gone.extend(logs.map(|(_, log)| (log.bucket.clone(), log.key.clone())));
    for (bucket, key) in gone {
        trail.delete(&bucket, &key);
    }
    let events = run(&trail, &period);
    check(&trail, &period, &events).unwrap();
    assert_eq!(summary(&events).verdict, Verdict::NotProven);
    assert_eq!(summary(&events).chains, 4);
    assert_eq!(summary(&events).coverage.verified, 3 * (period.to - period.from));
}

/// A chain that stopped before the period has ended, unless its trail is named or goes on elsewhere:
/// outside of the scope too, and when nobody can look there.
#[test]
fn a_scope_neither_hides_siblings_that_go_on_nor_names_a_chain() {
    let spec = || {
        TrailSpec::new()
            .seed(15)
            .time("2026-03-01T00:04:11Z", 30)
            .logs(LogPlan::Constant(1), LogSizes::Small)
            .regions(&["us-east-1", "eu-west-1"])
    };
    let here = |region: &str| Scope { regions: vec![region.parse().unwrap()], ..Scope::default() };
    let named = Scope {
        trails: vec![TrailFilter::Name("management-events".parse().unwrap())],
        ..here("eu-west-1")
    };
    let presence = |events: &[RunEvent], region: &str| {
        let told = events.iter().find_map(|event| match event {
            RunEvent::ChainFinished(told) if told.chain.source_region.as_str() == region => {
                Some(told.presence.clone())
            }
            _ => None,
        });
        told.unwrap()
    };
    let stopped = |regions: &[&str]| {
        let mut trail = spec().build();
        let start = trail.chains[0].digests[12].end;
        let gone = |chain: &ChainId, end: i64| regions.contains(&&*chain.region) && end > start;
        let digests = trail.digests().filter(|(chain, digest)| gone(chain, digest.end));
        let gone: Vec<_> = digests.map(|(_, d)| (d.bucket.clone(), d.key.clone())).collect();
        for (bucket, key) in gone {
            trail.delete(&bucket, &key);
        }
        let last = trail.chains[0].digests[30].end;
        (trail, Period::new(start + 7_200, last))
    };
    let within = |scope: &Scope, (trail, period): &(BuiltTrail, Period), denied: bool| {
        let mut source = WorldSource::new(&trail.world);
        source.deny_listing = denied.then_some("CloudTrail-Digest/us-east-1/");
        run_in(scope.clone(), trail, period, source, 2)
    };
    let both = stopped(&["us-east-1", "eu-west-1"]);
    let one = stopped(&["eu-west-1"]);
    let (ended, absent) = (true, false);
    for (scope, world, denied, expected) in [
        (Scope::default(), &both, false, ended),
        (Scope::default(), &one, false, absent),
        (here("eu-west-1"), &both, false, ended),
        (here("eu-west-1"), &one, false, absent),
        (here("eu-west-1"), &both, true, absent),
        (named, &both, false, absent),
    ] {
        let events = within(&scope, world, denied);
        let told = presence(&events, "eu-west-1");
        let is_ended = matches!(told, Presence::Ended { .. });
        let is_absent = matches!(told, Presence::Absent { last: Some(_) });
        assert_eq!((is_ended, is_absent), (expected, !expected), "{scope:?} {told:?}");
        assert_ne!(summary(&events).verdict, Verdict::Proven, "{scope:?}");
    }
}
