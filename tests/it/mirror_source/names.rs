//! Names and links: no key leads outside, and no file is mistaken for a different one.
use super::*;

#[tokio::test]
async fn no_key_leads_outside_of_the_directory() {
    let at = fresh("hostile");
    write(&at, "secret", b"outside");
    write(&at, "mirror/AWSLogs/a", b"inside");
    symlink(at.join("secret"), at.join("mirror/AWSLogs/link")).unwrap();
    symlink(&at, at.join("mirror/up")).unwrap();
    let mirror = DirectorySource::open(&at.join("mirror")).unwrap();
    let absolute = at.join("secret").to_str().unwrap().to_owned();
    for key in [
        "../secret",
        "AWSLogs/../../secret",
        "up/secret",
        "AWSLogs/link",
        "",
        "/",
        "AWSLogs",
        "AWSLogs/",
        "AWSLogs//a",
        "./AWSLogs/a",
        "AWSLogs/a\0",
        absolute.as_str(),
        "AWSLogs/a/b",
    ] {
        match read(&mirror, key, 0).await {
            Err(ReadError::Failure(why)) => {
                assert_eq!(why.kind, ReadFailureKind::Denied, "{key:?}: {why}");
            }
            other => panic!("{key:?}: {other:?}"),
        }
    }
    let page = all(&mirror, &ListRequest::all("b", "")).await.unwrap();
    assert_eq!(page.objects.len(), 1);
    let passed: Vec<PathBuf> = mirror.passed_over();
    assert_eq!(passed.len(), 2, "{passed:?}");
    for prefix in ["../", "/", "AWSLogs/../../", "//"] {
        let page = all(&mirror, &ListRequest::all("b", prefix)).await.unwrap();
        assert_eq!(page, ListPage::default(), "{prefix}");
    }
    let why = mirror.list(&ListRequest::all("b", "up/mirror/")).await.unwrap_err();
    assert_eq!(why.kind, ReadFailureKind::Denied);
}

#[tokio::test]
async fn names_that_cannot_be_keys_are_skipped_and_counted() {
    let at = fresh("names");
    write(&at, "good", b"x");
    fs::write(at.join(std::ffi::OsStr::from_bytes(b"bad\xff")), b"x").unwrap();
    let mirror = DirectorySource::open(&at).unwrap();
    let page = all(&mirror, &ListRequest::all("b", "")).await.unwrap();
    assert_eq!((page.objects.len(), mirror.passed_over().len()), (1, 1));
}

#[tokio::test]
async fn a_forbidden_file_is_denied_and_not_missing() {
    let at = fresh("denied");
    write(&at, "shut/a", b"x");
    write(&at, "file", b"x");
    fs::set_permissions(at.join("shut"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(at.join("file"), fs::Permissions::from_mode(0o000)).unwrap();
    // Nothing is denied to root. `tests/it/offline` drops that privilege and checks the same in
    // whole runs.
    let for_root = fs::read_dir(at.join("shut")).is_ok();
    let mirror = DirectorySource::open(&at).unwrap();
    if !for_root {
        for key in ["shut/a", "shut/none", "file"] {
            let denied = matches!(read(&mirror, key, 0).await,
                Err(ReadError::Failure(why)) if why.kind == ReadFailureKind::Denied);
            assert!(denied, "{key}");
        }
        let why = all(&mirror, &ListRequest::all("b", "")).await.unwrap_err();
        assert_eq!(why.kind, ReadFailureKind::Denied);
    }
    fs::set_permissions(at.join("shut"), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(DirectorySource::open(&at.join("none")).is_err());
    assert!(DirectorySource::open(&at.join("file")).is_err());
}

#[tokio::test]
async fn an_inflated_copy_is_found_under_its_original_name() {
    let at = fresh("inflated");
    write(&at, "p/1_CloudTrail_x.json", b"{}");
    write(&at, "p/2_CloudTrail_x.json", b"{}");
    write(&at, "p/2_CloudTrail_x.json.gz", b"gz");
    write(&at, "p/other.json", b"{}");
    let mirror = DirectorySource::open(&at).unwrap();
    let page = all(&mirror, &ListRequest::all("b", "p/")).await.unwrap();
    let keys: Vec<&str> = page.objects.iter().map(|object| object.key.as_str()).collect();
    let expected = [
        "p/1_CloudTrail_x.json.gz",
        "p/2_CloudTrail_x.json",
        "p/2_CloudTrail_x.json.gz",
        "p/other.json",
    ];
    assert_eq!(keys, expected);
    assert_eq!(read(&mirror, "p/1_CloudTrail_x.json.gz", 0).await.unwrap().0, b"{}");
    assert_eq!(read(&mirror, "p/2_CloudTrail_x.json.gz", 0).await.unwrap().0, b"gz");
}

#[tokio::test]
async fn metadata_comes_from_the_index_and_a_broken_index_is_reported() {
    let at = fresh("index");
    write(&at, "b/k", b"x");
    let index = r#"{"b": {"k": {"metadata": {"Signature": "ab", "other": "x"}}, "l": {}}}"#;
    fs::write(at.join(INDEX), index).unwrap();
    let mirror = DirectorySource::open(&at).unwrap();
    let (_, about) = read(&mirror, "b/k", 0).await.unwrap();
    assert_eq!(about.user, BTreeMap::from([("signature".to_owned(), "ab".to_owned())]));
    assert_eq!(mirror.index_error(), None);
    fs::write(at.join(INDEX), "{").unwrap();
    let mirror = DirectorySource::open(&at).unwrap();
    assert!(mirror.index_error().is_some());
    assert_eq!(read(&mirror, "b/k", 0).await.unwrap().1.user, BTreeMap::new());
}
