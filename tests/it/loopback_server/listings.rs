//! Listings of keys, folders and versions at any page size.
use super::*;

#[tokio::test]
async fn both_listings_page_through_all_keys_at_any_page_size() {
    for list_page_size in [1, 2, 3, 1000] {
        let server = serve(ServerOptions { list_page_size, ..ServerOptions::default() });
        let client = s3(&server);
        let expected: Vec<String> =
            server.world().buckets[BUCKET].objects.keys().cloned().collect();
        let mut second = Vec::new();
        let mut pages = client.list_objects_v2().bucket(BUCKET).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            assert!(page.contents().len() <= list_page_size);
            assert_eq!(page.key_count(), i32::try_from(page.contents().len()).ok());
            second.extend(page.contents().iter().filter_map(|it| it.key().map(str::to_owned)));
        }
        assert_eq!(second, expected);
        let mut first: Vec<String> = Vec::new();
        loop {
            let request = client.list_objects().bucket(BUCKET).set_marker(first.last().cloned());
            let page = request.send().await.unwrap();
            assert_eq!(page.next_marker(), None, "S3 sends this only with a delimiter");
            first.extend(page.contents().iter().filter_map(|it| it.key().map(str::to_owned)));
            if page.is_truncated() == Some(false) {
                break;
            }
        }
        assert_eq!(first, expected);
    }
}

#[tokio::test]
async fn folders_are_rolled_up_over_pages() {
    let server = serve(ServerOptions { list_page_size: 2, ..ServerOptions::default() });
    let client = s3(&server);
    let mut found = Vec::new();
    let mut pages = client.list_objects_v2().bucket(BUCKET).delimiter("/").into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        found.extend(page.common_prefixes().iter().filter_map(|it| it.prefix().map(str::to_owned)));
    }
    assert_eq!(found, ["a/", "b/", "c/", "odd/"]);
    let page = client.list_objects().bucket(BUCKET).delimiter("/").send().await.unwrap();
    assert_eq!(page.next_marker(), Some("b/"));
    let rest = client.list_objects().bucket(BUCKET).delimiter("/").marker("b/").send().await;
    let rest = rest.unwrap();
    let rest: Vec<_> = rest.common_prefixes().iter().filter_map(|it| it.prefix()).collect();
    assert_eq!(rest, ["c/", "odd/"]);
}

#[tokio::test]
async fn a_listing_starts_after_a_name_that_is_not_a_key() {
    let server = serve(ServerOptions::default());
    let client = s3(&server);
    let page = client.list_objects_v2().bucket(BUCKET).prefix("b/").start_after("b/15").send();
    let page = page.await.unwrap();
    let keys: Vec<_> = page.contents().iter().filter_map(|it| it.key()).collect();
    assert_eq!(keys, ["b/2", "b/3"]);
    let none = client.list_objects_v2().bucket(BUCKET).prefix("b/").start_after("z").send().await;
    assert_eq!(none.unwrap().key_count(), Some(0));
    let all = client.list_objects_v2().bucket(BUCKET).prefix("b/").start_after("a").send().await;
    assert_eq!(all.unwrap().key_count(), Some(3));
}

#[tokio::test]
async fn encoded_listings_decode_to_the_keys() {
    let server = serve(ServerOptions::default());
    let answer = raw(
        &server,
        "GET /evidence?list-type=2&encoding-type=url&prefix=odd HTTP/1.1\r\nConnection: close\r\n\r\n",
    );
    assert!(answer.contains("<Key>odd/../%3Cscript%3E%26%1B%5B31m+%252e%2B%C3%BC%01</Key>"));
    assert!(answer.contains("<EncodingType>url</EncodingType>"));
}

#[tokio::test]
async fn versions_and_delete_markers_are_listed_newest_first() {
    let server = serve(ServerOptions::default());
    server.alter_world(|world| {
        let bucket = world.buckets.get_mut(BUCKET).unwrap();
        for version in [with_id("v1", "one"), with_id("v2", "two"), marker("v3")] {
            bucket.put("d/gone", version);
        }
        bucket.put("d/kept", with_id("v4", "four"));
    });
    let client = s3(&server);
    let gone = get(&client, "d/gone").await.unwrap_err();
    assert_eq!(refusal(&gone), (404, Some("NoSuchKey")));
    let headers = gone.raw_response().unwrap().headers();
    assert_eq!(headers.get("x-amz-delete-marker"), Some("true"));
    let old = client.get_object().bucket(BUCKET).key("d/gone").version_id("v1").send().await;
    let old = old.unwrap();
    assert_eq!(old.version_id(), Some("v1"));
    assert_eq!(body(old).await, b"one");
    let dead = client.get_object().bucket(BUCKET).key("d/gone").version_id("v3").send().await;
    assert_eq!(refusal(&dead.unwrap_err()), (405, Some("MethodNotAllowed")));
    let listed = client.list_objects_v2().bucket(BUCKET).prefix("d/").send().await.unwrap();
    assert_eq!(listed.contents().len(), 1);

    let expected = [
        ("d/gone".to_owned(), "v3".to_owned(), true),
        ("d/gone".to_owned(), "v2".to_owned(), false),
        ("d/gone".to_owned(), "v1".to_owned(), false),
        ("d/kept".to_owned(), "v4".to_owned(), true),
    ];
    for size in 1..=4 {
        assert_eq!(all_versions(&client, size).await, expected);
    }
}

/// Returns every version under `d/`, in order, from pages of `size`.
async fn all_versions(client: &aws_sdk_s3::Client, size: i32) -> Vec<(String, String, bool)> {
    let mut rows = Vec::new();
    let (mut key, mut id) = (None, None);
    loop {
        let request = client.list_object_versions().bucket(BUCKET).prefix("d/").max_keys(size);
        let page = request.set_key_marker(key).set_version_id_marker(id).send().await.unwrap();
        let mut on_page = Vec::new();
        for it in page.versions() {
            on_page.push((it.key(), it.version_id(), it.is_latest()));
        }
        for it in page.delete_markers() {
            on_page.push((it.key(), it.version_id(), it.is_latest()));
        }
        let mut on_page: Vec<(String, String, bool)> = on_page
            .into_iter()
            .map(|(key, id, latest)| {
                (key.unwrap().to_owned(), id.unwrap().to_owned(), latest.unwrap())
            })
            .collect();
        // The client puts markers and versions into two lists. The ids here fall as versions get
        // older.
        on_page.sort_by(|one, other| one.0.cmp(&other.0).then(other.1.cmp(&one.1)));
        rows.extend(on_page);
        (key, id) = (
            page.next_key_marker().map(str::to_owned),
            page.next_version_id_marker().map(str::to_owned),
        );
        if page.is_truncated() != Some(true) {
            return rows;
        }
    }
}
