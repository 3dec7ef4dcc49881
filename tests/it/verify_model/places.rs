//! Missing places: accounts, regions and scopes beside others that go on.
use super::*;

#[test]
fn an_object_that_is_not_a_log_file_does_not_hide_in_verified_time() {
    let mut trail = clean(30);
    let period = covered(&trail);
    let (_, log) = trail.logs().nth(4).unwrap();
    let (bucket, key) = (log.bucket.clone(), log.key.clone());
    let mut version = trail.current(&bucket, &key).unwrap().clone();
    version.body = "not CloudTrail's".into();
    let folder = &key[..key.rfind('/').unwrap()];
    let name = &key[folder.len() + 1..];
    // Athena and most collectors read a folder regardless of the names in it.
    for planted in
        [format!("{folder}/x.json.gz"), format!("{folder}/{}", name.replace("_2026", "_2019"))]
    {
        trail.put(&bucket, &planted, version.clone());
        let events = run(&trail, &period);
        assert_eq!(summary(&events).verdict, Verdict::NotProven, "{planted}");
        let reported = |event: &RunEvent| matches!(event, RunEvent::LogUnlisted { at, .. } if at.key == planted);
        assert!(events.iter().any(reported), "{planted}");
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
        let reported = events.iter().any(|event| match event {
            RunEvent::LogsWithoutDigests { folder, .. } => folder.contains("444455556666"),
            RunEvent::ChainFinished(chain) => chain.chain.account.as_str() == "444455556666",
            _ => false,
        });
        assert!(reported, "{organization:?}");
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
    // Its log files too, so that only the other chains show that something should be there.
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

/// A chain that stopped before the period has ended, unless its trail is named or goes on
/// elsewhere. This also holds outside of the scope, and if the other places cannot be listed.
#[test]
fn a_scope_does_not_hide_siblings_that_go_on() {
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
        let reported = events.iter().find_map(|event| match event {
            RunEvent::ChainFinished(reported)
                if reported.chain.source_region.as_str() == region =>
            {
                Some(reported.presence.clone())
            }
            _ => None,
        });
        reported.unwrap()
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
        let reported = presence(&events, "eu-west-1");
        let is_ended = matches!(reported, Presence::Ended { .. });
        let is_absent = matches!(reported, Presence::Absent { last: Some(_) });
        assert_eq!((is_ended, is_absent), (expected, !expected), "{scope:?} {reported:?}");
        assert_ne!(summary(&events).verdict, Verdict::Proven, "{scope:?}");
    }
}

/// The allowance for pending time depends on the age of the newest digest: a region that has been
/// dead for days gets none, however short the period.
#[test]
fn a_short_period_over_a_dead_region_is_not_proven() {
    let clean = TrailSpec::new()
        .seed(15)
        .time("2026-03-01T00:04:11Z", 30)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .regions(&["us-east-1", "eu-west-1"])
        .build();
    let whole = covered(&clean);
    let newest = clean.chains[0].standard - 1;
    for span in [3_600, 5_400, 7_200, 10_800] {
        // Half an hour after the newest digest.
        let now = whole.to + 1_800;
        let period = Period::new(now - span, now).now(now);
        let events = run(&clean, &period);
        check(&clean, &period, &events).unwrap();
        assert_eq!(summary(&events).verdict, Verdict::Proven, "{span}");
        assert!(summary(&events).coverage.pending > 0, "{span}");
        for deleted in [newest / 2, newest - 3] {
            let mut dead = clean.clone();
            dead.apply(Deed::NewestDigestsDeleted { chain: 1, count: deleted }).unwrap();
            let events = run(&dead, &period);
            check(&dead, &period, &events).unwrap();
            assert_eq!(summary(&events).verdict, Verdict::NotProven, "{span} {deleted}");
        }
    }
}

/// If no digest ends in the period, the newest digest is the one before it. It is read to determine
/// what is pending.
#[test]
fn the_newest_digest_before_the_period_determines_what_is_pending() {
    let trail = clean(30);
    let whole = covered(&trail);
    let newest = trail.chains[0].digests[trail.chains[0].standard - 1].clone();
    let now = whole.to + 5_400;
    let period = Period::new(now - 3_600, now).now(now);
    let events = run(&trail, &period);
    assert_eq!(summary(&events).coverage.pending, 3_600);
    // Nothing is verified yet, so nothing is proven.
    assert_eq!(summary(&events).verdict, Verdict::NotProven);
    let anchor = |event: &RunEvent| matches!(event, RunEvent::DigestJudged(judged) if judged.at.key == newest.key && !judged.counts);
    assert!(events.iter().any(anchor));
    // A forged digest determines nothing.
    let mut forged = trail.clone();
    forged
        .apply(Deed::DigestForged(trailproof_testkit::trail::DigestAt {
            chain: 0,
            index: trail.chains[0].standard - 1,
        }))
        .unwrap();
    let events = run(&forged, &period);
    assert_eq!(summary(&events).coverage.pending, 0);
    assert_ne!(summary(&events).verdict, Verdict::Proven);
}
