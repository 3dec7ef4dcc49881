//! `verify` against the builder's own model: over every deed, alone and combined, over every subset
//! of deleted digests, and at any concurrency. The model never calls the code under test.
mod copies;
mod deeds;
mod edges;
mod places;
mod scopes;
mod transit;

use crate::support::worlds::{Flips, WorldKeys, WorldSource};
use std::sync::Arc;
use trailproof::locate::roots::find_roots;
use trailproof::source::ObjectSource;
use trailproof::verify::plan::VerifyPlan;
use trailproof::verify::run::verify;
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::codes::finding::Outcome;
use trailproof_core::coverage::Coverage;
use trailproof_core::record::{LogJudged, Objections, Presence, RunEvent, RunSummary};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::{Scope, TrailFilter};
use trailproof_core::vocab::time::{Period as RunPeriod, Timestamp};
use trailproof_testkit::trail::dice::Dice;
use trailproof_testkit::trail::{
    BuiltTrail, ChainId, Deed, LogPlan, LogSizes, Period, TrailSpec, expectation,
};

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
    let mut source: Arc<dyn ObjectSource> = Arc::new(source);
    if period.copy {
        source = copies::as_copy(source, &bucket);
    }
    let world = Arc::new(trail.world.clone());
    runtime.block_on(async move {
        let roots = find_roots(source.as_ref(), &bucket, "").await.unwrap().prefixes;
        let plan = VerifyPlan {
            roots,
            scope,
            ..VerifyPlan::new(
                &bucket,
                RunPeriod {
                    start: Timestamp::from_unix(period.from),
                    end: Timestamp::from_unix(period.to),
                },
                Timestamp::from_unix(period.now),
            )
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
    let reported = |event: &RunEvent| match event {
        RunEvent::DigestJudged(judged) if judged.counts => match &judged.outcome {
            Outcome::Invalid(finding) => Some((judged.at.key.clone(), finding.code())),
            _ => None,
        },
        RunEvent::LogJudged(LogJudged { at, outcome: Outcome::Invalid(finding), .. }) => {
            Some((at.key.clone(), finding.code()))
        }
        _ => None,
    };
    events.iter().filter_map(reported).collect()
}

/// Checks everything that must hold for any run, and everything that the model predicts for this
/// one.
fn check(trail: &BuiltTrail, period: &Period, events: &[RunEvent]) -> Result<(), String> {
    recount(events, period)?;
    objected(events)?;
    let expected = trail.expected_for_verify(period);
    let findings = findings(events);
    expected.check(verdict(events), findings.iter().map(|(key, code)| (key.as_str(), *code)))?;
    let unlisted: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            RunEvent::LogUnlisted { at, .. } => Some(at.key.as_str()),
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
    let reported = events.iter().filter_map(|event| match event {
        RunEvent::ChainFinished(summary)
            if summary.chain.account.as_str() == id.account
                && summary.chain.source_region.as_str() == id.region
                && summary.chain.trail.as_str() == id.trail =>
        {
            Some(summary)
        }
        _ => None,
    });
    reported
        .flat_map(|summary| &summary.segments)
        .filter(|segment| segment.coverage == Coverage::Verified)
        .map(|segment| (segment.from.unix(), segment.to.unix()))
        .collect()
}

/// Checks that tallies equal a recount of the events, and that every chain's segments add up to the
/// period.
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

/// Checks that something is found to object to exactly where the verdict is not "proven". Without any
/// verified time, a run is not proven although nothing can be accepted; and where nothing was found,
/// there may be names that were not found either.
fn objected(events: &[RunEvent]) -> Result<(), String> {
    let (mut objections, mut count) = (Objections::default(), 0);
    for event in events {
        objections.take(event, &mut |_, number| count += number);
    }
    let RunSummary { verdict, coverage, .. } = summary(events);
    let agrees = match verdict {
        Verdict::Proven => count == 0,
        Verdict::NothingFound => true,
        Verdict::NotProven => count > 0 || coverage.verified == 0,
        Verdict::Contradicted => count > 0,
    };
    agrees.then_some(()).ok_or_else(|| format!("{} with {count} objections", verdict.words()))
}

fn clean(hours: u32) -> BuiltTrail {
    TrailSpec::new()
        .seed(7)
        .time("2026-03-01T00:04:11Z", hours)
        .logs(LogPlan::Every { hours: 2, logs: 2 }, LogSizes::Small)
        .build()
}

/// Returns the time covered by the digests after the starting one.
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
        // A chain without any remaining object cannot always be missed; exit status 4 exists for
        // that case.
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
fn a_deletion_at_the_end_of_the_period_is_found_by_the_next_digest() {
    let trail = clean(30);
    let hour = |at: usize| trail.chains[0].digests[at].clone();
    let period = Period::new(hour(5).end, hour(12).end);
    let mut changed = trail.clone();
    changed.delete(&hour(12).bucket, &hour(12).key);
    let events = run(&changed, &period);
    check(&changed, &period, &events).unwrap();
    // Without the digest after the period this would be a tail, and not a finding.
    assert_eq!(findings(&events), [(hour(12).key, "digest-missing")]);
}
