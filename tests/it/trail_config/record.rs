//! Facts from a run record are held to the trail that is checked: a bucket has the files of several.
use super::{result, scratch};
use crate::support::mirrors::{bucket, iso, slices};
use crate::support::program::{connected, program, serve};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use trailproof_testkit::server::LoopbackServer;
use trailproof_testkit::trail::{BuiltTrail, TrailBuilder, TrailSpec};

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/0d990263-018e-428e-a701-31b6de3a4d52";
const MAIN: &str = "arn:aws:cloudtrail:us-east-1:111122223333:trail/main";
const OTHER: &str = "arn:aws:cloudtrail:us-east-1:111122223333:trail/other";
const MEMBER: &str = "444455556666";

const ENCRYPTED: [(&str, &str); 2] = [
    ("x-amz-server-side-encryption", "aws:kms"),
    ("x-amz-server-side-encryption-aws-kms-key-id", KEY),
];
const LOCKED: [(&str, &str); 2] = [
    ("x-amz-object-lock-mode", "COMPLIANCE"),
    ("x-amz-object-lock-retain-until-date", "2028-03-01T00:00:00.000Z"),
];

fn spec(name: &str) -> TrailSpec {
    TrailSpec::new()
        .seed(7)
        .accounts(&["111122223333"])
        .regions(&["us-east-1"])
        .trail(name, "us-east-1")
        .bucket("logs", "us-east-1")
        .time("2026-03-01T00:04:11Z", 4)
}

/// A server with a bucket, a folder for records and evidence, and what `DescribeTrails` answers.
struct Case {
    at: PathBuf,
    server: LoopbackServer,
    period: Vec<String>,
}

impl Case {
    fn new(name: &str, trail: &BuiltTrail) -> Self {
        assert_eq!(bucket(trail), "logs");
        let whole = trail.whole();
        let period = ["--start-time", &iso(whole.from), "--end-time", &iso(whole.to)];
        let case = Self {
            at: scratch(&format!("record-{name}")),
            server: serve(trail),
            period: period.map(str::to_owned).into(),
        };
        fs::create_dir(case.at.join("evidence")).unwrap();
        case
    }

    /// Verifies the bucket, or a part of it.
    fn record(&self, name: &str, location: &str, more: &[&str]) -> PathBuf {
        let path = self.at.join(name);
        let record = ["--record", path.to_str().unwrap()];
        let arguments = [&["verify", location][..], &slices(&self.period), &record, more].concat();
        let output = connected(&self.server, &arguments).env("AWS_REGION", "us-east-1").output();
        let stderr = String::from_utf8(output.unwrap().stderr).unwrap();
        assert!(path.is_file(), "{stderr}");
        path
    }

    fn whole(&self) -> PathBuf {
        self.record("run.jsonl", "s3://logs", &["--force"])
    }

    fn give(&self, name: &str, content: &Value) {
        fs::write(self.at.join("evidence").join(name), content.to_string()).unwrap();
    }

    fn organization(&self, id: &str, accounts: &[&str]) {
        let organization =
            json!({ "Id": id, "MasterAccountId": "111122223333", "FeatureSet": "ALL" });
        self.give("describe-organization.json", &json!({ "Organization": organization }));
        let account = |id: &&str| json!({ "Id": id, "State": "ACTIVE" });
        let accounts: Vec<Value> = accounts.iter().map(account).collect();
        self.give("list-accounts.json", &json!({ "Accounts": accounts }));
    }

    fn judge(&self, record: &Path, arn: &str, prefix: Option<&str>, organization: bool) -> Value {
        let trail = json!({ "trailList": [{
            "Name": arn.rsplit('/').next(), "TrailARN": arn, "S3BucketName": "logs",
            "S3KeyPrefix": prefix, "KmsKeyId": KEY, "IsOrganizationTrail": organization,
            "HomeRegion": arn.split(':').nth(3), "IsMultiRegionTrail": true,
        }] });
        self.give("describe-trails.json", &trail);
        let mut command = program(&["trail-config", "--format", "json", "--record"]);
        let output = command.arg(record).arg("--evidence").arg(self.at.join("evidence")).output();
        let output = output.unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

#[track_caller]
fn undecided(document: &Value, arn: &str, check: &str, why: &str) {
    let found = result(document, arn, check);
    let unread = &found["unread"][0]["why"];
    assert_eq!((&found["status"], unread), (&"NOT_AVAILABLE".into(), &why.into()), "{found:#}");
}

const FILES: [&str; 2] = ["files-encrypted-with-key", "files-locked"];

#[test]
fn files_of_another_trail_decide_nothing() {
    let mut trail = TrailBuilder::new().trail(spec("main")).trail(spec("other").seed(8)).build();
    trail.set_headers(&[ENCRYPTED, LOCKED].concat());
    let of = |trail: &BuiltTrail, name: &str| {
        let those = trail.chains.iter().filter(|chain| chain.id.trail == name);
        let logs = those.flat_map(|chain| &chain.digests).flat_map(|digest| &digest.logs);
        logs.map(|log| log.key.clone()).collect::<Vec<_>>()
    };
    for key in of(&trail, "other") {
        let objects = &mut trail.world.buckets.get_mut("logs").unwrap().objects;
        objects.get_mut(&key).unwrap().last_mut().unwrap().headers.clear();
    }
    let case = Case::new("two-trails", &trail);
    let record = case.whole();
    let document = case.judge(&record, MAIN, None, false);
    for check in FILES {
        let found = result(&document, MAIN, check);
        assert_eq!(found["status"], "PASS", "{found:#}");
    }
    let found = result(&document, MAIN, "files-encrypted-with-key");
    assert_eq!(found["observed"]["log_files"], of(&trail, "main").len());
    assert_eq!(document["records"][0]["bucket"], "logs");
    let document = case.judge(&record, OTHER, None, false);
    assert_eq!(result(&document, OTHER, "files-encrypted-with-key")["status"], "FAIL");

    // A run over the other trail only, and trails that have nothing but the name in common.
    let narrow = case.record("other.jsonl", "s3://logs", &["--trail", "other"]);
    let document = case.judge(&narrow, MAIN, None, false);
    for check in FILES {
        undecided(&document, MAIN, check, "record-of-other-trail");
    }
    let elsewhere = case.record("main.jsonl", "s3://logs", &["--trail", "main"]);
    for arn in
        [MAIN.replace("111122223333", "999988887777"), MAIN.replace("us-east-1", "eu-west-1")]
    {
        let document = case.judge(&elsewhere, &arn, None, false);
        for check in FILES {
            undecided(&document, &arn, check, "record-of-other-trail");
        }
    }
    let document = case.judge(&elsewhere, "not-an-arn", None, false);
    undecided(&document, "not-an-arn", "files-locked", "trail-not-identified");
}

/// A run that leaves out a part of what the trail delivers shows what is wrong there, and proves nothing of
/// the rest.
#[test]
fn a_part_of_the_trail_passes_for_nothing() {
    let mut trail = spec("main").regions(&["us-east-1", "eu-west-1"]).prefix("audit").build();
    trail.set_headers(&[ENCRYPTED, LOCKED].concat());
    let case = Case::new("part", &trail);
    let document = case.judge(&case.whole(), MAIN, Some("audit"), false);
    assert_eq!(result(&document, MAIN, "files-locked")["status"], "PASS");
    let region = ["--region", "us-east-1"];
    let part = case.record("region.jsonl", "s3://logs/audit", &region);
    let document = case.judge(&part, MAIN, Some("audit"), false);
    for check in FILES {
        undecided(&document, MAIN, check, "record-incomplete");
    }
    // The trail delivers below a different prefix than the one that the run looked at.
    let below = case.record("below.jsonl", "s3://logs/audit", &[]);
    let document = case.judge(&below, MAIN, Some("audit"), false);
    assert_eq!(result(&document, MAIN, "files-locked")["status"], "PASS");
    let document = case.judge(&below, MAIN, Some("moved"), false);
    for check in FILES {
        undecided(&document, MAIN, check, "record-of-other-trail");
    }
}

/// S3 leaves the lock out of an answer for a caller who is not allowed to read it.
#[test]
fn files_that_show_no_lock_are_accused_only_without_object_lock() {
    let mut trail = spec("main").build();
    trail.set_headers(&ENCRYPTED);
    let case = Case::new("hidden", &trail);
    let record = case.whole();
    let judge = || case.judge(&record, MAIN, None, false);
    let document = judge();
    undecided(&document, MAIN, "files-locked", "not-shown");
    let found = result(&document, MAIN, "files-locked");
    assert_eq!(found["unread"][0]["permission"], "s3:GetObjectRetention");
    assert_eq!(found["unread"][1]["permission"], "s3:GetBucketObjectLockConfiguration");
    let on = json!({ "ObjectLockConfiguration": { "ObjectLockEnabled": "Enabled" } });
    case.give("get-object-lock-configuration.json", &on);
    undecided(&judge(), MAIN, "files-locked", "not-shown");
    fs::remove_file(case.at.join("evidence/get-object-lock-configuration.json")).unwrap();
    fs::write(
        case.at.join("evidence/get-object-lock-configuration.error"),
        "An error occurred (ObjectLockConfigurationNotFoundError) when calling the \
         GetObjectLockConfiguration operation: x",
    )
    .unwrap();
    let document = judge();
    assert_eq!(result(&document, MAIN, "files-locked")["status"], "FAIL");
}

#[test]
fn an_organization_is_held_to_its_own_trail() {
    let check = "org-all-accounts-covered";
    let accounts = ["111122223333", MEMBER];
    let organization =
        |id: &str, accounts: &[&str]| spec("main").organization(id).accounts(accounts);
    let trail = TrailBuilder::new()
        .trail(organization("o-example111", &accounts))
        .trail(organization("o-example222", &["555566667777"]).seed(8))
        .build();
    let case = Case::new("organization", &trail);
    let record = case.whole();
    case.organization("o-example111", &accounts);
    let document = case.judge(&record, MAIN, None, true);
    let found = result(&document, MAIN, check);
    assert_eq!((&found["status"], &found["observed"]["accounts"]), (&"PASS".into(), &2.into()));
    // The account has chains in this bucket, of the other organization's trail.
    case.organization("o-example111", &["111122223333", MEMBER, "555566667777"]);
    let document = case.judge(&record, MAIN, None, true);
    let found = result(&document, MAIN, check);
    assert_eq!(found["status"], "FAIL", "{found:#}");
    assert_eq!(found["observed"]["missing"], json!(["555566667777"]));
    // Which organization the trail records is not known.
    fs::write(
        case.at.join("evidence/describe-organization.error"),
        "An error occurred (AccessDeniedException) when calling the DescribeOrganization operation: x",
    )
    .unwrap();
    fs::remove_file(case.at.join("evidence/describe-organization.json")).unwrap();
    let document = case.judge(&record, MAIN, None, true);
    for check in [check, "files-locked"] {
        undecided(&document, MAIN, check, "denied");
        let found = result(&document, MAIN, check);
        assert_eq!(found["unread"][0]["operation"], "DescribeOrganization");
    }
}

/// A run that looked at one account does not accuse the others.
#[test]
fn accounts_that_the_run_left_out_are_not_missing() {
    let check = "org-all-accounts-covered";
    let accounts = ["111122223333", MEMBER];
    let trail = spec("main").organization("o-example111").accounts(&accounts).build();
    let case = Case::new("accounts", &trail);
    case.organization("o-example111", &accounts);
    let narrow = case.record("one.jsonl", "s3://logs", &["--account", MEMBER]);
    let document = case.judge(&narrow, MAIN, None, true);
    undecided(&document, MAIN, check, "record-incomplete");
    assert_eq!(result(&document, MAIN, check)["observed"]["undecided"], json!(["111122223333"]));
}
