//! What goes wrong, its class, and what is requested again.
use super::*;

/// One source without retries: the class of each fault of a GET.
#[tokio::test]
async fn each_fault_has_its_class() {
    use ReadFailureKind as Kind;
    let html = Fault::Answer {
        status: 404,
        content_type: "text/html".to_owned(),
        body: "<html>not here</html>".to_owned(),
    };
    let rows = [
        (Fault::AccessDenied, Kind::Denied),
        (Fault::ForbiddenWithoutBody, Kind::Denied),
        (Fault::ExpiredToken, Kind::Denied),
        (Fault::KmsDenied, Kind::KmsDenied),
        (Fault::KmsDisabled, Kind::KmsDenied),
        (Fault::SlowDown, Kind::Throttled),
        (Fault::InternalError, Kind::Network),
        (Fault::NoSuchBucket, Kind::NoSuchBucket),
        (Fault::NotFoundWithoutBody, Kind::Network),
        (html, Kind::Network),
        (Fault::Archived, Kind::Archived),
        (Fault::Reset, Kind::Network),
        (Fault::HangUp, Kind::Network),
        (Fault::BodyCut { after: 1000 }, Kind::Truncated),
        (Fault::BodyReset { after: 1000 }, Kind::Network),
        (Fault::WrongContentLength(7), Kind::Truncated),
        (Fault::StallBeforeHeaders(Duration::from_secs(5)), Kind::Timeout),
        (Fault::StallInBody { after: 10, time: Duration::from_secs(5) }, Kind::Timeout),
    ];
    for (fault, kind) in rows {
        let shown = format!("{fault:?}");
        let plan = FaultPlan::new().with(Matcher::get("a/long"), Schedule::always(fault));
        let server = serve_faults(plan);
        let failure = failure(&s3(&server), "a/long").await;
        assert_eq!((failure.kind, failure.attempts), (kind, 1), "{shown}: {failure}");
        assert!(!failure.detail.is_empty(), "{shown}");
    }
}

#[tokio::test]
async fn only_what_s3_reports_as_missing_is_missing() {
    let server = serve(ServerOptions::default());
    let source = s3(&server);
    assert_eq!(read(&source, "a/none").await, Err(ReadError::Missing));
    let access = AccessRules { no_list_bucket: true, ..AccessRules::default() };
    let server = serve(ServerOptions { access, ..ServerOptions::default() });
    let source = s3(&server);
    let denied = failure(&source, "a/none").await;
    assert_eq!(denied.kind, ReadFailureKind::Denied);
    assert!(denied.detail.contains("absent keys"), "{denied}");
    assert!(denied.request_id.is_some());
    let denied = source.list(&ListRequest::all(BUCKET, "")).await.unwrap_err();
    assert_eq!(denied.kind, ReadFailureKind::Denied);
}

/// The failure has what is needed to build the AWS CLI's message for this case.
#[tokio::test]
async fn a_missing_bucket_is_reported_as_such() {
    let server = serve(ServerOptions::default());
    let source = s3(&server);
    for _ in 0..2 {
        let gone = source.list(&ListRequest::all("no-such-bucket", "")).await.unwrap_err();
        assert_eq!(gone.kind, ReadFailureKind::NoSuchBucket);
        assert_eq!(
            gone.code_and_message(),
            Some(("NoSuchBucket", "The specified bucket does not exist"))
        );
    }
}

#[tokio::test]
async fn faults_within_the_budget_are_invisible_and_attempts_are_exact() {
    for fault in [
        Fault::Reset,
        Fault::SlowDown,
        Fault::InternalError,
        Fault::BodyCut { after: 30_000 },
        Fault::BodyReset { after: 30_000 },
        Fault::StallInBody { after: 10, time: Duration::from_secs(5) },
        Fault::NotFoundWithoutBody,
    ] {
        let shown = format!("{fault:?}");
        for faulty in [1, 4] {
            let plan = FaultPlan::new()
                .with(Matcher::get("a/long"), Schedule::first(faulty, fault.clone()));
            let server = serve_faults(plan);
            let (source, counts) = retrying(&server);
            let body = read(&source, "a/long").await.unwrap();
            assert!(body == long_body(), "{shown}");
            let attempts = u64::try_from(faulty).unwrap() + 1;
            assert_eq!(server.requests().of(Operation::GetObject), attempts, "{shown}");
            assert_eq!(counts.now().gets, attempts);
            assert_eq!(counts.now().in_flight, 0);
        }
        let plan = FaultPlan::new().with(Matcher::get("a/long"), Schedule::always(fault));
        let server = serve_faults(plan);
        let (source, _) = retrying(&server);
        assert_eq!(failure(&source, "a/long").await.attempts, 5, "{shown}");
        assert_eq!(server.requests().of(Operation::GetObject), 5, "{shown}");
    }
}

#[tokio::test]
async fn a_body_is_resumed_from_the_byte_reached() {
    let plan = FaultPlan::new()
        .with(Matcher::get("a/long"), Schedule::first(2, Fault::BodyCut { after: 60_000 }));
    let server = serve(ServerOptions { faults: plan, log_requests: true, ..Default::default() });
    let (source, counts) = retrying(&server);
    assert!(read(&source, "a/long").await.unwrap() == long_body());
    let ranges: Vec<_> = server
        .log()
        .into_iter()
        .filter(|request| request.operation == Operation::GetObject)
        .map(|request| request.range)
        .collect();
    assert_eq!(ranges.len(), 3);
    assert_eq!(ranges[0], None);
    assert!(ranges[1].as_ref().is_some_and(|range| range.ends_with('-')), "{ranges:?}");
    assert_eq!(counts.now().bytes, 200_000);
}

#[tokio::test]
async fn a_store_that_ignores_ranges_is_read_completely() {
    let plan = FaultPlan::new()
        .with(Matcher::get("a/long"), Schedule::on(1, Fault::BodyReset { after: 99_999 }))
        .with(Matcher::get("a/long"), Schedule::from(2, Fault::RangeIgnored));
    let server = serve_faults(plan);
    let (source, _) = retrying(&server);
    assert!(read(&source, "a/long").await.unwrap() == long_body());
}

#[tokio::test]
async fn the_parts_of_a_replaced_object_are_not_joined() {
    let plan = FaultPlan::new()
        .with(Matcher::get("a/long"), Schedule::on(1, Fault::BodyCut { after: 1000 }))
        .with(Matcher::get("a/long"), Schedule::from(2, Fault::EtagChanged));
    let server = serve_faults(plan);
    let (source, _) = retrying(&server);
    let changed = failure(&source, "a/long").await;
    assert_eq!(changed.kind, ReadFailureKind::ChangedWhileReading);
    assert_eq!(changed.attempts, 2);
}

/// A proxy's page, a broken document: a listing is evidence, so it is accepted completely or not at
/// all.
#[tokio::test]
async fn a_garbled_listing_is_a_failure() {
    for body in [
        "",
        "<html></html>",
        "<ListBucketResult></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>2</KeyCount>\
         <Contents><Key>a</Key><Size>1</Size></Contents>",
        "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message>\
         </Error>",
    ] {
        let answer = Fault::Answer {
            status: 200,
            content_type: "application/xml".to_owned(),
            body: body.to_owned(),
        };
        let plan = FaultPlan::new()
            .with(Matcher::operation(Operation::ListObjectsV2), Schedule::always(answer));
        let server = serve_faults(plan);
        let failure = s3(&server).list(&ListRequest::all(BUCKET, "")).await.unwrap_err();
        assert_eq!(failure.kind, ReadFailureKind::Network, "{body}: {failure}");
    }
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let server = serve(ServerOptions::default());
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(server.endpoint())
        .region(Region::new("us-east-1"))
        .build();
    let config = AwsConfig::from_sdk(sdk);
    let words = r#"Unable to locate credentials. You can configure credentials by running "aws configure"."#;
    assert_eq!(config.check_credentials().await.unwrap_err().to_string(), words);
    let failure = failure(&S3Source::new(&config, brief()), "a/1").await;
    assert_eq!((failure.kind, failure.detail.as_str()), (ReadFailureKind::Denied, words));
    let error = CloudTrail::new(&config).trail(&ARN.parse().unwrap()).await.unwrap_err();
    assert!(error.no_credentials);
    assert_eq!(error.to_string(), words);
    assert_eq!(server.requests().total, 0);
}
