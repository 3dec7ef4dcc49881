//! Every way in which a request fails before a run begins, and what the program says of it: in plain
//! words what failed and for which place, and what to do.
use crate::support::program::{NOWHERE, Ran, connect, program, scratch};
use std::fs;
use std::process::Command;
use trailproof_testkit::server::{
    Fault, FaultPlan, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};

const LOCATION: &str = "s3://example-trail-logs";
const ARN: &str = "arn:aws:cloudtrail:us-east-1:111122223333:trail/management-events";
const PERIOD: [&str; 4] =
    ["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-01T02:04:11Z"];

/// What libraries say, and people must not have to read.
const RAW: [&str; 16] = [
    "dispatch failure",
    "service error",
    "unhandled error",
    "response error",
    "os error",
    "io error",
    "client error",
    "connection error",
    "dns error",
    "tunnel error",
    "failed to construct",
    "Error {",
    "Some(",
    "DispatchFailure",
    "ConnectorError",
    "hyper",
];

fn trail() -> BuiltTrail {
    TrailSpec::new()
        .seed(7)
        .time("2026-03-01T00:04:11Z", 3)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .build()
}

fn serve(operation: Operation, fault: Fault) -> LoopbackServer {
    let faults = FaultPlan::new().with(Matcher::operation(operation), Schedule::always(fault));
    let options = ServerOptions { faults, ..ServerOptions::default() };
    LoopbackServer::start(trail().world, options).unwrap()
}

/// Returns `verify` of a location at this endpoint, with one attempt for each request.
fn verify(endpoint: &str, location: &str, more: &[&str]) -> Command {
    let mut command = program(&[&["verify", location][..], &PERIOD, more].concat());
    connect(&mut command, endpoint).env("AWS_MAX_ATTEMPTS", "1");
    command
}

/// Runs a command that must not begin, and checks that it says all of this, and nothing raw.
fn says(name: &str, command: &mut Command, status: i32, words: &[&str]) {
    let ran = Ran::from(command);
    assert_eq!((ran.status, ran.stdout.as_str()), (status, ""), "{name}: {}", ran.stderr);
    let (error, hint) = ran.stderr.split_once("\n\nhint: ").unwrap_or((&ran.stderr, ""));
    assert!(error.starts_with("error: ") || error.contains("\nerror: "), "{name}: {error}");
    assert!(!hint.is_empty(), "{name} gives no hint: {error}");
    for word in words {
        assert!(ran.stderr.contains(word), "{name}: `{word}` is not in {}", ran.stderr);
    }
    for raw in RAW {
        assert!(!ran.stderr.contains(raw), "{name}: `{raw}` is in {}", ran.stderr);
    }
}

/// Returns the answer of S3 with this error.
fn answer(status: u16, code: &str, message: &str) -> Fault {
    Fault::Answer {
        status,
        content_type: "application/xml".to_owned(),
        body: format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
             <Message>{message}</Message><RequestId>1</RequestId></Error>"
        ),
    }
}

#[test]
fn every_refusal_of_s3_has_words_and_a_hint() {
    let denied = "User: arn:aws:iam::111122223333:user/a is not authorized to perform: s3:ListBucket \
                  on resource: \"arn:aws:s3:::example-trail-logs\" with an explicit deny in a";
    let policy = |kind: &str| answer(403, "AccessDenied", &format!("{denied} {kind}"));
    let list = "cannot list `s3://example-trail-logs`: ";
    for (fault, words, hint) in [
        (
            Fault::AccessDenied,
            "access denied: User: arn:aws:iam",
            "allow `s3:ListBucket` to the identity",
        ),
        (
            answer(403, "AccessDenied", "Access Denied"),
            "access denied (AccessDenied)",
            "allow `s3:ListBucket`",
        ),
        (
            policy("service control policy"),
            "service control policy",
            "a policy of the organization forbids `s3:ListBucket`",
        ),
        (policy("resource-based policy"), "resource-based policy", "in the policy of the bucket"),
        (policy("VPC endpoint policy"), "VPC endpoint policy", "in the policy of the VPC endpoint"),
        (policy("permissions boundary"), "permissions boundary", "in the permissions boundary"),
        (policy("session policy"), "session policy", "the session was begun"),
        (
            Fault::ExpiredToken,
            "the credentials have expired (ExpiredToken)",
            "renew the keys in `AWS_ACCESS_KEY_ID`",
        ),
        (
            answer(
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
            "AWS does not know the access key (InvalidAccessKeyId)",
            "`aws sts get-caller-identity`",
        ),
        (
            answer(
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match",
            ),
            "the secret key does not belong to the access key (SignatureDoesNotMatch)",
            "check the secret key",
        ),
        (
            answer(400, "InvalidToken", "The provided token is malformed or otherwise invalid."),
            "AWS does not accept the session token (InvalidToken)",
            "regional STS endpoints",
        ),
        (
            answer(
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            ),
            "this machine's clock differs too much from the service's (RequestTimeTooSkewed)",
            "set this machine's clock",
        ),
        (
            answer(400, "AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong"),
            "the bucket is in a different region (AuthorizationHeaderMalformed)",
            "`aws configure list`",
        ),
        (
            answer(403, "AllAccessDisabled", "All access to this object has been disabled"),
            "the account may not use the service (AllAccessDisabled)",
            "ask the owner of the account",
        ),
        (Fault::SlowDown, "the service asks for fewer requests (SlowDown)", "--concurrency"),
        (Fault::Reset, "ended the connection without an answer", "without a network"),
        (Fault::HangUp, "ended the connection without an answer", "without a network"),
    ] {
        let server = serve(Operation::ListObjectsV2, fault);
        let words = [list, words, hint];
        says(words[1], &mut verify(&server.endpoint(), LOCATION, &[]), 5, &words);
    }
}

#[test]
fn a_bucket_that_does_not_exist_is_named() {
    let server = LoopbackServer::start(trail().world, ServerOptions::default()).unwrap();
    let words = [
        "cannot list `s3://no-such-bucket`: there is no such bucket (NoSuchBucket)",
        "`aws s3 ls`",
    ];
    says("absent", &mut verify(&server.endpoint(), "s3://no-such-bucket", &[]), 4, &words);
}

#[test]
fn a_host_that_cannot_be_reached_is_named() {
    let server = LoopbackServer::start(trail().world, ServerOptions::default()).unwrap();
    let plain = server.endpoint().replace("http://", "https://");
    let (host, hint) = (plain.trim_start_matches("https://"), "without a network");
    let refused = "cannot reach `127.0.0.1:9`: the connection was refused";
    let name = "cannot reach `no-such-host.invalid`: its name cannot be resolved";
    let tls = format!("cannot reach `{host}`: it does not answer in TLS");
    for (endpoint, words) in
        [(NOWHERE, refused), ("http://no-such-host.invalid", name), (plain.as_str(), &tls)]
    {
        says(endpoint, &mut verify(endpoint, LOCATION, &[]), 5, &[words, hint]);
        // CloudTrail is asked first.
        let arn = ["verify", "--trail-arn", ARN];
        let mut command = program(&[&arn[..], &PERIOD].concat());
        connect(&mut command, endpoint).env("AWS_MAX_ATTEMPTS", "1");
        let operation = "DescribeTrails could not be called: ";
        says(endpoint, &mut command, 5, &[operation, words, hint]);
    }
    let mut proxied = verify("https://example.com", LOCATION, &[]);
    proxied.env("HTTPS_PROXY", NOWHERE);
    let words = ["cannot reach `example.com`: ", "(the variable `HTTPS_PROXY` names a proxy)"];
    says("proxy", &mut proxied, 5, &words);
}

#[test]
fn refusals_of_other_services_have_hints() {
    for (operation, fault, more, words) in [
        (
            Operation::ListAccounts,
            Fault::AccessDenied,
            &["--expect-accounts", "organization"][..],
            [
                "(AccessDeniedException) when calling the ListAccounts operation",
                "management account",
            ],
        ),
        (
            Operation::ListAccounts,
            Fault::ExpiredToken,
            &["--expect-accounts", "organization"],
            ["(ExpiredTokenException)", "renew the keys in `AWS_ACCESS_KEY_ID`"],
        ),
        (
            Operation::DescribeTrails,
            Fault::AccessDenied,
            &["--trail-arn", ARN],
            [
                "(AccessDeniedException) when calling the DescribeTrails operation",
                "allow `cloudtrail:DescribeTrails`",
            ],
        ),
    ] {
        let server = serve(operation, fault);
        let location: &[&str] = if more.contains(&ARN) { &[] } else { &[LOCATION] };
        let mut command = program(&[&["verify"], location, &PERIOD, more].concat());
        connect(&mut command, &server.endpoint()).env("AWS_MAX_ATTEMPTS", "1");
        says(words[0], &mut command, 5, &words);
    }
    let bundle = scratch("failed-keys.json");
    let fetch = ["keys", "fetch", "--region", "us-east-1", "-o", bundle.to_str().unwrap()];
    let words = ["us-east-1: ListPublicKeys could not be called: ", "the connection was refused"];
    says("keys", connect(&mut program(&fetch), NOWHERE), 5, &words);
}

#[test]
fn credentials_that_are_missing_or_cannot_be_had_are_explained() {
    let room = scratch("failed-credentials");
    fs::create_dir_all(&room).unwrap();
    let config = room.join("config");
    fs::write(
        &config,
        "[profile audit]\nregion=eu-west-1\nsso_session=x\nsso_account_id=111122223333\n\
         sso_role_name=R\n[sso-session x]\nsso_region=eu-west-1\n\
         sso_start_url=https://example.awsapps.com/start\n\
         [profile role]\nregion=eu-west-1\nrole_arn=arn:aws:iam::111122223333:role/a\nsource_profile=keys\n\
         [profile keys]\naws_access_key_id=A\naws_secret_access_key=S\n",
    )
    .unwrap();
    let run = |more: &[&str]| {
        let mut command = program(&[&["verify", LOCATION][..], &PERIOD, more].concat());
        command.env("AWS_CONFIG_FILE", &config).env("HOME", &room).env("AWS_MAX_ATTEMPTS", "1");
        command
    };
    for (more, words) in [
        (&[][..], ["Unable to locate credentials", "name a profile with `--profile`"]),
        (
            &["--profile", "nobody"],
            ["The config profile (nobody)", "`aws configure list-profiles`"],
        ),
        (
            &["--profile", "audit"],
            ["cannot get credentials for the profile `audit`", "`aws sso login --profile audit`"],
        ),
        (
            &["--profile", "role"],
            [
                "STS refused the role `arn:aws:iam::111122223333:role/a`: cannot reach `127.0.0.1:9`",
                "",
            ],
        ),
    ] {
        let ran = Ran::from(&mut run(more));
        assert_eq!((ran.status, ran.stdout.as_str()), (5, ""), "{more:?}: {}", ran.stderr);
        for word in words {
            assert!(ran.stderr.contains(word), "{more:?}: `{word}` is not in {}", ran.stderr);
        }
        for raw in RAW {
            assert!(!ran.stderr.contains(raw), "{more:?}: `{raw}` is in {}", ran.stderr);
        }
    }
}

/// If the credentials expire during a run, the report says so, and does not send the reader to look for
/// permissions.
#[test]
fn credentials_that_expire_during_a_run_are_a_next_step() {
    let faults = FaultPlan::new()
        .with(Matcher::operation(Operation::GetObject), Schedule::always(Fault::ExpiredToken));
    let options = ServerOptions { faults, ..ServerOptions::default() };
    let server = LoopbackServer::start(trail().world, options).unwrap();
    let ran = Ran::from(&mut verify(&server.endpoint(), LOCATION, &[]));
    assert_eq!(ran.status, 3, "{}", ran.stderr);
    assert!(ran.stdout.contains("renew them (`aws sso login`"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("allow `s3:GetObject`"), "{}", ran.stdout);
}
