//! A directory as a source: it lists and reads as S3 does over the same objects, and nothing leads
//! outside.
mod names;
mod on_the_spot;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use on_the_spot::read_in_place;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trailproof::aws::config::AwsConfig;
use trailproof::source::directory::{DirectorySource, INDEX};
use trailproof::source::layer::relocate::{Relocated, Relocation};
use trailproof::source::mirror::MirrorSource;
use trailproof::source::mirror::writer::MirrorWriter;
use trailproof::source::s3::{S3Source, Timeouts};
use trailproof::source::{
    ListPage, ListRequest, Listed, ObjectMetadata, ObjectSource, ReadError, ReadFrom,
};
use trailproof_core::codes::failure::{ReadFailure, ReadFailureKind};
use trailproof_core::vocab::location::ObjectLocation;
use trailproof_testkit::server::{LoopbackServer, ServerOptions};
use trailproof_testkit::world::{Bucket, Version, World};

/// Keys that a file system can hold, in no order, including names that sort around the slash.
const KEYS: [&str; 14] = [
    "AWSLogs/1/a",
    "AWSLogs/1/b",
    "AWSLogs/1.x",
    "AWSLogs/1-x",
    "AWSLogs/10/a",
    "AWSLogs/2/x/y/z",
    "a b+c%2F",
    "top",
    "top-level",
    "ü/日",
    "AWSLogs/1/c d",
    "zz/\u{1b}[31m",
    "AWSLogs/o-x/1",
    "~",
];

fn fresh(name: &str) -> PathBuf {
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mirror-{name}"));
    let _ = fs::remove_dir_all(&at);
    fs::create_dir_all(&at).unwrap();
    at
}

fn write(directory: &Path, key: &str, body: &[u8]) {
    let path = directory.join(key);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, body).unwrap();
}

fn version(body: &str) -> Version {
    Version {
        version_id: "v1".to_owned(),
        body: body.to_owned().into(),
        metadata: BTreeMap::new(),
        content_type: String::new(),
        content_encoding: None,
        storage_class: "STANDARD".to_owned(),
        last_modified: 1_600_000_000,
        delete_marker: false,
        headers: Vec::new(),
    }
}

fn s3(server: &LoopbackServer) -> S3Source {
    let keys = Credentials::new("AKID", "secret", None, None, "test");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(trailproof::aws::http::client(None))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .endpoint_url(server.endpoint())
        .region(Region::new("us-east-1"));
    S3Source::new(&AwsConfig::from_sdk(sdk.build()), Timeouts::default())
}

async fn all(source: &dyn ObjectSource, request: &ListRequest) -> Result<ListPage, ReadFailure> {
    let mut request = request.clone();
    let mut whole = ListPage::default();
    loop {
        let page = source.list(&request).await?;
        whole.objects.extend(page.objects.into_iter().map(|o| Listed {
            etag: None,
            last_modified: None,
            archived: false,
            ..o
        }));
        whole.folders.extend(page.folders);
        match page.next {
            Some(next) => request.continuation = Some(next),
            None => return Ok(whole),
        }
    }
}

async fn read(
    source: &dyn ObjectSource,
    key: &str,
    offset: u64,
) -> Result<(Vec<u8>, ObjectMetadata), ReadError> {
    let from = ReadFrom { offset, if_etag: None };
    let mut reader = source.open(&ObjectLocation::new("bucket", key), &from).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.chunk().await.map_err(ReadError::Failure)? {
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes, reader.metadata().clone()))
}

fn requests() -> Vec<ListRequest> {
    let mut requests = Vec::new();
    for prefix in ["", "AWSLogs/", "AWSLogs/1", "AWSLogs/1/", "AWSLogs/o-", "nothing/", "top", "ü"]
    {
        for folders in [false, true] {
            for start in
                [None, Some("AWSLogs/1"), Some("AWSLogs/1/a"), Some("AWSLogs/2/x"), Some("t")]
            {
                let start_after = start.map(str::to_owned);
                requests.push(ListRequest {
                    folders,
                    start_after,
                    ..ListRequest::all("bucket", prefix)
                });
            }
        }
    }
    requests
}

/// Checks that a source with the objects of [`KEYS`] in `bucket` behaves like S3.
async fn conforms(source: &dyn ObjectSource, s3: &dyn ObjectSource, name: &str) {
    for request in requests() {
        let expected = all(s3, &request).await.unwrap();
        assert_eq!(all(source, &request).await.unwrap(), expected, "{name}: {request:?}");
    }
    for key in KEYS {
        for offset in [0, 2] {
            let (bytes, about) = read(source, key, offset).await.unwrap();
            let (expected, metadata) = read(s3, key, offset).await.unwrap();
            assert_eq!((bytes, about.size), (expected, metadata.size), "{name}: {key}");
        }
    }
    assert_eq!(read(source, "AWSLogs/1/none", 0).await.unwrap_err(), ReadError::Missing, "{name}");
    assert_eq!(read(source, "no/such/folder", 0).await.unwrap_err(), ReadError::Missing, "{name}");
}

#[tokio::test]
async fn a_directory_lists_and_reads_like_s3_at_any_page_size() {
    let at = fresh("conformance");
    let mut bucket = Bucket::new("us-east-1");
    for key in KEYS {
        let body = format!("body of {key}");
        write(&at.join("flat"), key, body.as_bytes());
        write(&at.join("deep/er"), key, body.as_bytes());
        bucket.put(key, version(&body));
    }
    fs::create_dir_all(at.join("flat/AWSLogs/3/empty")).unwrap();
    let world = World { buckets: [("bucket".to_owned(), bucket)].into(), ..World::default() };
    let server = LoopbackServer::start(world, ServerOptions::default()).unwrap();
    let s3 = s3(&server);
    for page in [1, 2, 3, 1_000] {
        let flat = DirectorySource::open(&at.join("flat")).unwrap().with_page(page);
        conforms(&flat, &s3, "flat").await;
        let deep: Arc<dyn ObjectSource> =
            Arc::new(DirectorySource::open(&at).unwrap().with_page(page));
        let rule = |prefix: &str, to: &str| Relocation {
            bucket: "bucket".to_owned(),
            prefix: prefix.to_owned(),
            source: Arc::clone(&deep),
            to_bucket: "any".to_owned(),
            to_prefix: to.to_owned(),
            complete: true,
        };
        let whole = Relocated::new(vec![rule("", "deep/er/")], None);
        conforms(&whole, &s3, "relocated").await;
        let parts = vec![rule("AWSLogs/1/", "flat/AWSLogs/1/"), rule("", "deep/er/")];
        conforms(&Relocated::new(parts, None), &s3, "relocated in parts").await;
    }
}

/// A mirror lists and reads as its bucket did, at any page size of either. It does not answer
/// requests that the bucket was never asked.
#[tokio::test]
async fn a_mirror_lists_only_what_was_listed() {
    let mut bucket = Bucket::new("us-east-1");
    // Keys that a directory cannot hold are listed like all others.
    for key in KEYS.into_iter().chain(["AWSLogs/1/", "AWSLogs//x", "AWSLogs/1/a/b", "AWSLogs/../y"])
    {
        bucket.put(key, version(&format!("body of {key}")));
    }
    let world = World { buckets: [("bucket".to_owned(), bucket)].into(), ..World::default() };
    for list_page_size in [1, 3, 1_000] {
        let options = ServerOptions { list_page_size, ..ServerOptions::default() };
        let server = LoopbackServer::start(world.clone(), options).unwrap();
        let direct = s3(&server);
        let at = fresh("mirrored");
        let mut mirroring = MirrorWriter::begin(&at, "bucket", "").unwrap();
        let copying = mirroring.source(Arc::new(s3(&server)));
        for request in requests() {
            all(&copying, &request).await.unwrap();
        }
        for key in KEYS.into_iter().chain(["AWSLogs/1/a/b", "AWSLogs//x"]) {
            read(&copying, key, 0).await.unwrap();
        }
        assert_eq!(read(&copying, "AWSLogs/1/none", 0).await.unwrap_err(), ReadError::Missing);
        assert_eq!(read(&copying, "no/such/folder", 0).await.unwrap_err(), ReadError::Missing);
        assert_eq!(mirroring.finish().await.lost, None);
        for page in [1, 2, 1_000] {
            let files = Arc::new(DirectorySource::open(&at).unwrap().with_page(page));
            let mirrored = MirrorSource::open(&at, &files).unwrap().unwrap();
            conforms(&mirrored, &direct, &format!("{list_page_size} and {page} a page")).await;
            for key in ["AWSLogs/1/a/b", "AWSLogs//x"] {
                let body = read(&mirrored, key, 0).await.unwrap().0;
                assert_eq!(body, format!("body of {key}").into_bytes());
            }
            for key in KEYS.into_iter().chain(["AWSLogs/1/a/b", "AWSLogs//x", "AWSLogs/2/none"]) {
                let unrecorded = |(body, metadata): (Vec<u8>, ObjectMetadata)| {
                    (body, ObjectMetadata { recorded: None, ..metadata })
                };
                let here = read_in_place(&mirrored, key).map(unrecorded);
                let opened = read(&mirrored, key, 0).await;
                // Only opening returns what the manifest recorded.
                if let Ok((body, metadata)) = &opened {
                    let recorded = metadata.recorded.as_ref().unwrap();
                    assert_eq!(recorded.size, u64::try_from(body.len()).unwrap(), "{key}");
                    assert_eq!(recorded.sha256, hex::encode(Sha256::digest(body)), "{key}");
                }
                assert_eq!(here, opened.map(unrecorded), "{key}");
            }
            for key in ["AWSLogs/1/", "AWSLogs/../y", "AWSLogs/1/other"] {
                let why = read(&mirrored, key, 0).await.unwrap_err();
                let not_copied = matches!(&why, ReadError::Failure(why) if why.kind == ReadFailureKind::NotCopied);
                assert!(not_copied, "{key}: {why:?}");
            }
        }
        // A mirror that was created from one folder knows that folder and its content.
        let at = fresh("mirrored-part");
        let mut mirroring = MirrorWriter::begin(&at, "bucket", "").unwrap();
        let copying = mirroring.source(Arc::new(s3(&server)));
        let asked = ListRequest {
            start_after: Some("AWSLogs/1/a".to_owned()),
            ..ListRequest::all("bucket", "AWSLogs/1/")
        };
        let reported = all(&copying, &asked).await.unwrap();
        assert!(mirroring.finish().await.lost.is_none());
        let files = Arc::new(DirectorySource::open(&at).unwrap());
        let mirrored = MirrorSource::open(&at, &files).unwrap().unwrap();
        assert_eq!(all(&mirrored, &asked).await.unwrap(), reported);
        let later = ListRequest { start_after: Some("AWSLogs/1/b".to_owned()), ..asked.clone() };
        assert!(all(&mirrored, &later).await.is_ok());
        for unknown in [
            ListRequest { start_after: None, ..asked.clone() },
            ListRequest { folders: true, ..asked.clone() },
            ListRequest::all("bucket", "AWSLogs/"),
            ListRequest::all("bucket", "AWSLogs/10/"),
            ListRequest::all("other", "AWSLogs/1/"),
        ] {
            // Folders are known from a listing of all keys with the same start.
            let why = all(&mirrored, &unknown).await;
            if unknown.folders {
                assert!(why.is_ok());
            } else {
                assert_eq!(why.unwrap_err().kind, ReadFailureKind::NotCopied, "{unknown:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_place_that_was_not_named_is_not_known_to_be_empty() {
    let nothing = Relocated::new(Vec::new(), None);
    let why = nothing.list(&ListRequest::all("bucket", "")).await.unwrap_err();
    assert_eq!(why.kind, ReadFailureKind::NoSuchBucket);
    assert!(matches!(read(&nothing, "a", 0).await, Err(ReadError::Failure(_))));
}
