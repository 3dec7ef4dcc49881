//! Listing and reading of existing objects.
use super::*;

#[tokio::test]
async fn page_sizes_do_not_matter() {
    for list_page_size in [1, 2, 3, 1000] {
        let server = serve(ServerOptions { list_page_size, ..ServerOptions::default() });
        let source = s3(&server);
        let (all, pages) = list(&source, ListRequest::all(BUCKET, "")).await.unwrap();
        assert_eq!(all.objects.len(), 20);
        assert_eq!(pages, 20_usize.div_ceil(list_page_size));
        assert!(all.objects.is_sorted_by(|one, two| one.key < two.key));
        let long = all.objects.iter().find(|object| object.key == "a/long").unwrap();
        assert_eq!(long.size, 200_000);
        assert!(long.etag.as_ref().is_some_and(|etag| !etag.contains('"')));
        let mut folders = ListRequest::all(BUCKET, "");
        folders.folders = true;
        let (page, _) = list(&source, folders).await.unwrap();
        assert_eq!(page.folders, ["/", "a/", "b/", "c/", "odd/"]);
        assert_eq!(keys(&page), ["odd\\back", "~"]);
        let mut after = ListRequest::all(BUCKET, "b");
        after.start_after = Some("b/1x".to_owned());
        let (page, _) = list(&source, after).await.unwrap();
        assert_eq!(keys(&page), ["b/2", "b/3"]);
    }
}

/// The signature covers these very bytes: keys go in and come out unchanged.
#[tokio::test]
async fn odd_keys_are_listed_and_read_byte_for_byte() {
    let server = serve(ServerOptions::default());
    let source = s3(&server);
    let (all, _) = list(&source, ListRequest::all(BUCKET, "")).await.unwrap();
    for key in ODD_KEYS {
        assert!(keys(&all).contains(&key), "{key:?}");
        assert_eq!(read(&source, key).await.unwrap(), key.as_bytes(), "{key:?}");
    }
}

#[tokio::test]
async fn an_object_is_returned_as_stored() {
    let server = serve(ServerOptions::default());
    let source = s3(&server);
    let (metadata, body) = read_from(&source, "a/long", &ReadFrom::default()).await.unwrap();
    // `Content-Encoding: gzip` is not undone: these bytes are not gzip at all.
    assert_eq!(body, long_body());
    assert_eq!(metadata.size, Some(200_000));
    assert_eq!(metadata.user.get("signature").unwrap(), "abcd");
    assert_eq!(read(&source, "a/empty").await.unwrap(), b"");
    let from = ReadFrom { offset: 199_996, if_etag: metadata.etag.clone() };
    let (part, body) = read_from(&source, "a/long", &from).await.unwrap();
    assert_eq!(body, 49_999_u32.to_be_bytes());
    assert_eq!(part.size, Some(200_000));
    let from = ReadFrom { offset: 4, if_etag: Some("another".to_owned()) };
    let Err(ReadError::Failure(changed)) = read_from(&source, "a/long", &from).await else {
        panic!()
    };
    assert_eq!(changed.kind, ReadFailureKind::ChangedWhileReading);
}

#[tokio::test]
async fn metadata_names_are_lower_case_whatever_the_store_sends() {
    let plan = FaultPlan::new().with(Matcher::any(), Schedule::always(Fault::MetadataInOtherCase));
    let server = serve_faults(plan);
    let source = s3(&server);
    let (metadata, _) = read_from(&source, "a/1", &ReadFrom::default()).await.unwrap();
    assert_eq!(metadata.user.get("signature").unwrap(), "abcd");
}

/// One byte in an object's metadata, which anyone with write access can put there, must not make
/// the object unreadable.
#[tokio::test]
async fn headers_that_are_not_utf8_are_harmless() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let read = stream.read(&mut [0; 8192]).unwrap();
            assert!(read > 0);
            let answer = b"HTTP/1.1 200 OK\r\nx-amz-bucket-region: eu-west-1\r\n\
                x-amz-meta-signature: abcd\r\nx-amz-meta-spoilt: \xff\xfe\r\n\
                cache-control: \xff\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).unwrap();
        }
    });
    let keys = Credentials::new("AKID", "secret", None, None, "test");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"));
    let source = S3Source::new(&AwsConfig::from_sdk(sdk.build()), brief());
    let (metadata, body) = read_from(&source, "k", &ReadFrom::default()).await.unwrap();
    assert_eq!(body, b"");
    assert_eq!(metadata.user.get("signature").unwrap(), "abcd");
}
