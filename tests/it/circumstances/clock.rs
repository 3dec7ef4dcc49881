//! How the store's clock is reported.
use super::*;

#[test]
fn a_clock_that_is_far_off_is_reported() {
    let at = fresh("skewed");
    let words = |date: Date, more: &[&str]| {
        let ran = verify(&with_date(date), &at, more);
        assert_eq!(ran.status, 0, "{ran:?}");
        ran.stderr
    };
    for (ahead, side) in [(3_600, "ahead of"), (-3_600, "behind")] {
        for more in [&["--record", "run.jsonl"][..], &[], &["--dry-run"]] {
            let reported = words(Date::Ahead(ahead), more);
            assert!(reported.starts_with("warning: the store's clock is 3"), "{reported}");
            assert!(reported.contains(&format!(" seconds {side} this machine's")), "{reported}");
            assert_eq!(reported.lines().count(), 1, "{reported}");
        }
        assert!((skew(&at).as_i64().unwrap() - ahead).abs() <= 1, "{}", skew(&at));
    }
    assert_eq!(words(Date::Ahead(50), &[]), "");
    assert_eq!(words(Date::Ahead(-50), &[]), "");
}

#[test]
fn an_invalid_date_is_ignored() {
    let at = fresh("dates");
    for date in [
        "",
        "yesterday",
        "Mon, 01 Mar 2026 00:00:00 GMT",
        "Sun, 01 Mar 2026 00:00:00 GMT+",
        // With an `Age` header, as from an intermediate cache.
        "Sun, 01 Mar 2026 00:00:00 GMT\r\nAge: 5",
    ] {
        let server = with_date(Date::Words(date.to_owned()));
        let ran = verify(&server, &at, &["--record", "run.jsonl"]);
        assert_eq!((ran.status, &*ran.stderr), (0, ""), "{date}: {ran:?}");
        assert_eq!(skew(&at), Value::Null, "{date}");
    }
    let ran = verify(&served(ServerOptions::default()), &at, &["--record", "run.jsonl"]);
    assert_eq!((ran.status, skew(&at)), (0, Value::Null), "{ran:?}");
    // A date in the distant past is a clock that is far off.
    let epoch = with_date(Date::Words("Thu, 01 Jan 1970 00:00:00 GMT".to_owned()));
    let ran = verify(&epoch, &at, &["--record", "run.jsonl"]);
    assert!(skew(&at).as_i64().unwrap() < -1_700_000_000, "{ran:?}");
}

/// Lateness is measured by the store's clock too, so that a slow local clock does not hide that the
/// newest digests are gone.
#[test]
fn a_slow_clock_does_not_hide_a_missing_tail() {
    let now = trailproof_core::vocab::time::Timestamp::from_unix(
        std::time::UNIX_EPOCH.elapsed().unwrap().as_secs().try_into().unwrap(),
    );
    let trail = TrailSpec::new()
        .seed(18)
        .regions(&["us-east-1"])
        .time(&now.plus(-8 * 3_600).to_string(), 7)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .build();
    let at = fresh("slow");
    for (ahead, status, reported) in [(0, 0, "pending: 1.0 h"), (3 * 3_600, 3, "\n  tail (")] {
        let date = (ahead != 0).then_some(Date::Ahead(ahead));
        let options = ServerOptions { date, ..ServerOptions::default() };
        let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
        for more in [&["--last", "6h"][..], &["--start-time", &now.plus(-6 * 3_600).to_string()]] {
            let arguments = [&["verify", "s3://example-trail-logs"], more].concat();
            let ran = Ran::from(connected(&server, &arguments).current_dir(&at));
            assert_eq!(ran.status, status, "{ahead} {more:?}: {ran:?}");
            assert!(ran.stdout.contains(reported), "{ahead} {more:?}: {ran:?}");
            assert_eq!(ran.stdout.contains("Not proven:"), status == 3, "{ran:?}");
        }
    }
}
