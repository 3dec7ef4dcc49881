//! CloudTrail: public keys, trails, their status and the organization.
use super::*;

/// Returns keys of 30 days, one every 20 days, in us-east-1, and one with a different fingerprint
/// in eu-west-1.
fn world_of_trails() -> World {
    const DAY: i64 = 86_400;
    let key = |index: i64| PublicKey {
        der: vec![0x30, u8::try_from(index).unwrap()],
        fingerprint: format!("{index:032x}"),
        valid_from: index * 20 * DAY,
        valid_to: (index * 20 + 30) * DAY,
    };
    let status = TrailStatus {
        is_logging: true,
        latest_digest_delivery: Some(1_600_000_000),
        latest_digest_error: Some("AccessDenied".to_owned()),
        latest_delivery: Some(1_600_000_300),
    };
    let trail = |arn: &str, multi_region| Trail {
        arn: arn.to_owned(),
        name: arn.rsplit('/').next().unwrap().to_owned(),
        bucket: BUCKET.to_owned(),
        prefix: Some("logs".to_owned()),
        multi_region,
        organization: false,
        validates: true,
        status: BTreeMap::from([("us-east-1".to_owned(), status.clone())]),
    };
    World {
        trails: vec![
            trail(ARN, true),
            trail("arn:aws:cloudtrail:eu-west-1:123456789012:trail/local", false),
        ],
        public_keys: BTreeMap::from([
            ("us-east-1".to_owned(), (0..7).map(key).collect()),
            ("eu-west-1".to_owned(), vec![key(99)]),
        ]),
        ..World::default()
    }
}

async fn fingerprints(client: &aws_sdk_cloudtrail::Client, from: i64, to: i64) -> Vec<String> {
    let mut found = Vec::new();
    let mut pages = client
        .list_public_keys()
        .start_time(DateTime::from_secs(from))
        .end_time(DateTime::from_secs(to))
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        for key in page.unwrap().public_key_list() {
            assert_eq!(key.value().unwrap().as_ref().first(), Some(&0x30));
            assert!(key.validity_start_time() < key.validity_end_time());
            found.push(key.fingerprint().unwrap().trim_start_matches('0').to_owned());
        }
    }
    found
}

#[tokio::test]
async fn public_keys_are_paged_by_region_and_time() {
    const DAY: i64 = 86_400;
    for key_page_size in [1, 2, 50] {
        let options = ServerOptions { key_page_size, ..ServerOptions::default() };
        let server = LoopbackServer::start(world_of_trails(), options).unwrap();
        let east = cloudtrail(&server, "us-east-1");
        assert_eq!(fingerprints(&east, 35 * DAY, 65 * DAY).await, ["1", "2", "3"]);
        assert_eq!(fingerprints(&east, 55 * DAY, 55 * DAY).await, ["2"]);
        assert_eq!(fingerprints(&east, 900 * DAY, 901 * DAY).await, [""; 0]);
        let west = cloudtrail(&server, "eu-west-1");
        assert_eq!(fingerprints(&west, 0, 9000 * DAY).await, ["63"]);
        let nowhere = cloudtrail(&server, "sa-east-1");
        assert_eq!(fingerprints(&nowhere, 0, 9000 * DAY).await, [""; 0]);
    }
}

#[tokio::test]
async fn invalid_requests_for_keys_are_rejected() {
    let server = LoopbackServer::start(world_of_trails(), ServerOptions::default()).unwrap();
    let client = cloudtrail(&server, "us-east-1");
    let request = client.list_public_keys();
    let times = request.start_time(DateTime::from_secs(9)).end_time(DateTime::from_secs(8));
    let error = times.send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidTimeRangeException"));
    let error = client.list_public_keys().next_token("!").send().await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidTokenException"));
}

#[tokio::test]
async fn trails_are_described_in_the_regions_where_they_are_visible() {
    let server = LoopbackServer::start(world_of_trails(), ServerOptions::default()).unwrap();
    let names = async |region, name: Option<&str>| {
        let client = cloudtrail(&server, region);
        let request = client.describe_trails().set_trail_name_list(name.map(|it| vec![it.into()]));
        let answer = request.send().await.unwrap();
        answer
            .trail_list()
            .iter()
            .map(|trail| format!("{}@{}", trail.name().unwrap(), trail.home_region().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(names("us-east-1", None).await, ["audit@us-east-1"]);
    assert_eq!(names("eu-west-1", None).await, ["audit@us-east-1", "local@eu-west-1"]);
    assert_eq!(names("ap-south-1", Some(ARN)).await, ["audit@us-east-1"]);
    assert_eq!(names("us-east-1", Some("local")).await, [""; 0]);
    let trail = cloudtrail(&server, "us-east-1").get_trail().name("audit").send().await.unwrap();
    let trail = trail.trail().unwrap();
    assert_eq!((trail.trail_arn(), trail.s3_key_prefix()), (Some(ARN), Some("logs")));
    assert_eq!(trail.is_multi_region_trail(), Some(true));
}

#[tokio::test]
async fn trail_status_is_reported_by_region() {
    let server = LoopbackServer::start(world_of_trails(), ServerOptions::default()).unwrap();
    let status = async |region| {
        cloudtrail(&server, region).get_trail_status().name(ARN).send().await.unwrap()
    };
    let home = status("us-east-1").await;
    assert_eq!(home.is_logging(), Some(true));
    assert_eq!(home.latest_digest_delivery_time().map(DateTime::secs), Some(1_600_000_000));
    assert_eq!(home.latest_digest_delivery_error(), Some("AccessDenied"));
    assert_eq!(home.latest_delivery_time().map(DateTime::secs), Some(1_600_000_300));
    let away = status("ap-south-1").await;
    assert_eq!((away.is_logging(), away.latest_digest_delivery_time()), (Some(true), None));
    let client = cloudtrail(&server, "us-east-1");
    let error = client.get_trail_status().name("nothing").send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_trail_not_found_exception());
}

#[tokio::test]
async fn faults_reach_cloudtrail_by_region_and_trail() {
    let plan = FaultPlan::new()
        .with(
            Matcher::operation(Operation::ListPublicKeys).bucket("eu-west-1"),
            Schedule::always(Fault::AccessDenied),
        )
        .with(
            Matcher::operation(Operation::GetTrailStatus).key(KeyMatcher::Exact(ARN.to_owned())),
            Schedule::first(1, Fault::SlowDown),
        );
    let options = ServerOptions { faults: plan, ..ServerOptions::default() };
    let server = LoopbackServer::start(world_of_trails(), options).unwrap();
    let east = cloudtrail(&server, "us-east-1");
    let west = cloudtrail(&server, "eu-west-1");
    assert!(east.list_public_keys().send().await.is_ok());
    let error = west.list_public_keys().send().await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDeniedException"));
    let error = east.get_trail_status().name(ARN).send().await.unwrap_err();
    assert_eq!(error.code(), Some("ThrottlingException"));
    assert!(east.get_trail_status().name(ARN).send().await.is_ok());
}

#[tokio::test]
async fn the_organization_is_reported() {
    let server = LoopbackServer::start(world_of_trails(), ServerOptions::default()).unwrap();
    let config = aws_sdk_organizations::Config::builder()
        .behavior_version(aws_sdk_organizations::config::BehaviorVersion::latest())
        .credentials_provider(Credentials::new("AKID", "secret", None, None, "test"))
        .region(aws_sdk_organizations::config::Region::new("us-east-1"))
        .endpoint_url(server.endpoint())
        .build();
    let client = aws_sdk_organizations::Client::from_conf(config);
    let error = client.describe_organization().send().await.unwrap_err();
    let error = error.as_service_error().unwrap();
    assert!(error.is_aws_organizations_not_in_use_exception());
    server.alter_world(|world| world.organization_id = Some("o-abcdef1234".to_owned()));
    let answer = client.describe_organization().send().await.unwrap();
    assert_eq!(answer.organization().unwrap().id(), Some("o-abcdef1234"));
}
