//! Runs each command under its policy, with moto, which checks signatures and evaluates policies as IAM
//! does: the command does its job with the policy, and not without any one of its actions.
//!
//! moto does not have all of CloudTrail. Our own server answers for CloudTrail and Organizations, and
//! refuses what the policy does not allow.
//! moto also asks for actions that IAM does not have: `s3:HeadBucket`, for which `s3:ListBucket` is
//! needed. trailproof goes on where it is refused.
use crate::foreign_servers::foreign::{Foreign, moto, upload};
use crate::foreign_servers::versions::{next_second, now};
use crate::support::attest_room::AttestFolder;
use crate::support::permissions::{BUCKET, On, PERMISSIONS, Permissions, STATE_BUCKET, policy};
use crate::support::program::{Ran, empty_folder, named_program, program, scratch};
use serde_json::Value;
use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use trailproof_testkit::server::{
    Fault, FaultPlan, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};
use trailproof_testkit::trail::location::iso;
use trailproof_testkit::trail::{BuiltTrail, TrailSpec};
use trailproof_testkit::world::Member;

/// A caller without rights of their own, and a store that asks what they may do.
struct Caller {
    server: Foreign,
    aws: OsString,
    id: String,
    secret: String,
}

impl Caller {
    fn new(name: &str) -> Option<Self> {
        let aws = named_program("TRAILPROOF_AWS_CLI", "TRAILPROOF_REQUIRE_AWS_CLI")?;
        let server = moto(&format!("permissions-{name}"))?;
        let mut caller = Self { server, aws, id: String::new(), secret: String::new() };
        caller.administer(&["iam", "create-user", "--user-name", "reader"]);
        let key = caller.administer(&["iam", "create-access-key", "--user-name", "reader"]);
        let key: Value = serde_json::from_str(&key).unwrap();
        let field = |name: &str| key["AccessKey"][name].as_str().unwrap().to_owned();
        (caller.id, caller.secret) = (field("AccessKeyId"), field("SecretAccessKey"));
        Some(caller)
    }

    /// Runs the AWS CLI as somebody whose rights are not checked.
    fn administer(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(&self.aws);
        command.args(["--endpoint-url", &self.server.endpoint, "--output", "json"]).envs([
            ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ]);
        let ran = Ran::from(command.args(arguments));
        assert_eq!(ran.status, 0, "{arguments:?}: {ran:#?}");
        ran.stdout
    }

    /// Says whether moto asks what callers may do.
    fn enforce(&self, enforced: bool) {
        let address = self.server.endpoint.strip_prefix("http://").unwrap();
        let after = if enforced { "0" } else { "1000000" };
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST /moto-api/reset-auth HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             content-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n{after}",
            after.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Runs the program as the caller, who may do these actions. CloudTrail and Organizations are at
    /// this endpoint.
    fn run(&self, actions: &[(&str, On)], others: &str, arguments: &[String]) -> Ran {
        let policy = if actions.is_empty() {
            // A policy without statements is invalid.
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#
                .to_owned()
        } else {
            // moto does not know which key a request is about.
            policy(actions)
                .to_string()
                .replace("arn:aws:kms:us-east-1:111122223333:key/EXAMPLE", "*")
        };
        let put = ["iam", "put-user-policy", "--user-name", "reader", "--policy-name", "p"];
        self.administer(&[&put[..], &["--policy-document", &policy]].concat());
        self.enforce(true);
        let ran = Ran::from(program(arguments).envs([
            ("AWS_ACCESS_KEY_ID", self.id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", &self.secret),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &self.server.endpoint),
            ("AWS_ENDPOINT_URL_CLOUDTRAIL", others),
            ("AWS_ENDPOINT_URL_ORGANIZATIONS", others),
        ]));
        self.enforce(false);
        ran
    }
}

fn permissions(name: &str) -> &'static Permissions {
    PERMISSIONS.iter().find(|permissions| permissions.name == name).unwrap()
}

/// What our own server answers in place of moto.
const OURS: [(&str, Operation); 4] = [
    ("cloudtrail:ListPublicKeys", Operation::ListPublicKeys),
    ("cloudtrail:DescribeTrails", Operation::DescribeTrails),
    ("cloudtrail:GetTrailStatus", Operation::GetTrailStatus),
    ("organizations:ListAccounts", Operation::ListAccounts),
];

/// Runs a command with all its actions, and without each of them. `OUT` in the arguments becomes a
/// path at which there is nothing.
fn needs_each(caller: &Caller, name: &str, trail: &BuiltTrail, arguments: &[&str]) {
    needs_each_for(0, caller, name, trail, arguments);
}

/// Does the same for a command that ends with this status if it can do its job.
fn needs_each_for(
    status: i32,
    caller: &Caller,
    name: &str,
    trail: &BuiltTrail,
    arguments: &[&str],
) {
    let ours = LoopbackServer::start(trail.world.clone(), ServerOptions::default()).unwrap();
    let folder = empty_folder(&format!("permissions-{name}-{}", arguments[0]));
    let run = |actions: &[(&str, On)], run: usize| {
        let mut refused = FaultPlan::new();
        for (action, operation) in OURS {
            if !actions.iter().any(|(allowed, _)| *allowed == action) {
                let always = Schedule::always(Fault::AccessDenied);
                refused.add(Matcher::operation(operation), always);
            }
        }
        ours.replace_faults(refused);
        let out = folder.join(run.to_string());
        let arguments: Vec<String> =
            arguments.iter().map(|it| it.replace("OUT", out.to_str().unwrap())).collect();
        caller.run(actions, &ours.endpoint(), &arguments)
    };
    let actions = permissions(name).actions;
    let whole = run(actions, 0);
    assert_eq!(whole.status, status, "{arguments:?}: {whole:#?}");
    assert!(!whole.stdout.contains("enied"), "{arguments:?}: {whole:#?}");
    // What the exit status does not tell: the verdict over the versions that are left, and the record of a
    // shard, which is kept under another name if it differs.
    let made = |ran: &Ran| {
        let tells = |line: &&str| {
            ["versions that are left", "\"record\":"].iter().any(|it| line.contains(it))
        };
        ran.stdout.lines().find(tells).map(str::to_owned)
    };
    for (index, (action, _)) in actions.iter().enumerate() {
        let mut fewer = actions.to_vec();
        fewer.remove(index);
        let ran = run(&fewer, index + 1);
        let printed = [ran.stdout.as_str(), &ran.stderr].concat();
        // `recover` takes from versions what it may not read otherwise, and reports that.
        let missed =
            ran.status != status || printed.contains("enied") || made(&ran) != made(&whole);
        assert!(missed, "{arguments:?} does not need {action}: {ran:#?}");
        assert!(
            status != 0 || !printed.contains("CONTRADICTED"),
            "{arguments:?} without {action}: {printed}"
        );
        println!("{name}: {} without {action}: {}", arguments[0], ran.status);
    }
}

fn spec() -> TrailSpec {
    TrailSpec::new().bucket(BUCKET, "us-east-1").hours(6)
}

fn period(trail: &BuiltTrail) -> [String; 4] {
    let (from, to) = trail.span();
    ["--start-time".to_owned(), iso(from), "--end-time".to_owned(), iso(to)]
}

fn with<'a>(arguments: &[&'a str], period: &'a [String; 4]) -> Vec<&'a str> {
    arguments.iter().copied().chain(period.iter().map(String::as_str)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_read_need_each_action_of_their_policy() {
    let Some(caller) = Caller::new("read") else { return };
    let trail = spec().build();
    upload(&caller.server.endpoint, &trail).await;
    let (location, period) = (format!("s3://{BUCKET}"), period(&trail));
    let arn = trail.world.trails.first().unwrap().arn.clone();
    let (_, log) = trail.logs().next().unwrap();
    let file = empty_folder("permissions-file").join("log.json.gz");
    let body = &trail.world.buckets[BUCKET].objects[&log.key].last().unwrap().body;
    std::fs::write(&file, body).unwrap();
    let file = file.to_str().unwrap();

    let verify = with(&["verify", &location, "-q"], &period);
    needs_each(&caller, "read", &trail, &verify);
    needs_each(&caller, "read", &trail, &with(&["mirror", &location, "OUT", "-q"], &period));
    let lookup = with(&["lookup", file, "--in", &location, "-q"], &period);
    needs_each(&caller, "read", &trail, &lookup);
    needs_each(&caller, "read", &trail, &with(&["events", &location, "-q"], &period));
    let validate = ["validate-logs", "--trail-arn", &arn, "--s3-bucket", BUCKET];
    needs_each(&caller, "read", &trail, &with(&validate, &period));
    let validate = ["validate-logs", "--trail-arn", &arn];
    needs_each(&caller, "validate-logs", &trail, &with(&validate, &period));
    let verify = with(&["verify", "--trail-arn", &arn, "-q"], &period);
    needs_each(&caller, "verify-trail", &trail, &verify);
    let keys = ["keys", "fetch", "--region", "us-east-1", "-o", "OUT"];
    needs_each(&caller, "keys", &trail, &with(&keys, &period));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_accounts_of_an_organization_need_their_action() {
    let Some(caller) = Caller::new("organization") else { return };
    let mut trail = spec().organization("o-a1b2c3d4e5").accounts(&["111122223333"]).build();
    let (id, state) = ("111122223333".to_owned(), "ACTIVE".to_owned());
    trail.world.organization_id = Some("o-a1b2c3d4e5".to_owned());
    trail.world.accounts = vec![Member { id, name: String::new(), state, joined: 1_500_000_000 }];
    upload(&caller.server.endpoint, &trail).await;
    let (location, period) = (format!("s3://{BUCKET}"), period(&trail));
    let verify = ["verify", &location, "--expect-accounts", "organization", "-q"];
    needs_each(&caller, "verify-organization", &trail, &with(&verify, &period));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_read_versions_need_each_action_of_their_policy() {
    let Some(caller) = Caller::new("versions") else { return };
    let trail = spec().versioned().build();
    upload(&caller.server.endpoint, &trail).await;
    let (location, period) = (format!("s3://{BUCKET}"), period(&trail));
    // What is deleted now was there before.
    next_second();
    let before = iso(now());
    next_second();
    let (_, log) = trail.logs().nth(2).unwrap();
    let delete = ["s3api", "delete-object", "--bucket", BUCKET, "--key", &log.key];
    caller.administer(&delete);
    let verify = with(&["verify", &location, "--as-of", &before, "-q"], &period);
    needs_each(&caller, "verify-as-of", &trail, &verify);
    let recover = with(&["recover", &location, "--to", "OUT", "-q"], &period);
    needs_each(&caller, "recover", &trail, &recover);
    // A log file is missing, and its version is read.
    let investigate = with(&["investigate", &location, "--case", "OUT", "-q"], &period);
    needs_each_for(1, &caller, "recover", &trail, &investigate);
}

/// The evidence and the records lie in one bucket here. A record that exists is read and compared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_need_each_action_of_their_policy() {
    let Some(caller) = Caller::new("work") else { return };
    let trail = spec().build();
    upload(&caller.server.endpoint, &trail).await;
    let (location, period) = (format!("s3://{BUCKET}"), period(&trail));
    let ours = LoopbackServer::start(trail.world.clone(), ServerOptions::default()).unwrap();
    let plan = empty_folder("permissions-plan").join("plan.jsonl");
    let plan = plan.to_str().unwrap();
    let planned = with(&["plan", &location, "--output", plan, "-q"], &period);
    let planned: Vec<String> = planned.into_iter().map(str::to_owned).collect();
    caller.run(permissions("work").actions, &ours.endpoint(), &planned).is(0, "1\n");
    let to = format!("s3://{BUCKET}/run");
    let work = ["work", plan, "--shard", "0", "--to", &to, "-q"];
    needs_each(&caller, "work", &trail, &work);
}

/// The evidence and the state have a bucket each here. Each run continues a state of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_needs_each_action_of_its_policy() {
    let Some(caller) = Caller::new("watch") else { return };
    let trail = spec().build();
    upload(&caller.server.endpoint, &trail).await;
    caller.administer(&["s3api", "create-bucket", "--bucket", STATE_BUCKET]);
    let (location, period) = (format!("s3://{BUCKET}"), period(&trail));
    let ours = LoopbackServer::start(trail.world.clone(), ServerOptions::default()).unwrap();
    let actions = permissions("watch").actions;
    let (from, _) = trail.span();
    let middle = [&period[..3], &[iso(from + 2 * 3_600)]].concat();
    let folder = scratch("permissions-watch-watch");
    for run in 0..=actions.len() {
        let state = format!("s3://{STATE_BUCKET}{}", folder.join(run.to_string()).display());
        let first = ["watch", &location, "--state", &state, "-q"].map(str::to_owned);
        caller.run(actions, &ours.endpoint(), &[&first[..], &middle].concat()).is(0, "");
    }
    let state = format!("s3://{STATE_BUCKET}OUT");
    let step = with(&["watch", &location, "--state", &state, "-q"], &period);
    needs_each(&caller, "watch", &trail, &step);
}

/// moto signs the hash of the hash, which trailproof refuses: that far it comes with both actions only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_needs_each_action_of_its_policy() {
    let Some(caller) = Caller::new("sign") else { return };
    let usage = ["--key-usage", "SIGN_VERIFY", "--key-spec", "ECC_NIST_P256"];
    let key = caller.administer(&[&["kms", "create-key"][..], &usage].concat());
    let key: Value = serde_json::from_str(&key).unwrap();
    let arn = key["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    let room = AttestFolder::new("permissions");
    let record = room.0.join("record.jsonl").to_str().unwrap().to_owned();
    let out = room.0.join("signed.json").to_str().unwrap().to_owned();
    let sign = ["attest", "sign", &record, "--kms", &arn, "-o", &out].map(str::to_owned);
    let actions = permissions("sign").actions;
    let with_both = caller.run(actions, &caller.server.endpoint, &sign);
    with_both.is(5, "the new signature does not match the key");
    for (index, (action, _)) in actions.iter().enumerate() {
        let mut fewer = actions.to_vec();
        fewer.remove(index);
        let ran = caller.run(&fewer, &caller.server.endpoint, &sign);
        // moto refuses in XML, which KMS never does.
        let operation = action.strip_prefix("kms:").unwrap();
        ran.is(5, &format!("{operation} could not be called"));
    }
}
