//! Narrower scopes: what is in scope is judged as in the whole run, over random deeds and
//! deletions.
use super::*;
use std::collections::BTreeMap;

const ACCOUNTS: [&str; 2] = ["111122223333", "444455556666"];
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];

/// Returns an organization of two accounts in two regions.
fn world(seed: u64) -> BuiltTrail {
    TrailSpec::new()
        .seed(seed)
        .time("2026-03-01T00:04:11Z", 6)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .organization("o-a1b2c3d4e5")
        .accounts(&ACCOUNTS)
        .regions(&REGIONS)
        .build()
}

/// Returns the chains' summaries, by account and region.
fn summaries(events: &[RunEvent]) -> BTreeMap<(String, String), String> {
    let chains = events.iter().filter_map(|event| match event {
        RunEvent::ChainFinished(finished) => Some(finished),
        _ => None,
    });
    chains
        .map(|finished| {
            let chain = &finished.chain;
            let name = (chain.account.to_string(), chain.source_region.to_string());
            (name, format!("{:?} {:?} {:?}", finished.presence, finished.segments, finished.counts))
        })
        .collect()
}

/// Whatever was done, a scope reports for each of its chains what the whole run reports, and
/// forgets none. It is proven only if everything in it is.
fn narrowed(seed: u64) {
    let clean = world(seed);
    let period = covered(&clean);
    let mut dice = Dice::new(seed, "scopes");
    let mut compared = 0;
    for round in 0..12 {
        let mut trail = clean.clone();
        for _ in 0..=round % 3 {
            let deed = trail.random_deed(&mut dice);
            let _ = trail.apply(deed);
        }
        // All digests of one place are gone, with or without its log files.
        if round % 2 == 0 {
            let account = ACCOUNTS[usize::from(dice.below(2) == 0)];
            let region = REGIONS[usize::from(dice.below(2) == 0)];
            let folder = format!("/{account}/CloudTrail");
            let (logs, gone) = (dice.below(2) == 0, format!("/{region}/"));
            for bucket in trail.world.buckets.values_mut() {
                bucket.objects.retain(|key, _| {
                    let here = key.contains(&folder) && key.contains(&gone);
                    !here || (!logs && !key.contains("-Digest/"))
                });
            }
        }
        let whole = run(&trail, &period);
        let all = summaries(&whole);
        for scope in 0..8 {
            let (account, region) = (ACCOUNTS[scope % 2], REGIONS[scope / 2 % 2]);
            let scope = Scope {
                accounts: (scope < 4).then(|| account.parse().unwrap()).into_iter().collect(),
                regions: (scope >= 2).then(|| region.parse().unwrap()).into_iter().collect(),
                ..Scope::default()
            };
            let source = WorldSource::new(&trail.world);
            let part = run_in(scope.clone(), &trail, &period, source, 2);
            let in_scope = |name: &(String, String)| {
                scope.has_account(&name.0.parse().unwrap())
                    && scope.has_region(&name.1.parse().unwrap())
            };
            let expected: BTreeMap<_, _> = all
                .iter()
                .filter(|(name, _)| in_scope(name))
                .map(|(n, t)| (n.clone(), t.clone()))
                .collect();
            assert_eq!(summaries(&part), expected, "round {round} {scope:?}");
            let verdicts = [&whole, &part].map(|events| summary(events).verdict);
            assert!(
                verdicts[1] != Verdict::Proven
                    || expected.values().all(|summary| !summary.contains("Uncovered")),
                "round {round} {scope:?}"
            );
            if verdicts[0] == Verdict::Proven {
                assert_eq!(verdicts[1], Verdict::Proven, "round {round} {scope:?}");
            }
            compared += 1;
        }
    }
    assert!(compared > 90, "{compared}");
}

crate::support::by_seed!(narrowed: seed_0 = 0, seed_1 = 1, seed_2 = 2);
