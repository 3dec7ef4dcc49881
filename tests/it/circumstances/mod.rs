//! What a run reports about its AWS caller and the store's clock, in the record and in everything
//! that is generated from it. A run asks for the caller only if it contacts AWS anyway, and does
//! not wait for the answer.
mod caller;
mod clock;
use crate::support::copy::Copy;
use crate::support::program::{NOWHERE, Ran, connected, empty_folder, program};
use serde_json::Value;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use trailproof_testkit::server::{
    Date, Fault, FaultPlan, LoopbackServer, Matcher, Operation, Schedule, ServerOptions,
};
use trailproof_testkit::trail::{BuiltTrail, LogPlan, LogSizes, TrailSpec};

fn with_date(date: Date) -> LoopbackServer {
    served(ServerOptions { date: Some(date), ..ServerOptions::default() })
}

fn skew(at: &Path) -> Value {
    line(at, "run-ended")["store_skew_seconds"].clone()
}

/// Returns a server whose STS always shows this fault.
fn with_sts(fault: Fault) -> LoopbackServer {
    let asked = Matcher::operation(Operation::GetCallerIdentity);
    let faults = FaultPlan::new().with(asked, Schedule::always(fault));
    served(ServerOptions { faults, ..ServerOptions::default() })
}

fn asked_sts(server: &LoopbackServer) -> u64 {
    server.requests().of(Operation::GetCallerIdentity)
}

/// The ARN that the server returns for the caller.
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

/// Returns a server whose STS answers with this ARN.
fn who_is(arn: &str) -> LoopbackServer {
    let body = format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
    );
    let content_type = "text/xml".to_owned();
    with_sts(Fault::Answer { status: 200, content_type, body })
}

/// Returns an empty folder.
fn fresh(name: &str) -> PathBuf {
    empty_folder(&format!("circumstances-{name}"))
}

fn in_folder(mut command: Command, at: &Path) -> Command {
    command.current_dir(at);
    command
}

/// Returns a command over the bucket, with more arguments.
fn over(command: &str, server: &LoopbackServer, at: &Path, more: &[&str]) -> Command {
    let period =
        ["--start-time", "2026-03-01T00:04:11Z", "--end-time", "2026-03-01T06:04:11Z", "--quiet"];
    let arguments = [&[command, "s3://example-trail-logs", "--force"], more, &period].concat();
    in_folder(connected(server, &arguments), at)
}

fn verify(server: &LoopbackServer, at: &Path, more: &[&str]) -> Ran {
    Ran::from(&mut over("verify", server, at, more))
}

/// Returns the line of a record with this event name.
fn line(at: &Path, name: &str) -> Value {
    let text = fs::read_to_string(at.join("run.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.into_iter().find(|line| line["event"] == name).unwrap()
}

fn caller(at: &Path) -> Value {
    line(at, "run-circumstances")["aws_caller"].clone()
}

/// Covers a record, every report that is generated from it, and its attestation.
#[test]
fn every_output_of_a_run_has_caller_and_clock() {
    let server = with_date(Date::Ahead(7));
    let at = fresh("whole");
    let reports = |name: &str| {
        let words =
            format!("--force --report html={name}.html --junit {name}.xml --ocsf {name}.ocsf");
        words.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    for format in ["text", "json", "jsonl"] {
        server.forget();
        let mut command = over("verify", &server, &at, &["--record", "run.jsonl"]);
        let live = Ran::from(command.args(["--format", format]).args(&reports("live")[1..]));
        assert_eq!((live.status, &*live.stderr), (0, ""), "{live:?}");
        assert_eq!(asked_sts(&server), 1);
        assert_eq!(caller(&at), AUDITOR);
        // `Date` has a resolution of one second.
        assert!((6..=8).contains(&skew(&at).as_i64().unwrap()), "{}", skew(&at));
        let mut command = program(&["replay", "run.jsonl", "--quiet", "--format", format]);
        let replayed = Ran::from(command.args(reports("again")).current_dir(&at));
        assert_eq!((replayed.status, &*replayed.stderr), (0, ""));
        assert_eq!(replayed.stdout, live.stdout, "{format}");
        for ending in ["html", "xml", "ocsf"] {
            let read = |name: &str| fs::read(at.join(format!("{name}.{ending}"))).unwrap();
            assert!(read("live") == read("again"), "{ending} with {format}");
        }
    }
    let page = fs::read_to_string(at.join("live.html")).unwrap();
    assert!(page.contains(&format!(", as {AUDITOR}")), "the page must show the caller");
    let done = |arguments: &[&str]| {
        let ran = Ran::from(program(arguments).current_dir(&at));
        assert_eq!(ran.status, 0, "{ran:?}");
        ran.stdout
    };
    done(&["attest", "keygen", "-o", "key.pem", "--public", "public.pem"]);
    done(&["attest", "sign", "run.jsonl", "--key", "key.pem", "-o", "signed.json"]);
    let verify = ["attest", "verify", "signed.json", "--key", "public.pem"];
    done(&[&verify[..], &["--record", "run.jsonl"]].concat());
    let signed = fs::read(at.join("signed.json")).unwrap();
    let payload = trailproof::attest::dsse::Envelope::parse(&signed).unwrap().0.payload;
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    let predicate = &statement["predicate"];
    assert_eq!(predicate["operator"]["awsCaller"], AUDITOR);
    assert_eq!(predicate["clock"]["storeSkewSeconds"], skew(&at));
    let schema =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/format/attestation.schema.json");
    let schema = serde_json::from_slice(&fs::read(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator.iter_errors(&statement).map(|e| e.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(validator.iter_errors(&half_a_second(statement.clone())).count() > 0);
}

/// Returns the statement with a skew that no run reports.
fn half_a_second(mut statement: Value) -> Value {
    statement["predicate"]["clock"]["storeSkewSeconds"] = 0.5.into();
    statement
}

#[test]
fn a_mirror_has_caller_and_clock_too() {
    let server = with_date(Date::Ahead(-7));
    let at = fresh("mirror");
    let ran = Ran::from(&mut over("mirror", &server, &at, &["copy", "--record", "run.jsonl"]));
    assert_eq!((ran.status, &*ran.stderr), (0, ""), "{ran:?}");
    assert_eq!((asked_sts(&server), caller(&at)), (1, AUDITOR.into()));
    assert!((-8..=-6).contains(&skew(&at).as_i64().unwrap()), "{}", skew(&at));
}
