//! Stores that are slow, reject requests, or close connections.
use super::*;

/// Log files whose answer never comes within the limit, and log files that trickle.
#[test]
fn objects_that_are_too_slow_are_unread_and_the_rest_is_read() {
    let trail = trail();
    for fault in [
        Fault::StallBeforeHeaders(Duration::from_secs(10)),
        // Never silent for as long as the limit, and never complete.
        Fault::Trickle(LIMIT / 8),
    ] {
        let faults = on_logs(Schedule::always(fault.clone()));
        let options = ServerOptions { faults, ..ServerOptions::default() };
        let begun = Instant::now();
        let (summary, events, _) = run(&trail, options, LONG);
        assert_eq!(summary.verdict, Verdict::NotProven, "{fault:?}");
        let unread = unread_logs(&events);
        assert_eq!(unread.len(), 12, "{fault:?}");
        assert!(unread.iter().all(|kind| *kind == ReadFailureKind::Timeout), "{unread:?}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{fault:?}");
    }
}

#[test]
fn connections_that_close_after_each_answer_change_nothing() {
    let trail = trail();
    let faults = FaultPlan::new().with(Matcher::any(), Schedule::always(Fault::ConnectionClose));
    let options = ServerOptions { faults, ..ServerOptions::default() };
    let (summary, events, _) = run(&trail, options, LONG);
    let (well, expected, _) = run(&trail, ServerOptions::default(), LONG);
    assert_eq!((summary.verdict, &events), (Verdict::Proven, &expected));
    assert_eq!(summary, well);
}

/// The store rejects every request after the listing. Without retries, no further object is
/// requested after the first rejections.
#[test]
fn a_store_that_rejects_every_object_is_abandoned() {
    let trail = trail();
    let refused = Matcher::operation(Operation::GetObject);
    let faults = FaultPlan::new().with(refused, Schedule::always(Fault::SlowDown));
    let options = ServerOptions { faults, ..ServerOptions::default() };
    let (summary, events, counts) = run(&trail, options, Duration::ZERO);
    assert_eq!(summary.verdict, Verdict::NotProven);
    let (mut judged, mut not_requested) = (0_u64, 0_u64);
    for event in &events {
        let RunEvent::DigestJudged(digest) = event else { continue };
        let Outcome::Unverified(why) = &digest.outcome else { panic!("{digest:?}") };
        assert_eq!(why.kind, ReadFailureKind::Throttled, "{digest:?}");
        judged += 1;
        not_requested += u64::from(why.detail.contains("not requested"));
    }
    assert!(judged >= 6 && not_requested == judged, "{not_requested} of {judged}");
    // Each object was requested at most once, although two attempts are allowed.
    assert!(counts.now().gets <= judged, "{} requests", counts.now().gets);
    let waiting = counts.waiting();
    assert!(waiting.refused > 0 && waiting.oldest.is_none(), "{waiting:?}");
}

/// A store that answers a limited number of requests per second and rejects the others: everything
/// is read.
#[test]
fn everything_is_read_from_a_store_with_a_rate_limit() {
    let trail = trail();
    let throttling = Throttling { requests_per_second: 20.0, burst: 1.0 };
    let options = ServerOptions { throttling: Some(throttling), ..ServerOptions::default() };
    let server = LoopbackServer::start(trail.world.clone(), options).unwrap();
    let policy = RetryPolicy { refusals: 9, ..RetryPolicy::at_once(5) };
    let keys = Arc::new(WorldKeys(Arc::new(trail.world.clone())));
    let (_, counts) = source(&server, LONG);
    let sdk = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .http_client(trailproof::aws::http::client(None))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "AKID", "secret", None, None, "test",
        )))
        .endpoint_url(server.endpoint())
        .region(Some(Region::new("us-east-1")))
        .build();
    let s3 = S3Source::new(&AwsConfig::from_sdk(sdk), Timeouts::default());
    let limited = Limited::new(Counted::new(s3, Arc::clone(&counts)), InFlight::Adaptive);
    let source = Arc::new(Retrying::new(limited, policy));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let summary = runtime.block_on(verify(&plan(&trail), source, keys, &mut |_| {}));
    assert_eq!(summary.verdict, Verdict::Proven, "{summary:?}");
    assert!(server.requests().throttled > 0, "the rate limit was never exceeded");
}
