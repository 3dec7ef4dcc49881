//! `trail-config` against services that nobody here wrote: moto answers what a trail in order has, the AWS
//! CLI gathers the same as files, and ministack evaluates policies.
//!
//! `TRAILPROOF_MOTO_SERVER`, `TRAILPROOF_MINISTACK` and `TRAILPROOF_AWS_CLI` name the programs, as for
//! `foreign_servers` and `differential`.
use crate::foreign_servers::foreign::{Foreign, ministack, moto};
use crate::support::program::{Ran, empty_folder, named_program, program};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use trailproof_core::control::policy::{Caller, Context, Decision, Policy, Request};

/// The account of moto.
const ACCOUNT: &str = "123456789012";

/// moto and the AWS CLI, which administers it.
struct Cloud {
    server: Foreign,
    aws: OsString,
}

impl Cloud {
    fn new(name: &str) -> Option<Self> {
        let aws = named_program("TRAILPROOF_AWS_CLI", "TRAILPROOF_REQUIRE_AWS_CLI")?;
        Some(Self { server: moto(name)?, aws })
    }

    fn environment(&self) -> [(&str, &str); 4] {
        [
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &self.server.endpoint),
        ]
    }

    /// Runs the AWS CLI and returns what it printed.
    fn aws(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new(&self.aws);
        command.args(["--output", "json"]).envs(self.environment());
        let ran = Ran::from(command.env("AWS_DEFAULT_REGION", "us-east-1").args(arguments));
        assert_eq!(ran.status, 0, "{arguments:?}: {ran:#?}");
        serde_json::from_str(&ran.stdout).unwrap_or(Value::Null)
    }

    /// Makes an organization's trail with its key and its bucket, and returns the ARN of the trail.
    fn trail_in_order(&self) -> String {
        let trail = format!("arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/main");
        let service = |actions: Value, resource: Value| {
            json!({
                "Effect": "Allow", "Principal": { "Service": "cloudtrail.amazonaws.com" },
                "Action": actions, "Resource": resource,
                "Condition": { "StringEquals": { "aws:SourceArn": trail } },
            })
        };
        let policy = |statements: Value| {
            json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
        };
        let key = policy(json!([
            { "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") },
              "Action": "kms:*", "Resource": "*" },
            service(json!(["kms:GenerateDataKey*", "kms:DescribeKey", "kms:Decrypt"]), json!("*")),
        ]));
        let key = self.aws(&["kms", "create-key", "--policy", &key]);
        let key = key["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
        self.aws(&["kms", "enable-key-rotation", "--key-id", &key]);
        let lock = ["--object-lock-enabled-for-bucket"];
        self.aws(&[&["s3api", "create-bucket", "--bucket", "logs"][..], &lock].concat());
        self.aws(&["s3api", "create-bucket", "--bucket", "access"]);
        let bucket = policy(json!([
            service(json!("s3:GetBucketAcl"), json!("arn:aws:s3:::logs")),
            service(
                json!("s3:PutObject"),
                json!(format!("arn:aws:s3:::logs/audit/AWSLogs/{ACCOUNT}/*")),
            ),
            { "Effect": "Deny", "Principal": "*", "Action": "s3:*",
              "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"],
              "Condition": { "Bool": { "aws:SecureTransport": "false" } } },
        ]));
        let retention = json!({ "ObjectLockEnabled": "Enabled",
            "Rule": { "DefaultRetention": { "Mode": "COMPLIANCE", "Days": 400 } } });
        let encryption = json!({ "Rules": [{ "BucketKeyEnabled": true,
            "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key } }] });
        let lifecycle = json!({ "Rules": [{ "ID": "keep", "Status": "Enabled",
            "Filter": { "Prefix": "audit/" }, "Expiration": { "Days": 2600 },
            "Transitions": [{ "Days": 120, "StorageClass": "GLACIER" }] }] });
        for (operation, option, content) in [
            ("put-bucket-versioning", "--versioning-configuration", json!({ "Status": "Enabled" })),
            ("put-object-lock-configuration", "--object-lock-configuration", retention),
            ("put-bucket-encryption", "--server-side-encryption-configuration", encryption),
            ("put-bucket-lifecycle-configuration", "--lifecycle-configuration", lifecycle),
            (
                "put-public-access-block",
                "--public-access-block-configuration",
                json!({ "BlockPublicAcls": true, "IgnorePublicAcls": true,
                    "BlockPublicPolicy": true, "RestrictPublicBuckets": true }),
            ),
            (
                "put-bucket-ownership-controls",
                "--ownership-controls",
                json!({ "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] }),
            ),
            ("put-bucket-policy", "--policy", json!(bucket)),
        ] {
            let content = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
            self.aws(&["s3api", operation, "--bucket", "logs", option, &content]);
        }
        let made = self.aws(&[
            "cloudtrail",
            "create-trail",
            "--name",
            "main",
            "--s3-bucket-name",
            "logs",
            "--s3-key-prefix",
            "audit",
            "--is-multi-region-trail",
            "--enable-log-file-validation",
            "--include-global-service-events",
            "--kms-key-id",
            &key,
        ]);
        assert_eq!(made["TrailARN"], trail, "{made:#}");
        let selectors = json!([{ "ReadWriteType": "All", "IncludeManagementEvents": true,
            "DataResources": [{ "Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::logs/"] }] }]);
        let selectors = selectors.to_string();
        for arguments in [
            &["start-logging", "--name", "main"][..],
            &["put-event-selectors", "--trail-name", "main", "--event-selectors", &selectors],
            &[
                "put-insight-selectors",
                "--trail-name",
                "main",
                "--insight-selectors",
                r#"[{"InsightType":"ApiCallRateInsight"}]"#,
            ],
        ] {
            self.aws(&[&["cloudtrail"], arguments].concat());
        }
        trail
    }

    fn judged(&self, arguments: &[&str]) -> Value {
        let mut command = program(&["trail-config", "--format", "json"]);
        let ran = Ran::from(command.args(arguments).envs(self.environment()));
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:#?}"))
    }
}

fn status(document: &Value, check: &str) -> (String, Value) {
    let found = document["results"].as_array().unwrap().iter().find(|it| it["id"] == check);
    let found = found.unwrap_or_else(|| panic!("no result of {check}"));
    (found["status"].as_str().unwrap().to_owned(), found.clone())
}

/// What moto can show of a trail in order.
const IN_ORDER: [&str; 26] = [
    "trail-encrypted-with-customer-key",
    "trail-log-file-validation",
    "trail-multi-region",
    "trail-global-events",
    "trail-management-events",
    "trail-no-excluded-sources",
    "trail-data-events-log-bucket",
    "trail-insights",
    "key-policy-for-cloudtrail",
    "key-policy-scoped",
    "key-in-bucket-region",
    "key-customer-managed",
    "key-not-pending-deletion",
    "key-rotation",
    "key-not-public",
    "bucket-versioning",
    "bucket-object-lock",
    "bucket-lock-compliance-mode",
    "bucket-lock-covers-retention",
    "bucket-encryption-default",
    "bucket-public-access-block",
    "bucket-tls-only",
    "bucket-policy-scoped",
    "bucket-policy-lets-cloudtrail-write",
    "bucket-no-early-expiry",
    "bucket-at-hand",
];

#[test]
fn a_trail_in_order_passes_live_and_from_what_the_aws_cli_printed() {
    let Some(cloud) = Cloud::new("trail-config") else { return };
    let arn = cloud.trail_in_order();
    let live = cloud.judged(&["--trail-arn", &arn]);
    let others: Vec<(&str, String)> = IN_ORDER
        .into_iter()
        .map(|check| (check, status(&live, check).0))
        .filter(|(_, status)| status != "PASS")
        .collect();
    // The root element of moto's answer is not that of S3, which the SDK refuses and the AWS CLI ignores.
    assert_eq!(others, [("bucket-versioning", "NOT_AVAILABLE".to_owned())]);
    // The script that the program prints, run by a shell with the real AWS CLI.
    let at = empty_folder("trail-config-script");
    let script = Ran::from(&mut program(&["trail-config", "--evidence-script"]));
    fs::write(at.join("evidence.sh"), script.stdout).unwrap();
    let path = std::env::var("PATH").unwrap();
    let folder = Path::new(&cloud.aws).parent().unwrap().to_str().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["evidence.sh", &arn, "gathered"]).current_dir(&at).envs(cloud.environment());
    let ran = Ran::from(shell.env("PATH", format!("{folder}:{path}")));
    assert_eq!(ran.status, 0, "{ran:#?}");
    let given = cloud.judged(&["--evidence", at.join("gathered").to_str().unwrap()]);
    for check in IN_ORDER {
        let (status, found) = status(&given, check);
        assert_eq!(status, "PASS", "{found:#}");
    }

    // What is taken away is seen, both ways.
    cloud.aws(&["cloudtrail", "stop-logging", "--name", "main"]);
    cloud.aws(&["s3api", "delete-public-access-block", "--bucket", "logs"]);
    cloud.aws(&["s3api", "delete-bucket-policy", "--bucket", "logs"]);
    let key = live["trails"][0]["key"].as_str().unwrap();
    // moto itself breaks on an ARN here.
    let id = key.rsplit('/').next().unwrap();
    cloud.aws(&["kms", "schedule-key-deletion", "--key-id", id, "--pending-window-in-days", "7"]);
    let live = cloud.judged(&["--trail-arn", &arn]);
    for check in [
        "trail-multi-region",
        "trail-encrypted-with-customer-key",
        "key-not-pending-deletion",
        "bucket-public-access-block",
        "bucket-tls-only",
        "bucket-policy-lets-cloudtrail-write",
    ] {
        let (status, found) = status(&live, check);
        assert_eq!(status, "FAIL", "{found:#}");
    }
}

/// A generator of numbers, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }

    /// Returns one to three of the texts, alone or as a list.
    fn some(&mut self, of: &[&str]) -> Value {
        let count = 1 + self.below(3);
        let list: Vec<&str> = (0..count).map(|_| self.one(of)).collect();
        if count == 1 { json!(list[0]) } else { json!(list) }
    }
}

/// The account of ministack, and the caller that it takes.
const OWN: &str = "000000000000";
const ROOT: &str = "arn:aws:iam::000000000000:root";

const ACTIONS: [&str; 6] = [
    "cloudtrail:StopLogging",
    "cloudtrail:*",
    "CloudTrail:stop*",
    "s3:PutObject",
    "s3:*Object",
    "*",
];
const RESOURCES: [&str; 6] = [
    "*",
    "arn:aws:s3:::logs/*",
    "arn:aws:s3:::LOGS/*",
    "arn:aws:s3:::logs/AWSLogs/?11122223333/*",
    "arn:aws:cloudtrail:*:*:trail/main",
    "arn:aws:cloudtrail:us-east-1:111122223333:trail/*",
];
const REQUESTS: [(&str, &str); 4] = [
    ("cloudtrail:StopLogging", "arn:aws:cloudtrail:us-east-1:111122223333:trail/main"),
    ("cloudtrail:StopLogging", "arn:aws:cloudtrail:eu-west-1:111122223333:trail/other"),
    ("s3:PutObject", "arn:aws:s3:::logs/AWSLogs/111122223333/x"),
    ("s3:GetObject", "arn:aws:s3:::logs/AWSLogs/444455556666/x"),
];

/// Returns a condition: an operator, a key and values. A pattern of an ARN has no `*` that would reach
/// beyond a colon: IAM compares the six parts one by one, and ministack the whole text.
fn condition(numbers: &mut Numbers) -> Value {
    let text = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"];
    let arn = ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"];
    let arns = [ROOT, "arn:aws:iam::000000000000:role/*", "arn:aws:iam::0000000?0000:root"];
    let (mut operator, key, values) = match numbers.below(5) {
        0 => (
            numbers.one(&text).to_owned(),
            "aws:PrincipalAccount",
            numbers.some(&[OWN, "111122223333", "0000*"]),
        ),
        1 => (numbers.one(&arn).to_owned(), "aws:PrincipalArn", numbers.some(&arns)),
        2 => ("Bool".to_owned(), "aws:SecureTransport", numbers.some(&["true", "false"])),
        3 => {
            let absent = json!(numbers.one(&["true", "false"]));
            let key = numbers.one(&["aws:PrincipalArn", "aws:SourceVpc"]);
            return json!({ "Null": { key: absent } });
        }
        _ => (numbers.one(&text).to_owned(), "aws:SourceVpc", numbers.some(&["vpc-1", "vpc-*"])),
    };
    match numbers.below(5) {
        0 => operator += "IfExists",
        1 => operator = format!("ForAnyValue:{operator}"),
        2 => operator = format!("ForAllValues:{operator}"),
        _ => {}
    }
    json!({ operator: { key: values } })
}

fn policy(numbers: &mut Numbers) -> Value {
    let statement = |numbers: &mut Numbers| {
        let action = numbers.one(&["Action", "Action", "NotAction"]);
        let resource = numbers.one(&["Resource", "Resource", "NotResource"]);
        let mut statement = json!({
            "Effect": numbers.one(&["Allow", "Allow", "Deny"]),
            action: numbers.some(&ACTIONS),
            resource: numbers.some(&RESOURCES),
        });
        if numbers.below(3) > 0 {
            statement["Condition"] = condition(numbers);
        }
        statement
    };
    let count = 1 + numbers.below(3);
    let statements: Vec<Value> = (0..count).map(|_| statement(numbers)).collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Asks `SimulateCustomPolicy` and returns the decision.
fn simulated(server: &Foreign, policy: &Value, action: &str, resource: &str) -> String {
    let mut body = String::from("Action=SimulateCustomPolicy&Version=2010-05-08");
    for (name, value) in [
        ("PolicyInputList.member.1", policy.to_string()),
        ("ActionNames.member.1", action.to_owned()),
        ("ResourceArns.member.1", resource.to_owned()),
    ] {
        write!(body, "&{name}=").unwrap();
        value.bytes().for_each(|byte| write!(body, "%{byte:02X}").unwrap());
    }
    let address = server.endpoint.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/iam/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let decision = answer.split_once("<EvalDecision>").and_then(|(_, rest)| rest.split_once('<'));
    decision.unwrap_or_else(|| panic!("{answer}")).0.to_owned()
}

/// The same answer, or none: a policy is never decided otherwise than by somebody else's evaluator.
#[test]
fn policies_are_decided_as_ministack_decides_or_not_at_all() {
    let Some(server) = ministack("policies") else { return };
    let mut numbers = Numbers(7);
    let (mut decided, mut undecided) = (0, 0);
    for _ in 0..400 {
        let policy = policy(&mut numbers);
        let (action, resource) = REQUESTS[numbers.below(REQUESTS.len())];
        let request = Request {
            caller: Caller::Principal { arn: ROOT, account: OWN },
            action,
            resource,
            context: vec![
                ("aws:principalarn", Context::Is(vec![ROOT])),
                ("aws:principalaccount", Context::Is(vec![OWN])),
                ("aws:securetransport", Context::Is(vec!["false"])),
                ("aws:sourcevpc", Context::Absent),
            ],
        };
        let ours = match Policy::from_value(&policy).unwrap().decide(&request) {
            Decision::Allowed => "allowed",
            Decision::Denied => "explicitDeny",
            Decision::NotAllowed => "implicitDeny",
            Decision::Undecided => {
                undecided += 1;
                continue;
            }
        };
        decided += 1;
        let theirs = simulated(&server, &policy, action, resource);
        assert_eq!(ours, theirs, "{action} on {resource}: {policy:#}");
    }
    println!("{decided} policies decided, {undecided} undecided");
    assert!(decided > 300, "{decided}");
}
