//! Everything that a store does wrong, as scripted.
use super::*;

#[tokio::test]
async fn rejections_have_the_wording_of_s3() {
    let rejected = |status, code: &str| (status, Some(code.to_owned()));
    assert_eq!(refusal_of(Fault::AccessDenied).await, rejected(403, "AccessDenied"));
    assert_eq!(refusal_of(Fault::KmsDenied).await, rejected(403, "AccessDenied"));
    assert_eq!(refusal_of(Fault::KmsDisabled).await, rejected(400, "KMS.DisabledException"));
    assert_eq!(refusal_of(Fault::SlowDown).await, rejected(503, "SlowDown"));
    assert_eq!(refusal_of(Fault::InternalError).await, rejected(500, "InternalError"));
    assert_eq!(refusal_of(Fault::NoSuchKey).await, rejected(404, "NoSuchKey"));
    assert_eq!(refusal_of(Fault::NoSuchBucket).await, rejected(404, "NoSuchBucket"));
    assert_eq!(refusal_of(Fault::Archived).await, rejected(403, "InvalidObjectState"));
    assert_eq!(refusal_of(Fault::ExpiredToken).await, rejected(400, "ExpiredToken"));
    let redirect = Fault::PermanentRedirect { region: "us-west-2".to_owned() };
    assert_eq!(refusal_of(redirect).await, rejected(301, "PermanentRedirect"));
    // The Rust SDK invents its own code here. It must not be taken for NoSuchKey.
    assert_eq!(refusal_of(Fault::NotFoundWithoutBody).await, rejected(404, "NotFound"));
    assert_eq!(refusal_of(Fault::ForbiddenWithoutBody).await, (403, None));
    let (content_type, body) = ("text/html".to_owned(), "<html>502".to_owned());
    let garbage = Fault::Answer { status: 502, content_type, body };
    assert_eq!(refusal_of(garbage).await, (502, None));
}

#[tokio::test]
async fn connections_break_as_scripted() {
    for fault in [Fault::Reset, Fault::HangUp] {
        assert_eq!(refusal_of(fault).await, (0, None));
    }
    for fault in
        [Fault::BodyCut { after: 1 }, Fault::BodyReset { after: 1 }, Fault::WrongContentLength(5)]
    {
        let plan = FaultPlan::new().with(Matcher::get("a/1"), Schedule::first(1, fault));
        let server = serve_faults(plan);
        let client = s3(&server);
        let output = get(&client, "a/1").await.unwrap();
        assert!(output.body.collect().await.is_err());
        assert_eq!(get_body(&client, "a/1").await, b"a1");
    }
}

#[tokio::test]
async fn faults_follow_the_attempts_of_each_key() {
    let plan = FaultPlan::new()
        .with(Matcher::get("a/1"), Schedule::first(2, Fault::SlowDown))
        .with(Matcher::get("a/2"), Schedule::on(2, Fault::InternalError))
        .with(Matcher::get("a/3"), Schedule::from(2, Fault::NoSuchKey));
    let server = serve_faults(plan);
    let client = s3_with_retries(&server, 3);
    // Requested concurrently: the faults of one key do not depend on when the others are requested.
    let (one, two, three) =
        tokio::join!(get(&client, "a/1"), get(&client, "a/2"), get(&client, "a/3"));
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    assert_eq!(get_body(&client, "a/2").await, b"a2");
    let error = get(&client, "a/3").await.unwrap_err();
    assert_eq!(refusal(&error), (404, Some("NoSuchKey")));
    // Three for the first key, one and two for the second, one and one for the third.
    assert_eq!(server.requests().of(Operation::GetObject), 8);
    server.forget();
    assert!(get(&client, "a/3").await.is_ok(), "attempts must be counted from zero");
}

#[tokio::test]
async fn bodies_and_metadata_change_as_scripted() {
    let always = |fault| FaultPlan::new().with(Matcher::any(), Schedule::always(fault));
    let server = serve_faults(always(Fault::BitFlipped { at: 1 }));
    let client = s3(&server);
    assert_eq!(get_body(&client, "a/1").await, b"a0");
    server.replace_faults(always(Fault::ByteLost { at: 0 }));
    assert_eq!(get_body(&client, "a/1").await, b"1");
    server.replace_faults(always(Fault::MetadataDropped));
    let output = get(&client, "a/1").await.unwrap();
    assert!(output.metadata().is_none_or(|metadata| metadata.is_empty()));
    server.replace_faults(always(Fault::RangeIgnored));
    let request = client.get_object().bucket(BUCKET).key("a/1").range("bytes=1-");
    assert_eq!(body(request.send().await.unwrap()).await, b"a1");
    server.replace_faults(always(Fault::MetadataInOtherCase));
    let answer = raw(&server, "GET /evidence/a/1 HTTP/1.0\r\n\r\n");
    assert!(answer.contains("\r\nX-Amz-Meta-Signature: abcd\r\n"));
}

#[tokio::test]
async fn an_object_replaced_during_a_read_fails_the_condition() {
    let plan = FaultPlan::new().with(Matcher::get("a/1"), Schedule::from(2, Fault::EtagChanged));
    let server = serve_faults(plan);
    let client = s3(&server);
    let etag = get(&client, "a/1").await.unwrap().e_tag().unwrap().to_owned();
    let request = client.get_object().bucket(BUCKET).key("a/1").range("bytes=1-").if_match(&etag);
    assert_eq!(refusal(&request.send().await.unwrap_err()), (412, Some("PreconditionFailed")));
    assert_ne!(get(&client, "a/1").await.unwrap().e_tag(), Some(etag.as_str()));
}

#[tokio::test]
async fn stalled_and_trickling_bodies_arrive_complete_and_late() {
    let time = Duration::from_millis(60);
    for fault in [
        Fault::StallBeforeHeaders(time),
        Fault::StallInBody { after: 1, time },
        Fault::Trickle(time),
    ] {
        let plan = FaultPlan::new().with(Matcher::get("a/1"), Schedule::always(fault));
        let server = serve_faults(plan);
        let client = s3(&server);
        let started = Instant::now();
        assert_eq!(get_body(&client, "a/1").await, b"a1");
        assert!(started.elapsed() >= time);
    }
}

#[tokio::test]
async fn a_sample_of_keys_is_the_same_every_time() {
    let sample = |seed| {
        let keys = KeyMatcher::Sample { per_mille: 500, seed };
        let plan =
            FaultPlan::new().with(Matcher::any().key(keys), Schedule::always(Fault::SlowDown));
        serve_faults(plan)
    };
    let mut seen = Vec::new();
    for seed in [1, 1, 2] {
        let server = sample(seed);
        let client = s3(&server);
        let mut failed = Vec::new();
        for key in server.world().buckets[BUCKET].objects.keys() {
            failed.push(get(&client, key).await.is_err());
        }
        assert!(failed.contains(&true) && failed.contains(&false));
        seen.push(failed);
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
}

#[tokio::test]
async fn access_rules_deny_as_iam_does() {
    let access = AccessRules {
        denied_get_prefixes: vec!["b/".to_owned()],
        denied_list_prefixes: vec!["c/".to_owned()],
        ..AccessRules::default()
    };
    let server = serve(ServerOptions { access, ..ServerOptions::default() });
    let client = s3(&server);
    let error = get(&client, "b/1").await.unwrap_err();
    assert_eq!(refusal(&error), (403, Some("AccessDenied")));
    assert!(get(&client, "c/1").await.is_ok());
    let list = client.list_objects_v2().bucket(BUCKET).prefix("c/").send().await.unwrap_err();
    assert_eq!(list.code(), Some("AccessDenied"));
    assert!(client.list_objects_v2().bucket(BUCKET).prefix("b/").send().await.is_ok());

    let access = AccessRules { no_list_bucket: true, ..AccessRules::default() };
    let server = serve(ServerOptions { access, ..ServerOptions::default() });
    let client = s3(&server);
    let absent = get(&client, "a/9").await.unwrap_err();
    assert_eq!(refusal(&absent), (403, Some("AccessDenied")));
    assert!(get(&client, "a/1").await.is_ok());
    assert!(client.list_objects_v2().bucket(BUCKET).send().await.is_err());
}

#[tokio::test]
async fn requests_above_the_rate_get_slow_down() {
    let throttling = Some(Throttling { requests_per_second: 0.001, burst: 2.0 });
    let server = serve(ServerOptions { throttling, ..ServerOptions::default() });
    let client = s3(&server);
    assert!(get(&client, "a/1").await.is_ok());
    assert!(get(&client, "a/2").await.is_ok());
    let error = get(&client, "a/3").await.unwrap_err();
    assert_eq!(refusal(&error), (503, Some("SlowDown")));
    assert_eq!(server.requests().throttled, 1);
}

#[tokio::test]
async fn latency_does_not_delay_other_requests() {
    let latency = Duration::from_millis(100);
    let server = serve(ServerOptions { latency, log_requests: true, ..ServerOptions::default() });
    let client = s3(&server);
    let started = Instant::now();
    let tasks: Vec<_> = (0..30)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move { get(&client, &format!("a/{}", number % 3 + 1)).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    assert!(started.elapsed() >= latency && started.elapsed() < latency * 15);
    let requests = server.requests();
    assert_eq!((requests.total, requests.of(Operation::GetObject)), (30, 30));
    assert!(requests.max_in_flight > 1 && requests.connections > 1);
    let mut attempts: Vec<_> = server
        .log()
        .into_iter()
        .filter(|request| request.key == "a/1")
        .map(|request| request.attempt)
        .collect();
    attempts.sort_unstable();
    assert_eq!(attempts, (1..=10).collect::<Vec<_>>());
}
