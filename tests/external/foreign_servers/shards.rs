//! Plans and shard records in servers that nobody here wrote: `If-None-Match` and checksums are theirs.
use super::*;

const BUCKET: &str = "sharded";

/// Cuts a run into shards whose plan and records lie in the server, and compares the merged record with
/// that of one machine.
async fn run_in_shards(server: &Foreign) {
    let trail = spec()
        .bucket(BUCKET, "us-east-1")
        .accounts(&["111122223333"])
        .regions(&["us-east-1", "eu-west-1"])
        .hours(4)
        .build();
    upload(&server.endpoint, &trail).await;
    let ours = LoopbackServer::start(trail.world.clone(), ServerOptions::default()).unwrap();
    let folder =
        empty_folder(&format!("foreign-shards-{}", server.root.file_name().unwrap().display()));
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (from, to) = trail.span();
    let (from, to) = (iso(from), iso(to));
    let period = ["--start-time", &from, "--end-time", &to, "--quiet"];
    let run = |arguments: &[&str]| run(&server.endpoint, &ours, SECRET_KEY, arguments);
    let location = format!("s3://{BUCKET}");
    let (plan, to) = (format!("s3://{BUCKET}/run/plan.jsonl"), format!("s3://{BUCKET}/run"));
    run(&[&["plan", &location, "--output", &plan][..], &period].concat()).is(0, "2\n");
    let work = |shard: &str| run(&["work", &plan, "--shard", shard, "--to", &to, "--quiet"]);
    work("0").is(0, "");
    work("1").is(0, "");
    // The second attempt finds the record of the first.
    work("1").is(0, "shard-000001.jsonl.zst");
    let (one, merged) = (path("one.jsonl.zst"), path("merged.jsonl.zst"));
    let verify = ["verify", &location, "--reproducible", "--record", &one];
    run(&[&verify[..], &period].concat()).is(0, "PROVEN");
    run(&["merge", &plan, &to, "--record", &merged]).is(0, "proven\n");
    assert!(fs::read(one).unwrap() == fs::read(merged).unwrap(), "the records differ");

    // A different record is neither replaced nor taken for this one.
    let client = client(&server.endpoint);
    let key = "run/shard-000001.jsonl.zst";
    let planted = fs::read(path("merged.jsonl.zst")).unwrap();
    let put = client.put_object().bucket(BUCKET).key(key).body(ByteStream::from(planted.clone()));
    put.send().await.unwrap();
    work("1").is(0, "s3://sharded/run/shard-000001-");
    let there = client.get_object().bucket(BUCKET).key(key).send().await.unwrap();
    assert!(there.body.collect().await.unwrap().into_bytes() == planted, "it was replaced");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shards_in_moto() {
    let Some(server) = moto("shards") else { return };
    run_in_shards(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shards_in_ministack() {
    let Some(server) = ministack("shards") else { return };
    run_in_shards(&server).await;
}
