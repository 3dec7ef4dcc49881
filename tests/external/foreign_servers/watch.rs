//! States of `watch` in servers that nobody here wrote: `If-None-Match`, listings and checksums are theirs.
use super::*;

const BUCKET: &str = "watched";
const HOUR: i64 = 3_600;

/// Runs steps whose state lies in the server: one after another, and two at once.
async fn run_steps(server: &Foreign) {
    let trail = spec()
        .bucket(BUCKET, "us-east-1")
        .accounts(&["111122223333"])
        .regions(&["us-east-1"])
        .hours(12)
        .build();
    upload(&server.endpoint, &trail).await;
    let ours = LoopbackServer::start(trail.world.clone(), ServerOptions::default()).unwrap();
    let (location, state) = (format!("s3://{BUCKET}"), format!("s3://{BUCKET}/hourly"));
    let from = trail.span().0;
    let start = iso(from);
    let arguments = |hour: i64| {
        let end = iso(from + hour * HOUR);
        let step =
            ["watch", &location, "--state", &state, "--start-time", &start, "--end-time", &end];
        step.map(str::to_owned)
    };
    let step = |hour: i64| {
        let arguments = arguments(hour);
        run(&server.endpoint, &ours, SECRET_KEY, &arguments.each_ref().map(String::as_str))
    };
    step(3).is(0, "; record `s3://watched/hourly/records/00000001.jsonl.zst`");
    step(5).is(0, "; record `s3://watched/hourly/records/00000002.jsonl.zst`");
    step(5).is(0, "nothing new yet");

    // Two steps at once: the slower is refused, unless it began when the other had ended.
    let begin = |hour: i64| {
        let credentials =
            [("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)];
        let mut command = connected(&ours, &arguments(hour));
        command.envs(credentials).env("AWS_ENDPOINT_URL_S3", &server.endpoint);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both = [begin(7), begin(8)].map(|child| Ran::of(child.wait_with_output().unwrap()));
    for ran in &both {
        let refused =
            ran.status == 6 && ran.stderr.contains("another step has written it meanwhile");
        assert!(refused || ran.status == 0, "{both:#?}");
    }
    assert!(both.iter().any(|ran| ran.status == 0), "{both:#?}");
    step(9).is(0, "proven");
    let check = ["watch", &location, "--state", &state, "--check-state"];
    let check = || run(&server.endpoint, &ours, SECRET_KEY, &check);
    check().is(0, "is whole: ");

    // An object that was replaced is found.
    let client = client(&server.endpoint);
    let key = |number: u32| format!("hourly/records/{number:08}.jsonl.zst");
    let first = client.get_object().bucket(BUCKET).key(key(1)).send().await.unwrap();
    let first = ByteStream::from(first.body.collect().await.unwrap().into_bytes());
    client.put_object().bucket(BUCKET).key(key(2)).body(first).send().await.unwrap();
    check().is(5, "records/00000002.jsonl.zst` is not the record that the next one follows");
    step(10).is(5, "records/00000002.jsonl.zst` is not the record that the next one follows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_in_moto() {
    let Some(server) = moto("watch") else { return };
    run_steps(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_in_ministack() {
    let Some(server) = ministack("watch") else { return };
    run_steps(&server).await;
}
