//! How the region of a bucket is found.
use super::*;

/// Buckets in other regions are found, and a redirect is followed once and remembered.
#[tokio::test]
async fn the_region_is_found_once_for_each_bucket() {
    let options = ServerOptions { enforce_bucket_region: true, ..ServerOptions::default() };
    let server = serve(options);
    let source = Arc::new(s3(&server));
    let readers: Vec<_> = (0..20)
        .map(|_| {
            let source = source.clone();
            tokio::spawn(async move { read(source.as_ref(), "a/1").await })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap(), b"a1");
    }
    assert_eq!(source.bucket_region(BUCKET).await.unwrap().as_str(), "eu-west-1");
    assert_eq!(server.requests().of(Operation::HeadBucket), 1);
}

#[tokio::test]
async fn after_a_rejected_head_the_location_is_requested() {
    let plan = FaultPlan::new().with(
        Matcher::operation(Operation::HeadBucket),
        Schedule::always(Fault::Answer {
            status: 403,
            content_type: "application/xml".to_owned(),
            body: String::new(),
        }),
    );
    let server = serve_faults(plan);
    assert_eq!(s3(&server).bucket_region(BUCKET).await.unwrap().as_str(), "eu-west-1");
    let plan = FaultPlan::new()
        .with(
            Matcher::operation(Operation::HeadBucket),
            Schedule::always(Fault::ForbiddenWithoutBody),
        )
        .with(
            Matcher::operation(Operation::GetBucketLocation),
            Schedule::always(Fault::AccessDenied),
        );
    let server = serve_faults(plan);
    let region = s3(&server).bucket_region(BUCKET).await.unwrap();
    assert!(["us-east-1", "eu-west-1"].contains(&region.as_str()));
    assert_eq!(read(&s3(&server), "a/1").await.unwrap(), b"a1");
}

#[tokio::test]
async fn a_redirect_is_followed_once() {
    let redirect = Fault::PermanentRedirect { region: "ap-south-1".to_owned() };
    let plan = FaultPlan::new().with(Matcher::get("a/1"), Schedule::on(1, redirect.clone()));
    let server = serve_faults(plan);
    let source = s3(&server);
    assert_eq!(read(&source, "a/1").await.unwrap(), b"a1");
    assert_eq!(source.bucket_region(BUCKET).await.unwrap().as_str(), "ap-south-1");
    let plan = FaultPlan::new().with(Matcher::get("a/1"), Schedule::always(redirect));
    let server = serve_faults(plan);
    assert_eq!(failure(&s3(&server), "a/1").await.kind, ReadFailureKind::Network);
    assert_eq!(server.requests().of(Operation::GetObject), 2);
}
