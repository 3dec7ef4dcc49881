//! Objects as uploaded: their bytes, ranges, conditions, archives, and the region of their bucket.
use super::*;

#[tokio::test]
async fn an_object_is_returned_as_uploaded() {
    let server = serve(ServerOptions::default());
    let output = get(&s3(&server), "a/1").await.unwrap();
    assert_eq!(output.e_tag(), Some("\"8a8bb7cd343aa2ad99b7d762030857a2\""));
    assert_eq!(output.content_encoding(), Some("gzip"));
    assert_eq!(output.content_type(), Some("application/json"));
    assert_eq!(output.content_length(), Some(2));
    assert_eq!(output.last_modified().map(DateTime::secs), Some(1_600_000_000));
    assert_eq!(output.metadata().unwrap().get("signature").map(String::as_str), Some("abcd"));
    assert_eq!(output.version_id(), None);
    assert_eq!(body(output).await, b"a1");
    let head = s3(&server).head_object().bucket(BUCKET).key("a/1").send().await.unwrap();
    assert_eq!(head.content_length(), Some(2));
    assert_eq!(head.metadata().unwrap().get("signature").map(String::as_str), Some("abcd"));
}

// Keys are opaque: dots, escapes and percent signs are neither resolved nor decoded.
#[tokio::test]
async fn an_odd_key_is_listed_and_read() {
    let server = serve(ServerOptions::default());
    let client = s3(&server);
    let page = client.list_objects_v2().bucket(BUCKET).prefix("odd").send().await.unwrap();
    assert_eq!(page.contents().first().unwrap().key(), Some(ODD_KEY));
    assert_eq!(get_body(&client, ODD_KEY).await, b"odd");
}

#[tokio::test]
async fn ranges_and_conditions_hold() {
    let server = serve(ServerOptions::default());
    server.alter_world(|world| {
        world.buckets.get_mut(BUCKET).unwrap().put("long", version("0123456789"));
    });
    let client = s3(&server);
    let request = || client.get_object().bucket(BUCKET).key("long");
    for (range, part, content_range) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
    ] {
        let output = request().range(range).send().await.unwrap();
        assert_eq!(output.content_range(), Some(content_range));
        assert_eq!(body(output).await, part.as_bytes());
    }
    let error = request().range("bytes=10-").send().await.unwrap_err();
    assert_eq!(refusal(&error), (416, Some("InvalidRange")));
    let etag = request().send().await.unwrap().e_tag().unwrap().to_owned();
    assert!(request().if_match(&etag).send().await.is_ok());
    let error = request().if_match("\"other\"").send().await.unwrap_err();
    assert_eq!(refusal(&error), (412, Some("PreconditionFailed")));
    let error = request().if_none_match(&etag).send().await.unwrap_err();
    assert_eq!(refusal(&error).0, 304);
}

#[tokio::test]
async fn each_kind_of_absence_is_distinguished() {
    let server = serve(ServerOptions::default());
    let client = s3(&server);
    let error = get(&client, "a/9").await.unwrap_err();
    assert_eq!(refusal(&error), (404, Some("NoSuchKey")));
    let other = client.get_object().bucket("elsewhere").key("a/1").send().await.unwrap_err();
    assert_eq!(refusal(&other), (404, Some("NoSuchBucket")));
    let version = client.get_object().bucket(BUCKET).key("a/1").version_id("v9").send().await;
    assert_eq!(refusal(&version.unwrap_err()), (404, Some("NoSuchVersion")));
    let head = client.head_object().bucket(BUCKET).key("a/9").send().await.unwrap_err();
    assert_eq!(head.raw_response().unwrap().status().as_u16(), 404);
    assert_eq!(head.raw_response().unwrap().body().bytes(), Some(&b""[..]));
}

#[tokio::test]
async fn an_archived_object_is_rejected() {
    let server = serve(ServerOptions::default());
    server.alter_world(|world| {
        let cold = Version { storage_class: "DEEP_ARCHIVE".to_owned(), ..version("cold") };
        world.buckets.get_mut(BUCKET).unwrap().put("cold", cold);
    });
    let client = s3(&server);
    let error = get(&client, "cold").await.unwrap_err();
    assert_eq!(refusal(&error), (403, Some("InvalidObjectState")));
    let head = client.head_object().bucket(BUCKET).key("cold").send().await.unwrap();
    assert_eq!(head.storage_class().map(|class| class.as_str()), Some("DEEP_ARCHIVE"));
}

#[tokio::test]
async fn a_bucket_reports_its_region() {
    let server = serve(ServerOptions::default());
    let client = s3(&server);
    let head = client.head_bucket().bucket(BUCKET).send().await.unwrap();
    assert_eq!(head.bucket_region(), Some("eu-west-1"));
    let location = client.get_bucket_location().bucket(BUCKET).send().await.unwrap();
    assert_eq!(location.location_constraint().map(|it| it.as_str()), Some("eu-west-1"));
    server.alter_world(|world| {
        world.buckets.insert("classic".to_owned(), Bucket::new("us-east-1"));
    });
    let location = client.get_bucket_location().bucket("classic").send().await.unwrap();
    assert!(location.location_constraint().is_none_or(|it| it.as_str().is_empty()));
    assert!(client.head_bucket().bucket("elsewhere").send().await.is_err());
    let policy = client.get_bucket_policy().bucket(BUCKET).send().await.unwrap_err();
    assert_eq!(policy.code(), Some("NoSuchBucketPolicy"));
    let names = client.list_buckets().send().await.unwrap();
    assert_eq!(names.buckets().len(), 2);
}

#[tokio::test]
async fn a_bucket_of_a_different_region_redirects_if_configured() {
    let server = serve(ServerOptions { enforce_bucket_region: true, ..ServerOptions::default() });
    server.alter_world(|world| {
        world.buckets.get_mut(BUCKET).unwrap().region = "us-west-2".to_owned();
    });
    let error = get(&s3(&server), "a/1").await.unwrap_err();
    assert_eq!(refusal(&error), (301, Some("PermanentRedirect")));
    let headers = error.raw_response().unwrap().headers();
    assert_eq!(headers.get("x-amz-bucket-region"), Some("us-west-2"));
}
