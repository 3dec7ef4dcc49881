//! Several trails in one digest folder, and folders that somebody filled: no page hides a chain.
use super::*;
use crate::support::worlds::{WorldKeys, WorldSource};
use std::sync::Arc;
use trailproof::locate::roots::find_roots;
use trailproof::source::ObjectSource;
use trailproof::verify::plan::VerifyPlan;
use trailproof::verify::run::verify;
use trailproof_core::codes::failure::ReadFailureKind;
use trailproof_core::record::{PlaceDoubt, Presence, RunEvent};
use trailproof_core::verdict::Verdict;
use trailproof_core::vocab::chain_id::Scope;
use trailproof_core::vocab::time::{Period, Timestamp};
use trailproof_testkit::trail::TrailBuilder;

/// Runs the engine over a store with pages of this size.
fn run(
    trail: &BuiltTrail,
    (from, to): (i64, i64),
    scope: Scope,
    page: usize,
) -> (Verdict, Vec<RunEvent>) {
    let source: Arc<dyn ObjectSource> =
        Arc::new(WorldSource { page, ..WorldSource::new(&trail.world) });
    let keys = Arc::new(WorldKeys(Arc::new(trail.world.clone())));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut events = Vec::new();
    let summary = runtime.block_on(async {
        let bucket = bucket(trail);
        let roots = find_roots(source.as_ref(), &bucket, "").await.unwrap().prefixes;
        let period = Period { start: Timestamp::from_unix(from), end: Timestamp::from_unix(to) };
        let now = Timestamp::from_unix(to);
        let plan = VerifyPlan { roots, scope, ..VerifyPlan::new(&bucket, period, now) };
        verify(&plan, source, keys, &mut |event| events.push(event.clone())).await
    });
    (summary.verdict, events)
}

/// Returns the trails whose end nothing explains.
fn unexplained(events: &[RunEvent]) -> Vec<String> {
    let doubts = events.iter().filter_map(|event| match event {
        RunEvent::PlaceInDoubt(place) if place.why == PlaceDoubt::EndedUnexplained => {
            place.trail.clone()
        }
        _ => None,
    });
    doubts.collect()
}

#[test]
fn a_trail_that_ended_beside_one_that_continues_is_found_at_any_age() {
    for (stop, explained) in [(20, false), (20, true), (45, false), (45, true)] {
        let home = |seed, name: &str| spec(60).seed(seed).trail(name, HOME).regions(&[HOME]);
        let mut old = home(43, "old").stopped(stop);
        old.pauses[0].explained = explained;
        let trail = TrailBuilder::new().trail(home(42, "mgmt")).trail(old).build();
        let begin = Timestamp::parse(START).unwrap().unix();
        let period = (begin + 50 * 3_600, begin + 60 * 3_600);
        for page in [1_000, 20, 3] {
            let (verdict, events) = run(&trail, period, Scope::default(), page);
            let expected = if explained { vec![] } else { vec!["old".to_owned()] };
            assert_eq!(unexplained(&events), expected, "{stop} {page}");
            let proven = if explained { Verdict::Proven } else { Verdict::NotProven };
            assert_eq!(verdict, proven, "{stop} {page}");
            // Its last digest is the last one, and not the last one of a page.
            let last = events.iter().find_map(|event| match event {
                RunEvent::ChainFinished(chain) if chain.chain.trail.as_str() == "old" => {
                    match chain.presence {
                        Presence::Ended { last } => Some(last.unix()),
                        _ => None,
                    }
                }
                _ => None,
            });
            assert_eq!(last, Some(begin + i64::from(stop) * 3_600), "{stop} {page}");
        }
    }
}

#[test]
fn other_keys_do_not_hide_a_sibling_outside_of_the_scope() {
    let mut trail = of_organization(12).build();
    let period = (trail.whole().from + 6 * 3_600, trail.whole().to);
    delete(&mut trail, |id| id.account == MEMBER && id.region == AWAY, 0, true);
    let scope = Scope { accounts: vec![MEMBER.parse().unwrap()], ..Scope::default() };
    assert_eq!(run(&trail, period, scope.clone(), 1_000).0, Verdict::NotProven);
    for number in 0..12 {
        let time = format!("20260301T{:02}0000Z", 6 + number % 6);
        plant(
            &mut trail,
            &format!(
                "AWSLogs/{ORGANIZATION}/{OWNER}/CloudTrail-Digest/{AWAY}/2026/03/01/\
                 {OWNER}_CloudTrail-Digest_{AWAY}_aaa{number:02}_{HOME}_{time}.json.gz"
            ),
        );
    }
    assert_eq!(run(&trail, period, scope, 5).0, Verdict::NotProven);
}

/// Keys that name each its own account and region would expect a chain for every pair of them.
#[test]
fn planted_names_do_not_multiply() {
    let mut trail = of_organization(4).build();
    let whole = trail.whole();
    let name = bucket(&trail);
    for number in 0..200 {
        let account = format!("{:012}", 200_000_000_000_u64 + number);
        let letter = |at: u64| char::from(b'a' + u8::try_from(at % 26).unwrap());
        let region = format!("{}{}-planted-1", letter(number), letter(number / 26));
        let key = format!(
            "AWSLogs/{ORGANIZATION}/{account}/CloudTrail-Digest/{region}/2026/03/01/\
             {account}_CloudTrail-Digest_{region}_main-trail_{HOME}_20260301T020000Z.json.gz"
        );
        trail.put(&name, &key, object(b""));
    }
    let (verdict, events) = run(&trail, (whole.from, whole.to), Scope::default(), 1_000);
    // Empty objects with the keys of digests are malformed digests.
    assert_eq!(verdict, Verdict::Contradicted);
    let over = events.iter().any(|event| match event {
        RunEvent::ListingUnread { why, .. } => why.kind == ReadFailureKind::OverBudget,
        _ => false,
    });
    assert!(over);
    let chains = events.iter().filter(|event| matches!(event, RunEvent::ChainFinished(_))).count();
    assert!(chains < 1_000, "{chains} chains");
}
