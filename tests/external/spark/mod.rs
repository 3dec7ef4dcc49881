//! A run in shards on a Spark cluster that loses an executor, a worker and a task gives the bytes of
//! one machine, in both rounds: the survey and the verification.
//!
//! `TRAILPROOF_PYSPARK` names a Python with PySpark 4, beside a Java 17 that Spark finds.
use crate::support::program::{CREDENTIALS, PROGRAM, Ran, connected, named_program, serve};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use trailproof_testkit::trail::{LogPlan, LogSizes, TrailSpec};
use trailproof_testkit::world::Bucket;

const LOCATION: &str = "s3://example-trail-logs";
const PERIOD: [&str; 5] =
    ["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-02T00:04:11Z", "--quiet"];

#[test]
fn a_disturbed_cluster_gives_the_bytes_of_one_machine() {
    let Some(python) = named_program("TRAILPROOF_PYSPARK", "TRAILPROOF_REQUIRE_PYSPARK") else {
        return;
    };
    let mut trail = TrailSpec::new()
        .seed(17)
        .organization("o-a1b2c3d4e5")
        .accounts(&["111122223333", "444455556666", "777788889999"])
        .regions(&["us-east-1", "eu-west-1", "ap-south-1", "us-west-2"])
        .time("2026-03-01T00:04:11Z", 24)
        .logs(LogPlan::Constant(2), LogSizes::Small)
        .build();
    // The plan and the records lie in a bucket of their own.
    let results = trail.world.buckets.values().next().unwrap();
    let (objects, settings) = (BTreeMap::new(), BTreeMap::new());
    let results = Bucket { region: results.region.clone(), objects, settings };
    trail.world.buckets.insert("results".to_owned(), results);
    let server = serve(&trail);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let run = |arguments: &[&str], words: &str| {
        Ran::from(&mut connected(&server, arguments)).is(0, words);
    };
    let (first, plan) = ("s3://results/run/first.jsonl", "s3://results/run/plan.jsonl");
    let shards = "s3://results/run";
    let (one, merged) = (path("one.jsonl.zst"), path("merged.jsonl.zst"));
    let planned = ["plan", LOCATION, "--survey-in-shards", "--output", first];
    run(&[&planned[..], &PERIOD].concat(), "12\n");
    let verify = ["verify", LOCATION, "--reproducible", "--record", &one];
    run(&[&verify[..], &PERIOD].concat(), "PROVEN");
    let root = env!("CARGO_MANIFEST_DIR");
    let disturbed = |plan: &str, name: &str| {
        std::fs::create_dir(path(name)).unwrap();
        // The JVM and the shell need more of the environment than the program.
        let mut cluster = Command::new(&python);
        cluster
            .arg(format!("{root}/tests/external/spark/cluster.py"))
            .args(["--job", &format!("{root}/engines/spark/trailproof_spark.py")])
            .args(["--plan", plan, "--to", shards, "--program", PROGRAM, "--shards", "12"])
            .args(["--folder", &path(name)])
            .env("AWS_ENDPOINT_URL", server.endpoint())
            .envs(CREDENTIALS)
            .envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")])
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null());
        let disturbed = Ran::from(&mut cluster);
        assert_eq!(disturbed.status, 0, "{disturbed:#?}");
        print!("{}", disturbed.stdout);
    };
    disturbed(first, "surveyed");
    run(&["merge", first, shards, "--plan", plan], "12\n");
    disturbed(plan, "verified");
    run(&["merge", plan, shards, "--record", &merged], "proven");
    assert!(std::fs::read(one).unwrap() == std::fs::read(merged).unwrap(), "the records differ");
}
