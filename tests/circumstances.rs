//! What a run tells of who asked AWS and of the store's clock: in the record and in everything that
//! is made of it, and that it neither asks anybody who is not asked anyway nor waits for them.
#![cfg(feature = "test-support")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
use serde_json::Value;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use trailproof::test_support::copy::Copy;
use trailproof::test_support::server::{
    Date, Fault, FaultPlan, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};
use trailproof::test_support::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};

/// Whom the server answers that the caller is.
const AUDITOR: &str = "arn:aws:iam::111122223333:user/auditor";

fn trail() -> BuiltTrail {
    TrailSpec::new()
        .seed(17)
        .regions(&["us-east-1"])
        .time("2026-03-01T00:04:11Z", 6)
        .logs(LogPlan::Constant(1), LogSizes::Small)
        .build()
}

fn served(options: ServerOptions) -> LoopbackServer {
    LoopbackServer::start(trail().world, options).unwrap()
}

fn with_date(date: Date) -> LoopbackServer {
    served(ServerOptions { date: Some(date), ..ServerOptions::default() })
}

/// A server of whose STS this happens, always.
fn with_sts(fault: Fault) -> LoopbackServer {
    let asked = Matcher::operation(Operation::GetCallerIdentity);
    let faults = FaultPlan::new().with(asked, Schedule::always(fault));
    served(ServerOptions { faults, ..ServerOptions::default() })
}

/// A server whose STS answers that the caller has this ARN.
fn who_is(arn: &str) -> LoopbackServer {
    let body = format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
    );
    let content_type = "text/xml".to_owned();
    with_sts(Fault::Answer { status: 200, content_type, body })
}

fn asked_sts(server: &LoopbackServer) -> u64 {
    server.requests().of(Operation::GetCallerIdentity)
}

/// An empty folder.
fn fresh(name: &str) -> PathBuf {
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("circumstances-{name}"));
    let _ = fs::remove_dir_all(&at);
    fs::create_dir_all(&at).unwrap();
    at
}

/// What a run left.
#[derive(Debug)]
struct Ran {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

fn program(arguments: &[&str], at: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailproof"));
    command
        .args(arguments)
        .current_dir(at)
        .env_clear()
        .envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")])
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A command over the bucket, with more arguments.
fn over(command: &str, server: &LoopbackServer, at: &Path, more: &[&str]) -> Command {
    let period =
        ["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-01T06:04:11Z", "--quiet"];
    let arguments = [&[command, "s3://example-trail-logs"], more, &period].concat();
    let mut command = program(&arguments, at);
    command
        .env("AWS_ENDPOINT_URL", server.endpoint())
        .envs([("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")]);
    command
}

fn verify(server: &LoopbackServer, at: &Path, more: &[&str]) -> Ran {
    run(&mut over("verify", server, at, more))
}

/// The line of this name in a record.
fn line(at: &Path, name: &str) -> Value {
    let text = fs::read_to_string(at.join("run.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.into_iter().find(|line| line["event"] == name).unwrap()
}

fn caller(at: &Path) -> Value {
    line(at, "run-circumstances")["aws_caller"].clone()
}

fn skew(at: &Path) -> Value {
    line(at, "run-ended")["store_skew_seconds"].clone()
}

/// A record, and every report of its run, made again from it; and its attestation.
#[test]
fn caller_and_clock_are_in_everything_that_is_made_of_a_run() {
    let server = with_date(Date::Ahead(7));
    let at = fresh("whole");
    let reports = |name: &str| {
        let words = format!("--report html={name}.html --junit {name}.xml --ocsf {name}.ocsf");
        words.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    for format in ["text", "json", "jsonl"] {
        server.forget();
        let mut command = over("verify", &server, &at, &["--record", "run.jsonl"]);
        let live = run(command.args(["--format", format]).args(reports("live")));
        assert_eq!((live.status, &*live.stderr), (Some(0), ""), "{live:?}");
        assert_eq!(asked_sts(&server), 1);
        assert_eq!(caller(&at), AUDITOR);
        // A second is the least that a `Date` tells.
        assert!((6..=8).contains(&skew(&at).as_i64().unwrap()), "{}", skew(&at));
        let mut command = program(&["replay", "run.jsonl", "--format", format], &at);
        let replayed = run(command.args(reports("again")));
        assert_eq!((replayed.status, &*replayed.stderr), (Some(0), ""));
        assert_eq!(replayed.stdout, live.stdout, "{format}");
        for ending in ["html", "xml", "ocsf"] {
            let read = |name: &str| fs::read(at.join(format!("{name}.{ending}"))).unwrap();
            assert!(read("live") == read("again"), "{ending} with {format}");
        }
    }
    let page = fs::read_to_string(at.join("live.html")).unwrap();
    assert!(page.contains(&format!(", as {AUDITOR}")), "the page tells who asked");
    let done = |arguments: &[&str]| {
        let ran = run(&mut program(arguments, &at));
        assert_eq!(ran.status, Some(0), "{ran:?}");
        ran.stdout
    };
    done(&["attest", "keygen", "-o", "key.pem", "--public", "public.pem"]);
    done(&["attest", "sign", "run.jsonl", "--key", "key.pem", "-o", "signed.json"]);
    let verify = ["attest", "verify", "signed.json", "--key", "public.pem"];
    done(&[&verify[..], &["--record", "run.jsonl"]].concat());
    let signed = fs::read(at.join("signed.json")).unwrap();
    let payload = trailproof::evidence::dsse::Envelope::parse(&signed).unwrap().0.payload;
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    let predicate = &statement["predicate"];
    assert_eq!(predicate["operator"]["awsCaller"], AUDITOR);
    assert_eq!(predicate["clock"]["storeSkewSeconds"], skew(&at));
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/attestation.schema.json");
    let schema = serde_json::from_slice(&fs::read(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator.iter_errors(&statement).map(|e| e.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(validator.iter_errors(&half_a_second(statement.clone())).count() > 0);
}

/// The statement with a skew that no run tells.
fn half_a_second(mut statement: Value) -> Value {
    statement["predicate"]["clock"]["storeSkewSeconds"] = 0.5.into();
    statement
}

#[test]
fn a_mirror_tells_them_too() {
    let server = with_date(Date::Ahead(-7));
    let at = fresh("mirror");
    let ran = run(&mut over("mirror", &server, &at, &["copy", "--record", "run.jsonl"]));
    assert_eq!((ran.status, &*ran.stderr), (Some(0), ""), "{ran:?}");
    assert_eq!((asked_sts(&server), caller(&at)), (1, AUDITOR.into()));
    assert!((-8..=-6).contains(&skew(&at).as_i64().unwrap()), "{}", skew(&at));
}

#[test]
fn nobody_is_asked_for_what_no_output_tells() {
    let server = with_date(Date::Ahead(0));
    let at = fresh("unwanted");
    for more in [
        &[][..],
        &["--format", "jsonl"],
        &["--junit", "run.xml", "--ocsf", "run.ocsf"],
        &["--record", "run.jsonl", "--reproducible"],
        &["--record", "run.jsonl", "--report", "html=run.html", "--reproducible"],
        &["--dry-run"],
    ] {
        let ran = verify(&server, &at, more);
        assert_eq!((ran.status, asked_sts(&server)), (Some(0), 0), "{more:?}: {ran:?}");
        assert!(!ran.stdout.contains(AUDITOR) && !ran.stdout.contains("skew"), "{more:?}");
    }
    let record = fs::read_to_string(at.join("run.jsonl")).unwrap();
    assert!(!record.contains(AUDITOR) && !record.contains("skew"), "{record}");
    assert!(!fs::read_to_string(at.join("run.html")).unwrap().contains(AUDITOR));
    let ran = verify(&server, &at, &["--report", "html=run.html"]);
    assert_eq!((ran.status, asked_sts(&server)), (Some(0), 1), "{ran:?}");
    assert!(fs::read_to_string(at.join("run.html")).unwrap().contains(AUDITOR));
}

/// A run that reads a directory, with a set-up that could reach AWS: nobody is asked, and where
/// credentials come from is not looked at either.
#[test]
fn a_copy_is_verified_without_asking_who_asks() {
    let server = with_date(Date::Ahead(3_600));
    let at = fresh("offline");
    let copy = Copy::write(env!("CARGO_BIN_EXE_trailproof"), &at.join("copy"), &trail()).unwrap();
    let asked = at.join("asked");
    let profile = format!(
        "[default]\nregion = us-east-1\ncredential_process = sh -c 'touch {0}; exit 1'\n",
        asked.display()
    );
    fs::write(at.join("config"), profile).unwrap();
    let record = at.join("run.jsonl");
    let (path, page) = (record.to_str().unwrap(), format!("html={}", at.join("h.html").display()));
    let set_up = |command: &mut Command| {
        let own = command.env_clear().env("AWS_CONFIG_FILE", at.join("config"));
        let own = own.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        run(own.env("AWS_ENDPOINT_URL", server.endpoint()).stderr(Stdio::piped()))
    };
    let ran = set_up(&mut copy.command(&["--record", path, "--report", &page]));
    assert_eq!((ran.status, &*ran.stderr), (Some(0), ""), "{ran:?}");
    assert_eq!((caller(&at), skew(&at)), (Value::Null, Value::Null));
    assert_eq!(server.requests().total, 0);
    assert!(!asked.exists(), "credentials were looked up");
    // The same set-up is looked at by a run that needs it.
    let ran = set_up(&mut over("verify", &server, &at, &["--record", path]));
    assert_eq!(ran.status, Some(5), "{ran:?}");
    assert!(asked.exists());
}

/// Whatever becomes of the question, the run and what it tells of the evidence are the same.
#[test]
fn a_caller_who_is_not_told_is_not_missed() {
    let at = fresh("refused");
    let long = format!("arn:aws:iam::111122223333:user/{}", "x".repeat(3_000));
    for server in [
        with_sts(Fault::AccessDenied),
        with_sts(Fault::ExpiredToken),
        with_sts(Fault::SlowDown),
        with_sts(Fault::InternalError),
        with_sts(Fault::HangUp),
        with_sts(Fault::BodyCut { after: 20 }),
        who_is(""),
        who_is("auditor"),
        who_is("arn:aws:iam::111122223333:user/a&#10;b"),
        who_is("arn:aws:iam::111122223333:user/a&#x202e;&#x85;b"),
        who_is(&long),
    ] {
        let ran = verify(&server, &at, &["--record", "run.jsonl"]);
        assert_eq!((ran.status, &*ran.stderr), (Some(0), ""), "{ran:?}");
        assert_eq!((asked_sts(&server), caller(&at)), (1, Value::Null));
    }
    // A service that says nothing is waited for no longer than a moment.
    let server = with_sts(Fault::StallBeforeHeaders(Duration::from_secs(60)));
    let begun = Instant::now();
    let ran = verify(&server, &at, &["--record", "run.jsonl"]);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!((ran.status, &*ran.stderr), (Some(0), ""), "{ran:?}");
    assert_eq!((asked_sts(&server), caller(&at)), (1, Value::Null));
}

/// A user may be called what is no name but a piece of a page, in ASCII; it stays a name.
#[test]
fn what_sts_says_is_escaped() {
    let at = fresh("escaped");
    let server = who_is("arn:aws:iam::111122223333:user/&lt;script&gt;alert(1)&lt;/script&gt;/x");
    let ran = verify(&server, &at, &["--record", "run.jsonl", "--report", "html=run.html"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(caller(&at), "arn:aws:iam::111122223333:user/<script>alert(1)</script>/x");
    let page = fs::read_to_string(at.join("run.html")).unwrap();
    assert!(page.contains("user/&#60;script&#62;"), "it is shown");
    assert!(!page.contains("<script"), "and is no script");
}

#[test]
fn sts_has_an_endpoint_of_its_own_as_the_others_have() {
    let at = fresh("endpoints");
    let (store, sts) =
        (served(ServerOptions::default()), who_is("arn:aws:sts::1:assumed-role/r/s"));
    let run_with = |set: &[(&str, &str)]| {
        let mut command = over("verify", &store, &at, &["--record", "run.jsonl"]);
        let ran = run(command.envs(set.iter().copied()));
        assert_eq!((ran.status, &*ran.stderr), (Some(0), ""), "{ran:?}");
        caller(&at)
    };
    let sts_url = sts.endpoint();
    assert_eq!(run_with(&[("AWS_ENDPOINT_URL_STS", &sts_url)]), "arn:aws:sts::1:assumed-role/r/s");
    assert_eq!((asked_sts(&store), asked_sts(&sts)), (0, 1));
    assert_eq!(run_with(&[("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")]), Value::Null);
    // That of the command line is for all of them.
    let mut command =
        over("verify", &sts, &at, &["--record", "run.jsonl", "--endpoint-url", &sts_url]);
    let ran = run(command.env_remove("AWS_ENDPOINT_URL"));
    assert_eq!((ran.status, asked_sts(&sts)), (Some(0), 2), "{ran:?}");
    // A store of its own has credentials of its own, which are not for AWS to see. Everything that
    // is asked over TLS would come by here.
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let at_proxy = format!("http://{}", proxy.local_addr().unwrap());
    let mut command = over("verify", &store, &at, &["--record", "run.jsonl"]);
    let command = command.env_remove("AWS_ENDPOINT_URL").env("HTTPS_PROXY", &at_proxy);
    let command = command.env("AWS_ENDPOINT_URL_CLOUDTRAIL", store.endpoint());
    let own = run(command.env("AWS_ENDPOINT_URL_S3", store.endpoint()));
    assert_eq!((own.status, caller(&at)), (Some(0), Value::Null), "{own:?}");
    assert!(proxy.accept().is_err(), "AWS was asked");
}

#[test]
fn a_clock_that_is_far_off_is_told() {
    let at = fresh("skewed");
    let words = |date: Date, more: &[&str]| {
        let ran = verify(&with_date(date), &at, more);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        ran.stderr
    };
    for (ahead, side) in [(3_600, "ahead of"), (-3_600, "behind")] {
        for more in [&["--record", "run.jsonl"][..], &[], &["--dry-run"]] {
            let told = words(Date::Ahead(ahead), more);
            assert!(told.starts_with("warning: the store's clock is 3"), "{told}");
            assert!(told.contains(&format!(" seconds {side} this machine's")), "{told}");
            assert_eq!(told.lines().count(), 1, "{told}");
        }
        assert!((skew(&at).as_i64().unwrap() - ahead).abs() <= 1, "{}", skew(&at));
    }
    assert_eq!(words(Date::Ahead(50), &[]), "");
    assert_eq!(words(Date::Ahead(-50), &[]), "");
}

#[test]
fn a_date_that_is_none_says_nothing() {
    let at = fresh("dates");
    for date in [
        "",
        "yesterday",
        "Mon, 01 Mar 2026 00:00:00 GMT",
        "Sun, 01 Mar 2026 00:00:00 GMT+",
        // As a cache in between has it.
        "Sun, 01 Mar 2026 00:00:00 GMT\r\nAge: 5",
    ] {
        let server = with_date(Date::Words(date.to_owned()));
        let ran = verify(&server, &at, &["--record", "run.jsonl"]);
        assert_eq!((ran.status, &*ran.stderr), (Some(0), ""), "{date}: {ran:?}");
        assert_eq!(skew(&at), Value::Null, "{date}");
    }
    let ran = verify(&served(ServerOptions::default()), &at, &["--record", "run.jsonl"]);
    assert_eq!((ran.status, skew(&at)), (Some(0), Value::Null), "{ran:?}");
    // One of long ago is a clock that is far off.
    let epoch = with_date(Date::Words("Thu, 01 Jan 1970 00:00:00 GMT".to_owned()));
    let ran = verify(&epoch, &at, &["--record", "run.jsonl"]);
    assert!(skew(&at).as_i64().unwrap() < -1_700_000_000, "{ran:?}");
}
