//! The calls of KMS as a second witness: a log file was written, even where it and its digest are gone.
use super::{Investigated, investigate};
use crate::support::program::empty_folder;
use serde_json::{Value, json};
use std::fs;
use trailproof_testkit::trail::{Attacked, Deed, DigestAt, EventSpec, LogAt, TrailSpec};

const GONE: DigestAt = DigestAt { chain: 0, index: 8 };

fn spec() -> TrailSpec {
    TrailSpec::new().seed(31).hours(24)
}

/// The call of KMS for the log file of a digest.
fn request(index: usize, by_cloudtrail: bool) -> String {
    let key = spec().build().chains[0].digests[index].logs[0].key.clone();
    let mut context = json!({"aws:s3:arn": format!("arn:aws:s3:::example-trail-logs/{key}")});
    if by_cloudtrail {
        context["aws:cloudtrail:arn"] = spec().arn().into();
    }
    let key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    json!({"keySpec": "AES_256", "keyId": key, "encryptionContext": context}).to_string()
}

fn call(index: usize, by_cloudtrail: bool) -> EventSpec {
    EventSpec::new("kms.amazonaws.com", "GenerateDataKey").request(&request(index, by_cloudtrail))
}

fn run(name: &str, events: &[EventSpec], harm: &[Deed], more: &[&str]) -> Investigated {
    let spec = events.iter().fold(spec(), |spec, event| spec.event(12, event.clone()));
    let mut trail = spec.build();
    trail.apply_all(harm).unwrap();
    investigate(name, &Attacked { trail, when: 0, ransomed: None }, more)
}

fn gone() -> [Deed; 2] {
    [Deed::LogDeleted(LogAt { digest: GONE, log: 0 }), Deed::DigestDeleted(GONE)]
}

fn told(ran: &Investigated) -> Value {
    let case = ran.case();
    let noticed = case["notices"].to_string().contains("kms-written");
    json!([case["kms"]["written"], case["kms"]["gone"], noticed])
}

#[test]
fn a_log_file_that_is_gone_with_its_digest_was_written() {
    let ran = run("kms-gone", &[call(8, true)], &gone(), &[]);
    assert_eq!(told(&ran), json!([1, 1, true]), "{}", ran.ran.stdout);
    let file = ran.case()["kms"]["log_files"][0].clone();
    let key = spec().build().chains[0].digests[8].logs[0].key.clone();
    assert_eq!(file["log_file"], format!("s3://example-trail-logs/{key}"));
    assert_eq!((&file["by_cloudtrail"], &file["is_there"]), (&true.into(), &false.into()));
    assert!(file["recorded_in"].is_string() && file["digest"].is_string(), "{file}");
    let text = &ran.ran.stdout;
    assert!(
        text.contains("second witness, unsigned: KMS was asked to encrypt 1 log file"),
        "{text}"
    );
    let timeline = fs::read_to_string(ran.folder.join("timeline.jsonl")).unwrap();
    let line = timeline.lines().find(|line| line.contains("GenerateDataKey")).unwrap();
    assert!(line.contains(&key) && line.contains("\"unsigned\"") && line.contains("\"gone\""));

    // It lies there, and only its digest is gone.
    let ran = run("kms-there", &[call(8, true)], &gone()[1..], &[]);
    assert_eq!(told(&ran), json!([1, 0, false]), "{}", ran.ran.stdout);
    // Digests name it, or nothing is wrong at all.
    let ran = run("kms-named", &[call(5, true)], &gone(), &[]);
    assert_eq!(told(&ran), json!([0, 0, false]), "{}", ran.ran.stdout);
    let ran = run("kms-quiet", &[call(8, true)], &[], &[]);
    assert_eq!(told(&ran), json!([0, 0, false]), "{}", ran.ran.stdout);
    // Somebody else wrote under that name.
    let ran = run("kms-foreign", &[call(8, false)], &gone(), &[]);
    assert!(ran.ran.stdout.contains("1 object not for CloudTrail, by "), "{}", ran.ran.stdout);
    assert!(ran.ran.stdout.contains("user/mallory"), "{}", ran.ran.stdout);
}

/// Whoever replaced a log file with one of their own had KMS encrypt it, and whoever read the evidence had KMS
/// decrypt it. CloudTrail's own calls for what digests name say nothing new.
#[test]
fn callers_of_kms_are_named() {
    let replaced =
        [Deed::LogContentChanged(LogAt { digest: DigestAt { chain: 0, index: 5 }, log: 0 })];
    let foreign = call(5, false).by("arn:aws:iam::111122223333:user/writer").id("w");
    let reads = |who: &str, id: &str| {
        let by = format!("arn:aws:iam::111122223333:user/{who}");
        EventSpec::new("kms.amazonaws.com", "Decrypt").request(&request(5, true)).by(&by).id(id)
    };
    let events = [call(5, true), foreign, reads("reader", "r1"), reads("reader", "r2")];
    let ran = run("kms-callers", &events, &replaced, &[]);
    let kms = ran.case()["kms"].clone();
    assert_eq!(kms["log_files"].as_array().unwrap().len(), 1, "{kms}");
    assert_eq!(kms["log_files"][0]["who"], "arn:aws:iam::111122223333:user/writer");
    assert_eq!(kms["log_files"][0]["by_cloudtrail"], false);
    let readers = kms["readers"].as_array().unwrap();
    assert_eq!(readers.len(), 1, "{kms}");
    assert_eq!(readers[0]["who"], "arn:aws:iam::111122223333:user/reader");
    assert_eq!(readers[0]["calls"], 2);
    let text = &ran.ran.stdout;
    for part in [
        "encrypt 1 object not for CloudTrail, by arn:aws:iam::111122223333:user/writer",
        "decrypt log files by arn:aws:iam::111122223333:user/reader",
    ] {
        assert!(text.replace("\n", " ").contains(part), "{part}: {text}");
    }
    // The last of several wrote what is there. CloudTrail itself writes without a trail in the context where
    // only the bucket has a key.
    let by = |who: &str, id: &str, after: i64| {
        let at = spec().start + 12 * 3_600 + after;
        call(5, false).by(who).id(id).at(at)
    };
    let last = "arn:aws:iam::111122223333:user/last";
    let first = "arn:aws:iam::111122223333:user/first";
    let own = by("cloudtrail.amazonaws.com", "o", 0);
    let events = [own.clone(), by(last, "l", 200), by(first, "f", 100)];
    let ran = run("kms-callers-several", &events, &replaced, &[]);
    assert_eq!(ran.case()["kms"]["log_files"][0]["who"], last, "{}", ran.ran.stdout);
    let ran = run("kms-callers-own", &[own], &replaced, &[]);
    assert_eq!(ran.case()["kms"]["log_files"], json!([]), "{}", ran.ran.stdout);
    // Nothing is wrong with what they wrote and read.
    let ran = run("kms-callers-quiet", &[call(5, false)], &[], &[]);
    assert_eq!(ran.case()["kms"]["log_files"], json!([]), "{}", ran.ran.stdout);
}

#[test]
fn events_of_kms_may_come_from_a_file_that_nobody_signed() {
    let event = json!({
        "eventID": "1", "eventName": "GenerateDataKey", "eventSource": "kms.amazonaws.com",
        "eventTime": "2026-03-01T08:30:00Z", "requestParameters":
            serde_json::from_str::<Value>(&request(8, true)).unwrap(),
        "userIdentity": {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"},
    });
    let lookup = json!({"EventId": "1", "CloudTrailEvent": event.to_string()});
    for (name, text) in [("plain", event.to_string()), ("lookup", lookup.to_string())] {
        let file = empty_folder(&format!("kms-file-{name}")).join("events.jsonl");
        fs::write(&file, format!("\n{{\"other\":1}}\n{text}\n")).unwrap();
        let more = ["--kms-events", file.to_str().unwrap()];
        let ran = run(&format!("kms-file-{name}"), &[], &gone(), &more);
        assert_eq!(told(&ran), json!([1, 1, true]), "{} {}", ran.ran.stdout, ran.ran.stderr);
        assert_eq!(ran.case()["kms"]["log_files"][0]["recorded_in"], Value::Null);
    }
    let file = empty_folder("kms-file-wrong").join("events.jsonl");
    fs::write(&file, "no event\n").unwrap();
    let ran = run("kms-file-wrong", &[], &gone(), &["--kms-events", file.to_str().unwrap()]);
    assert_eq!(ran.ran.status, 2, "{}", ran.ran.stderr);
    assert!(ran.ran.stderr.contains("no line is an event"), "{}", ran.ran.stderr);
}
