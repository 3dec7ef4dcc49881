//! CloudTrail and Organizations over the same client.
use super::*;

fn public_key(name: u8) -> PublicKey {
    let fingerprint = format!("{name:032x}");
    PublicKey { der: vec![name; 16], fingerprint, valid_from: 1_000, valid_to: 5_000 }
}

fn trails_world() -> World {
    let trail = |arn: &str, organization| Trail {
        arn: arn.to_owned(),
        name: "audit".to_owned(),
        bucket: BUCKET.to_owned(),
        prefix: Some("p".to_owned()),
        multi_region: true,
        organization,
        validates: true,
        status: BTreeMap::from([(
            "eu-west-1".to_owned(),
            TrailStatus {
                is_logging: true,
                latest_digest_delivery: Some(1_700_000_000),
                latest_digest_error: Some("AccessDenied".to_owned()),
                latest_delivery: None,
            },
        )]),
    };
    World {
        trails: vec![
            trail("arn:aws:cloudtrail:us-east-1:123456789012:trail/other", false),
            trail(ARN, true),
        ],
        public_keys: BTreeMap::from([
            ("us-east-1".to_owned(), (0..7).map(public_key).collect()),
            ("eu-west-1".to_owned(), vec![public_key(99)]),
        ]),
        organization_id: Some("o-a1b2c3d4e5".to_owned()),
        ..world()
    }
}

#[tokio::test]
async fn keys_come_from_every_page_of_the_requested_region() {
    let options = ServerOptions { key_page_size: 2, ..ServerOptions::default() };
    let server = LoopbackServer::start(trails_world(), options).unwrap();
    let service = CloudTrail::new(&config(&server, Some("us-east-1")));
    let (from, to) = (Timestamp::from_unix(2_000), Timestamp::from_unix(3_000));
    let keys = service.keys(None, from, to).await.unwrap();
    assert_eq!(keys.len(), 7);
    assert_eq!(keys[6].der, [6; 16]);
    assert_eq!(keys[6].valid_from, Some(Timestamp::from_unix(1_000)));
    let ireland = "eu-west-1".parse().unwrap();
    let keys = service.keys(Some(&ireland), from, to).await.unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].fingerprint, format!("{:032x}", 99));
}

#[tokio::test]
async fn trails_their_status_and_the_organization() {
    let server = LoopbackServer::start(trails_world(), ServerOptions::default()).unwrap();
    let service = CloudTrail::new(&config(&server, Some("us-east-1")));
    let arn = ARN.parse().unwrap();
    let trail = service.trail(&arn).await.unwrap().unwrap();
    assert_eq!((trail.arn.as_str(), trail.bucket.as_str()), (ARN, BUCKET));
    assert!(trail.organization && trail.multi_region);
    let unknown = "arn:aws:cloudtrail:us-east-1:123456789012:trail/none".parse().unwrap();
    assert_eq!(service.trail(&unknown).await.unwrap(), None);
    assert_eq!(service.organization().await.unwrap().as_str(), "o-a1b2c3d4e5");
    let ireland = "eu-west-1".parse().unwrap();
    assert_eq!(
        service.status(&arn, Some(&ireland)).await.unwrap(),
        TrailStatusRecord {
            is_logging: true,
            latest_digest_delivery: Some(Timestamp::from_unix(1_700_000_000)),
            latest_digest_error: Some("AccessDenied".to_owned()),
        }
    );
}

#[tokio::test]
async fn rejections_by_services_have_the_wording_of_the_aws_cli() {
    let server = LoopbackServer::start(trails_world(), ServerOptions::default()).unwrap();
    server.replace_faults(FaultPlan::new().with(
        Matcher::operation(Operation::ListPublicKeys),
        Schedule::always(Fault::AccessDenied),
    ));
    let service = CloudTrail::new(&config(&server, Some("us-east-1")));
    let at = Timestamp::from_unix(2_000);
    let error = service.keys(None, at, at).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("AccessDeniedException"));
    assert!(
        error.to_string().starts_with(
            "An error occurred (AccessDeniedException) when calling the ListPublicKeys operation: "
        ),
        "{error}"
    );
    let homeless = CloudTrail::new(&config(&server, None));
    assert_eq!(
        homeless.keys(None, at, at).await.unwrap_err().to_string(),
        r#"You must specify a region. You can also configure your region by running "aws configure"."#
    );
    let gone = config(&server, Some("us-east-1"));
    drop(server);
    let error = CloudTrail::new(&gone).with_attempts(1).keys(None, at, at).await.unwrap_err();
    assert_eq!(error.code, None);
    assert!(!error.no_credentials);
}
