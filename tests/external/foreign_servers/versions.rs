//! Versions, delete markers, null versions and Object Lock of a server that nobody here wrote.
use super::*;
use crate::support::program::scratch;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::ObjectLockMode;
use serde_json::Value;
use std::time::SystemTime;

const BUCKET: &str = "kept-versions";

#[expect(clippy::disallowed_methods, reason = "the server stamps versions with its own clock")]
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// Waits until the next second: versions are told apart by whole seconds.
pub(crate) fn next_second() {
    let begun = now();
    while now() == begun {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns a path at which there is nothing.
fn fresh(name: &str) -> PathBuf {
    scratch(&format!("ministack-{name}"))
}

fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn suspend(client: &Client) {
    let status = BucketVersioningStatus::Suspended;
    let configuration = VersioningConfiguration::builder().status(status).build();
    let request = client.put_bucket_versioning().bucket(BUCKET);
    request.versioning_configuration(configuration).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ministack_keeps_is_seen_as_of_a_time_and_recovered() {
    let Some(server) = ministack("versions") else { return };
    let trail = spec().bucket(BUCKET, "us-east-1").versioned().hours(12).build();
    upload(&server.endpoint, &trail).await;
    let ours = LoopbackServer::start(trail.world.clone(), ServerOptions::default()).unwrap();
    let s3 = client(&server.endpoint);
    let keys: Vec<String> = trail.logs().map(|(_, log)| log.key.clone()).collect();
    let digests: Vec<String> = trail.digests().map(|(_, digest)| digest.key.clone()).collect();
    next_second();
    let before = iso(now());
    next_second();

    // A marker; a marker on a marker; a new version; a marker on a new version; a null version and a
    // null marker, while versioning is suspended.
    let (one, two, three, four) = (&keys[1], &digests[5], &keys[3], &keys[4]);
    let delete = async |key: &str| {
        s3.delete_object().bucket(BUCKET).key(key).send().await.unwrap();
    };
    let replace = async |key: &str| {
        let body = ByteStream::from_static(b"replaced");
        s3.put_object().bucket(BUCKET).key(key).body(body).send().await.unwrap();
    };
    delete(one).await;
    delete(two).await;
    delete(two).await;
    replace(three).await;
    replace(four).await;
    delete(four).await;
    suspend(&s3).await;
    replace(&keys[5]).await;
    delete(&keys[6]).await;

    let (from, to) = trail.span();
    let (from, to) = (iso(from), iso(to));
    let location = format!("s3://{BUCKET}");
    let verify = ["verify", &location, "--start-time", &from, "--end-time", &to, "-q"];
    let record = fresh("record.jsonl");
    let named = [&verify[..], &["--record", record.to_str().unwrap()]].concat();
    let ran = run(&server.endpoint, &ours, SECRET_KEY, &named);
    assert_eq!(ran.status, 1, "{ran:#?}");
    let as_of = [&verify[..], &["--as-of", &before, "--format", "jsonl"]].concat();
    let ran = run(&server.endpoint, &ours, SECRET_KEY, &as_of);
    assert_eq!(ran.status, 0, "{ran:#?}");

    let at = fresh("recovered");
    let (path, to) = (record.to_str().unwrap(), at.to_str().unwrap());
    let recover = ["recover", path, "--to", to, "-q", "--format", "json"];
    let ran = run(&server.endpoint, &ours, SECRET_KEY, &recover);
    assert_eq!(ran.status, 0, "{ran:#?}");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let class = |key: &str| {
        let objects = report["objects"].as_array().unwrap();
        let found = objects.iter().find(|object| object["key"] == key).unwrap();
        (found["class"].as_str().unwrap().to_owned(), found["version_count"].as_u64().unwrap())
    };
    for (key, expected, versions) in [
        (one, "deleted-recoverable", 2),
        (two, "deleted-recoverable", 3),
        (three, "replaced-recoverable", 2),
        (four, "deleted-recoverable", 3),
        (&keys[5], "replaced-recoverable", 2),
        (&keys[6], "deleted-recoverable", 2),
    ] {
        assert_eq!(class(key), (expected.to_owned(), versions), "{key}");
    }
    let ran = run(&server.endpoint, &ours, SECRET_KEY, &["verify", to, "-q"]);
    assert_eq!(ran.status, 0, "{ran:#?}");
    println!("ran against ministack");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locks_that_ministack_keeps_are_recorded() {
    let Some(server) = ministack("locks") else { return };
    let trail = spec().bucket(BUCKET, "us-east-1").versioned().hours(3).build();
    let s3 = client(&server.endpoint);
    let request = s3.create_bucket().bucket(BUCKET).object_lock_enabled_for_bucket(true);
    request.send().await.unwrap();
    let until = now() + 400 * 86_400;
    for (key, versions) in &trail.world.buckets[BUCKET].objects {
        let version = versions.last().unwrap().clone();
        let request = s3.put_object().bucket(BUCKET).key(key);
        let request = request.body(ByteStream::from(version.body));
        let request = request.set_metadata(Some(version.metadata.into_iter().collect()));
        let request = request.object_lock_mode(ObjectLockMode::Compliance);
        let request = request.object_lock_retain_until_date(DateTime::from_secs(until));
        request.send().await.unwrap();
    }
    let ours = LoopbackServer::start(trail.world.clone(), ServerOptions::default()).unwrap();
    let (from, to) = trail.span();
    let location = format!("s3://{BUCKET}");
    let (from, to) = (iso(from), iso(to));
    let verify = ["verify", &location, "--start-time", &from, "--end-time", &to, "-q"];
    let named = [&verify[..], &["--format", "jsonl"]].concat();
    let ran = run(&server.endpoint, &ours, SECRET_KEY, &named);
    assert_eq!(ran.status, 0, "{ran:#?}");
    let logs: Vec<Value> =
        lines(&ran).into_iter().filter(|event| event["event"] == "log-judged").collect();
    assert!(!logs.is_empty());
    for log in logs {
        let stored_as = &log["stored_as"];
        assert_eq!(stored_as["lock_mode"], "COMPLIANCE", "{log}");
        assert_eq!(stored_as["retain_until"], iso(until), "{log}");
    }
}
